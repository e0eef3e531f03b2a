"""Rows per second of the whole diagnosis on minute data, beside a plain pandas row loop over the same rows.

Usage: python -m bench.diagnosis [--days 30] [--rounds 5] [--json OUT]

The loop does what the published program does: `iterrows` over a frame of a time and four values, each row handed to a
function with the two published conditions. The diagnosis does all of its work: windows of 8 signals, energy, default
rules with exposure, the published figure. One core, processor time, medians of rounds in which the two take turns.
"""

import argparse
import json
import math
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pandas as pd

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import settings_from
from agent.domain.faults import FaultCode
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    GRID_POWER,
    INVERTER_TEMPERATURE,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    Reading,
    SignalName,
)
from bench.mtbf import fault_detection

START_MS: Final = 1_654_041_600_000  # 2022-06-01T00:00Z
MINUTE_MS: Final = 60_000
PUBLISHED: Final = (LOAD_POWER, BATTERY_POWER, PV_POWER, BATTERY_SOC)
SITE: Final = {"site": {"latitude": 48.1, "longitude": 11.6, "timezone": "UTC"}}


def minute(number: int) -> dict[SignalName, float]:
    """A home at one minute: sun by day, a load that wanders, a battery that follows and now and then does not."""
    of_day = number % 1440
    sun = max(0.0, math.sin((of_day - 240) / 1020 * math.pi)) if 240 <= of_day <= 1260 else 0.0
    pv = round(5200 * sun * (0.75 + 0.25 * math.sin(number / 7)), 1)
    load = round(450 + 250 * math.sin(number / 31) + 120 * math.sin(number / 3), 1)
    soc = round(55 + 42 * math.sin((of_day - 600) / 1440 * 2 * math.pi), 1)
    battery = -11.0 if number % 997 == 0 else round(max(-2500.0, min(2500.0, pv - load)), 1)
    return {
        PV_POWER: pv,
        LOAD_POWER: load,
        BATTERY_POWER: battery,
        GRID_POWER: round(load + battery - pv, 1),
        BATTERY_SOC: soc,
        BATTERY_TEMPERATURE: round(24 + 4 * sun, 1),
        INVERTER_TEMPERATURE: round(28 + 18 * sun, 1),
        OUTDOOR_TEMPERATURE: round(14 + 8 * sun, 1),
    }


def diagnosis_failures(readings: list[Reading]) -> int:
    """Failing minutes as published, found by the diagnosis on its way."""
    diagnosis = Diagnosis(settings_from(SITE))
    diagnosis.update_many(readings)
    return diagnosis.published()[FaultCode.BATTERY_NOT_CHARGING].failures


def frame_of(values: list[dict[SignalName, float]]) -> pd.DataFrame:
    """The frame that the published program makes of its four series."""
    times = pd.to_datetime([START_MS + number * MINUTE_MS for number in range(len(values))], unit="ms", utc=True)
    return pd.DataFrame({"time": times} | {name: [each[name] for each in values] for name in PUBLISHED})


def loop_failures(frame: pd.DataFrame) -> int:
    """Failing minutes as published, by a loop over rows."""
    battery, solar = [], []
    for _, row in frame.iterrows():
        uncharged, dark = fault_detection(row.time, *(row[name] for name in PUBLISHED))
        if uncharged:
            battery.append(row.time)
        if dark:
            solar.append(row.time)
    return len(battery)


def seconds(work: Callable[[], int], expected: int) -> float:
    """Processor time of `work`, whose answer must be `expected`: nobody is fast by being wrong."""
    started = time.process_time()
    found = work()
    taken = time.process_time() - started
    if found != expected:
        raise SystemExit(f"bench: found {found} failing minutes, expected {expected}")
    return taken


def measure(days: int = 30, rounds: int = 5) -> dict[str, Any]:
    """Rows per second of both, and how they compare."""
    values = [minute(number) for number in range(days * 1440)]
    readings = [Reading(START_MS + number * MINUTE_MS, each) for number, each in enumerate(values)]
    frame = frame_of(values)
    expected = sum(
        each[PV_POWER] > each[LOAD_POWER] and each[BATTERY_SOC] < 100 and each[BATTERY_POWER] < 0 for each in values
    )
    ours, loop = [], []
    for _ in range(rounds):
        ours.append(seconds(lambda: diagnosis_failures(readings), expected))
        loop.append(seconds(lambda: loop_failures(frame), expected))
    rows = len(readings)
    return {
        "rows": rows,
        "signals": len(values[0]),
        "rounds": rounds,
        "failing_minutes": expected,
        "diagnosis_rows_per_s": rows / statistics.median(ours),
        "diagnosis_rows_per_s_worst": rows / max(ours),
        "pandas_loop_rows_per_s": rows / statistics.median(loop),
        "pandas_loop_rows_per_s_best": rows / min(loop),
        "ratio": statistics.median(loop) / statistics.median(ours),
        "year_of_minutes_s": 525_600 * statistics.median(ours) / rows,
        "python": platform.python_version(),
        "pandas": pd.__version__,
    }


def table(figures: dict[str, Any]) -> str:
    rows = [
        ("", "rows/s", "one year of minutes"),
        (
            f"diagnosis, {figures['signals']} signals, all rules",
            f"{figures['diagnosis_rows_per_s']:,.0f}",
            f"{figures['year_of_minutes_s']:.1f} s",
        ),
        (
            "pandas iterrows, published conditions only",
            f"{figures['pandas_loop_rows_per_s']:,.0f}",
            f"{525_600 / figures['pandas_loop_rows_per_s']:.1f} s",
        ),
    ]
    lines = [f"{name:<44}{rate:>10}{year:>22}" for name, rate, year in rows]
    note = f"medians of {figures['rounds']} rounds over {figures['rows']:,} rows, processor time of one core"
    return "\n".join([*lines, f"{figures['ratio']:.1f} times as many rows; {note}"])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.diagnosis", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=int, default=30, help="days of minutes (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each (default: %(default)s)")
    parser.add_argument("--json", metavar="OUT", help="write the figures to a file, or to - (standard output)")
    arguments = parser.parse_args(argv)
    figures = measure(arguments.days, arguments.rounds)
    if arguments.json == "-":
        print(json.dumps(figures, indent=2))
        return 0
    print(table(figures))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
