"""What the journal costs the disk, and what a year offline leaves: the simulated home with real commits.

    python -m bench.journal [--days 1] [--offline-days 365]

Written bytes are the kernel's own count of this process (/proc/self/io, write_bytes), so the folder must be on a disk,
not in memory. Acknowledgements arrive as often as batches do. The clock is the readings'; the commits are real.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from agent.config import JournalTable
from agent.diagnosis.settings import settings_from
from agent.domain.records import Body, Event, Fault, Reliability
from agent.domain.wire import Energy, Summary, decode_body
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.pipeline import Pipeline
from agent.uplink.drain import UplinkSettings
from bench.wire import DAY_MS, EIGHT, START_MS, readings

MIB: Final = 1024 * 1024
_SITE: Final = {"timezone": "Europe/Berlin", "latitude": 52.45, "longitude": 13.35}


@dataclass
class ReadingsClock:
    """Shows the time of the reading that is being judged."""

    at_ms: int = START_MS

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_ms(self) -> int:
        return self.at_ms - START_MS

    async def sleep(self, seconds: float) -> None:
        self.at_ms += round(seconds * 1000)


def written() -> int:
    """Bytes that this process has caused to be written to a disk."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


async def wear(folder: Path, days: int, at_risk_s: float) -> dict[str, Any]:
    """MiB a day with one commit per `at_risk_s`, once the journal has a day behind it."""
    clock = ReadingsClock()
    flush_ms = round(UplinkSettings("").flush_interval_s * 1000)
    async with SqliteOutbox(OutboxSettings(folder / f"wear-{at_risk_s:.0f}.db"), clock) as outbox:
        pipeline = await Pipeline.resume(settings_from({"site": _SITE}), outbox, at_risk_s=at_risk_s)
        before = 0
        for reading in readings(days + 1):
            clock.at_ms = reading.at_ms
            await pipeline.take(reading, {"inverter": True})
            if reading.at_ms % flush_ms == 0:
                position = await outbox.position()
                await outbox.acknowledge(position.epoch, position.last)
            if reading.at_ms == START_MS + DAY_MS:
                before = written()
        return {"at_risk_min": at_risk_s / 60, "mib_a_day": round((written() - before) / MIB / days, 2)}


async def offline(folder: Path, days: int, budget_mib: float) -> dict[str, Any]:
    """The journal after so many days without any acknowledgement: one simulated day over and over, dates going on."""
    path = folder / f"offline-{budget_mib:g}.db"
    clock, one_day = ReadingsClock(), await _records_of_a_day(path.with_suffix(".day"))
    began, made = time.perf_counter(), Counter[str]()
    async with SqliteOutbox(OutboxSettings(path, round(budget_mib * MIB)), clock) as outbox:
        for day in range(days):
            shifted = [_shifted(body, at_ms, day * DAY_MS) for at_ms, body in one_day]
            for first in range(0, len(shifted), 8):
                clock.at_ms = shifted[first][0]
                await outbox.append(shifted[first : first + 8])
            made.update(type(body).__name__ for _, body in shifted)
        stats, kept = await outbox.stats(), await _kept(outbox)
    return {
        "days": days,
        "budget_mib": budget_mib,
        "file_mib": round(path.stat().st_size / MIB, 1),
        "days_left": None if stats.days_left is None else round(stats.days_left),
        "windows_by_length": kept.pop("windows"),
        "windows_kept_of": f"{kept.pop('merged')} of {made['Summary']}",
        "others_kept": all(kept[name] == count for name, count in made.items() if name != "Summary"),
        "ms_an_append": round((time.perf_counter() - began) * 1000 / (made.total() / 8), 2),
    }


async def _records_of_a_day(path: Path) -> list[tuple[int, Body]]:
    clock = ReadingsClock()
    async with SqliteOutbox(OutboxSettings(path), clock) as outbox:
        pipeline = await Pipeline.resume(settings_from({"site": _SITE}), outbox)
        for reading in readings(2):
            await pipeline.take(reading, {"inverter": True})
        bodies = [(record.at_ms, decode_body(record.kind, record.body)) for record in await outbox.after(0, limit=9999)]
    day = [(at_ms, body) for at_ms, body in bodies if START_MS < at_ms <= START_MS + DAY_MS]
    fault = Fault("no_heat.1", "no_heat", "start", "warning", "", START_MS, evidence={"x": 1.0})
    return [*day, (START_MS + DAY_MS, fault), (START_MS + DAY_MS, Event(START_MS, "start", {"version": "1.0.0"}))]


def _shifted(body: Body, at_ms: int, by_ms: int) -> tuple[int, Body]:
    if isinstance(body, Summary):
        return at_ms + by_ms, Summary(body.start_ms + by_ms, body.window_s, body.signals)
    if isinstance(body, Energy):
        return at_ms + by_ms, Energy(at_ms + by_ms, body.counters, body.measured)
    if isinstance(body, Reliability):
        return at_ms + by_ms, Reliability(at_ms + by_ms, body.code, body.state)
    return at_ms + by_ms, body


async def _kept(outbox: SqliteOutbox) -> dict[str, Any]:
    kept, lengths, merged, at = Counter[str](), Counter[str](), 0, 0
    while records := await outbox.after(at, limit=2000):
        at = records[-1].seq
        for record in records:
            body = decode_body(record.kind, record.body)
            kept[type(body).__name__] += 1
            if isinstance(body, Summary):
                lengths[f"{body.window_s} s"] += 1
                merged += body.merged
    return {**kept, "windows": dict(lengths), "merged": merged}


async def measure(days: int = 1, offline_days: int = 365) -> dict[str, Any]:
    """Wear by what is at risk, and a year offline in the shipped budget and in a sixteenth of it."""
    with TemporaryDirectory(dir=".") as name:
        folder, shipped = Path(name), JournalTable()
        return {
            "signals": len(EIGHT),
            "wear": [await wear(folder, days, at_risk_s) for at_risk_s in (shipped.at_risk_s, 300.0)],
            "offline": [await offline(folder, offline_days, budget) for budget in (shipped.budget_mib, 4.0)],
        }


def main() -> None:
    """Print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--days", type=int, default=1, help="of wear")
    options.add_argument("--offline-days", type=int, default=365)
    chosen = options.parse_args()
    json.dump(asyncio.run(measure(chosen.days, chosen.offline_days)), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
