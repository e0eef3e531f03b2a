"""Ten devices on one agent, one dead, one too slow, one with noise: `python -m bench.devices [--rounds 1000]`.

Modbus TCP, RTU on a serial line (a pty pair with the time of 38,400 baud) and RTU over TCP. All times are a tenth of
life's: an interval of 1 s for 10 s, answers 0.4 s late for 4 s, a patience of 0.3 s for 3 s.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.sources.fingerprints import probes_of
from agent.sources.profile import signals_of
from agent.sources.profile_file import ProfileShelf
from tests.helpers.ten_devices import CONVERTER, DEAD, INTERVAL_S, NOISY, SERIAL, SLOW, TCP, Tally, poll_ten

_LINES = {TCP: "Modbus TCP", SERIAL: "RTU, serial", CONVERTER: "RTU over TCP"}
_TROUBLE = {NOISY: "20 % of its answers damaged", SLOW: "answers 4 s late", DEAD: "dead"}


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else 0.0


def rows(tally: Tally) -> list[dict[str, Any]]:
    """One for each device."""
    lines = {number: line for numbers, line in _LINES.items() for number in numbers}
    return [
        {
            "device": number,
            "line": lines[number],
            "trouble": _TROUBLE.get(number, ""),
            "samples": tally.asked,
            "good": tally.good[number],
            "wrong": tally.wrong[number],
            "asked": len(tally.late_s[number]) + 1,
            "behind_p99_s": round(_p99(tally.late_s[number]), 3),
        }
        for number in range(1, 11)
    ]


def profile_lines() -> Iterator[str]:
    """Every shipped profile: how a scan knows it, how much it gives, and what a site file may choose."""
    yield "| profile | device | known by | signals | variants |\n|---|---|---|---:|---|"
    for profile in ProfileShelf().sound()[0]:
        probes = list(probes_of(profile))
        how = ["a fingerprint" if len(probe.entries) == 1 else f"{len(probe.entries)} registers" for probe in probes]
        if profile.kind == "sunspec":
            how.append("SunSpec's model 1")
        elif profile.maker == "Growatt":
            how.append("serial number and firmware; which map, a person says")
        known = " or ".join(dict.fromkeys(how)) or "the maker's name in SunSpec's model 1"
        variants = ", ".join(variant.name for variant in profile.variant)
        device = f"{profile.maker} {profile.model}"
        yield f"| {profile.name} | {device} | {known} | {len(signals_of(profile))} | {variants} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.devices", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=1000, help="polls of every device (default: %(default)s)")
    parser.add_argument("--interval", type=float, default=INTERVAL_S, help="seconds between (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.add_argument("--profiles", action="store_true", help="only the table of the shipped profiles")
    arguments = parser.parse_args()
    if arguments.profiles:
        print("\n".join(profile_lines()))
        return
    with tempfile.TemporaryDirectory() as folder:
        tally = asyncio.run(poll_ten(Path(folder), arguments.rounds, arguments.interval))
    if arguments.json:
        print(json.dumps(rows(tally), indent=2))
        return
    print("| device | line | its trouble | asked | behind the tick, 99 % | samples | good | wrong |")
    print("|---:|---|---|---:|---:|---:|---:|---:|")
    for each in rows(tally):
        share = f"{each['good'] / each['samples']:.2%}"
        behind = f"{each['behind_p99_s']:.2f} s"
        told = (each["device"], each["line"], each["trouble"], each["asked"], behind, each["samples"], share)
        print("| " + " | ".join(map(str, (*told, each["wrong"]))) + " |")


if __name__ == "__main__":
    main()
