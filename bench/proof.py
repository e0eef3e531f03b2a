"""How sure the proof of an installation is: `python -m bench.proof --homes 60`, or `--part simulator --homes 20`.

generated: random homes of the proof's own tests, with noise, lag and torn polls. simulator: random homes of the
simulator, wired wrongly there and read by the agent over Modbus as SunSpec, Sungrow, Huawei, Deye and five heating
controllers; about 15 s for each home and family. A home of which some power is open at every hour has rows of its own:
how often it, and its mistakes, are told as open or named right, not called something else.
"""

import argparse
import asyncio
import sys

from tests.helpers.proof_table import HEAT_MISTAKES, POWER_MISTAKES, count_heat, count_power
from tests.helpers.wired_homes import BOILERS, HOMES
from tests.helpers.wired_table import Table, judge_boiler, judge_home


def generated(homes: range) -> None:
    print("| installation | homes | named right |\n|---|---:|---:|")
    for kind, mistakes, count in (("powers", POWER_MISTAKES, count_power), ("heating", HEAT_MISTAKES, count_heat)):
        for mistake in (None, *mistakes):
            right = count(mistake, homes)
            print(f"| {kind}: {mistake or 'everything right'} | {len(homes)} | {right / len(homes):.1%} |")
            sys.stdout.flush()


async def simulator(homes: range) -> None:
    powers: Table = {}
    heat: Table = {}
    for number in homes:
        for device in BOILERS:
            await judge_boiler(device, number, heat)
        for device in HOMES:
            await judge_home(device, number, powers)
        print(f"home {number}", file=sys.stderr, flush=True)
    print("| simulator's switch | proofs | named right |\n|---|---:|---:|")
    for kind, table in (("powers", powers), ("heating", heat)):
        for wrong, count in table.items():
            print(f"| {kind}: {wrong} | {count.homes} | {count.right / count.homes:.1%} |")
    for table in (powers, heat):
        for wrong, count in table.items():
            for missed in count.missed:
                print(f"missed: {wrong}: {missed}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.proof", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=["generated", "simulator"], default="generated")
    parser.add_argument("--homes", type=int, default=60, help="random homes for each mistake (default: %(default)s)")
    parser.add_argument("--first", type=int, default=5000, help="seed of the first home (default: %(default)s)")
    arguments = parser.parse_args()
    homes = range(arguments.first, arguments.first + arguments.homes)
    if arguments.part == "generated":
        generated(homes)
    else:
        asyncio.run(simulator(homes))


if __name__ == "__main__":
    main()
