"""How sure the proof of an installation is: `python -m bench.proof --homes 100`."""

import argparse
import sys

from tests.helpers.proof_table import HEAT_MISTAKES, POWER_MISTAKES, count_heat, count_power


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.proof", description=__doc__)
    parser.add_argument("--homes", type=int, default=100, help="random homes for each mistake (default: %(default)s)")
    parser.add_argument("--first", type=int, default=5000, help="seed of the first home (default: %(default)s)")
    arguments = parser.parse_args()
    homes = range(arguments.first, arguments.first + arguments.homes)
    print("| installation | homes | named right |\n|---|---:|---:|")
    for kind, mistakes, count in (("powers", POWER_MISTAKES, count_power), ("heating", HEAT_MISTAKES, count_heat)):
        for mistake in (None, *mistakes):
            right = count(mistake, homes)
            print(f"| {kind}: {mistake or 'everything right'} | {len(homes)} | {right / len(homes):.1%} |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
