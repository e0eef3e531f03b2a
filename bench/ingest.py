"""How fast the aggregator applies summaries durably.

    python -m bench.ingest [--devices 100] [--hours 48] [--rows 3000]

Rows are one signal over one window. Both stores are SQLite files with synchronous=FULL in the same folder; batches are
encoded beforehand. The baseline inserts one object per commit through SQLAlchemy's ORM.
"""

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from sqlalchemy import create_engine, event, func, select
from sqlalchemy.orm import Session, registry

from agent.domain import signals as sg
from agent.domain.signals import SIGNALS, SignalName
from agent.domain.wire import Batch, Record, SignalSummary, Summary, encode_batch, encode_body
from cloud.ports import Arrival
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.rows import rows_of
from cloud.store.writer import SqlFleetWriter

START_MS = 1_750_032_000_000
WINDOW_S = 900
SAMPLES = 90
GROUP = 50
EPOCH = bytes(range(8))
EIGHT = (
    sg.PV_POWER,
    sg.LOAD_POWER,
    sg.BATTERY_POWER,
    sg.GRID_POWER,
    sg.BATTERY_SOC,
    sg.BATTERY_TEMPERATURE,
    sg.INVERTER_TEMPERATURE,
    sg.OUTDOOR_TEMPERATURE,
)


class RealClock:
    """This machine's time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


def samples(hour: float, rng: random.Random) -> dict[SignalName, float]:
    """One sample of a home in June: sun with clouds, a base load with appliances, a battery that follows."""
    sun = max(0.0, math.sin((hour % 24 - 5) / 16 * math.pi)) if 5 < hour % 24 < 21 else 0.0
    pv = 6200 * sun**1.3 * rng.choice((1.0, 0.97, 0.6, 0.9))
    load = 280 + rng.expovariate(1 / 60) + (2100 if rng.random() < 0.06 else 0)
    soc = 50 + 45 * math.sin((hour % 24 - 11) / 24 * 2 * math.pi)
    battery = max(-2500.0, min(2500.0, (pv - load) * (0.95 if 8 < soc < 96 else 0.0)))
    heat = 20 + pv / 300 + rng.gauss(0, 0.2)
    outside = 17 + 7 * math.sin((hour % 24 - 9) / 24 * 2 * math.pi) + rng.gauss(0, 0.1)
    return dict(zip(EIGHT, (pv, load, battery, load + battery - pv, soc, heat - 2, heat + 8, outside), strict=True))


def summary(number: int, rng: random.Random) -> Summary:
    """The window of that number, of samples at 10 s."""
    start_s = number * WINDOW_S
    taken = [samples((start_s + step * WINDOW_S / SAMPLES) / 3600, rng) for step in range(SAMPLES)]
    return Summary(START_MS + start_s * 1000, WINDOW_S, [_one(name, [one[name] for one in taken]) for name in EIGHT])


def _one(name: SignalName, values: list[float]) -> SignalSummary:
    scale = 10 ** SIGNALS[name].decimals
    mean, low, high = (round(value * scale) for value in (sum(values) / len(values), min(values), max(values)))
    last = round(values[-1] * scale)
    return SignalSummary(name, SIGNALS[name].decimals, mean, mean - low, high - mean, last - mean, len(values))


def batches(device: str, hours: int, seed: int, windows: int = 4) -> Iterator[Batch]:
    """Batches of so many windows each."""
    rng = random.Random(seed)
    for first in range(1, hours * 4 + 1, windows):
        records = []
        for seq in range(first, first + windows):
            body = summary(seq - 1, rng)
            kind, raw = encode_body(body)
            records.append(Record(seq, kind, body.start_ms + WINDOW_S * 1000, msgspec.Raw(raw)))
        yield Batch(device, EPOCH, first, records[-1].seq, records)


def ours(folder: Path, templates: list[Batch], devices: int) -> tuple[int, float]:
    """(rows, seconds): messages of many devices in groups as the subscriber makes them, each a durable transaction."""
    names = [f"home-{number:03}" for number in range(devices)]
    arrivals = [
        Arrival(name, encode_batch(msgspec.structs.replace(batch, device=name)), START_MS)
        for batch in templates
        for name in names
    ]
    with Database(f"sqlite:///{folder / 'ours.db'}", RealClock()) as database:
        writer = SqlFleetWriter(database)
        began = time.perf_counter()
        for at in range(0, len(arrivals), GROUP):
            writer.apply(arrivals[at : at + GROUP])
        seconds = time.perf_counter() - began
        with database.read() as connection:
            rows = connection.execute(select(func.count()).select_from(schema.summaries)).scalar_one()
    assert rows == len(arrivals) * len(templates[0].records) * len(EIGHT)
    return rows, seconds


def naive(folder: Path, templates: list[Batch], rows: int) -> tuple[int, float]:
    """(rows, seconds): each record decoded, its rows added as objects, one commit per record."""

    class Row:
        """A mapped object."""

        def __init__(self, **values: object) -> None:
            for name, value in values.items():
                setattr(self, name, value)

    mapper = registry()
    mapper.map_imperatively(Row, schema.summaries.to_metadata(mapper.metadata))
    engine = create_engine(f"sqlite:///{folder / 'naive.db'}")
    event.listen(
        engine, "connect", lambda raw, _: raw.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
    )
    mapper.metadata.create_all(engine)
    records = [record for batch in templates for record in batch.records]
    done, began = 0, time.perf_counter()
    with Session(engine) as session:
        for number in range(rows // len(EIGHT)):
            record, home = records[number % len(records)], number // len(records)
            for _, values in rows_of(f"home-{home:03}", EPOCH.hex(), record):
                session.add(Row(**values))
                done += 1
            session.commit()
    seconds = time.perf_counter() - began
    engine.dispose()
    return done, seconds


def measure(devices: int = 100, hours: int = 48, baseline_rows: int = 3000) -> dict[str, Any]:
    """Summaries applied per second, ours and the baseline's."""
    templates = list(batches("home-000", hours, 1))
    with TemporaryDirectory() as folder:
        rows, seconds = ours(Path(folder), templates, devices)
        few, slow = naive(Path(folder), templates, baseline_rows)
    return {
        "summaries": rows,
        "summaries_per_s": round(rows / seconds),
        "baseline_per_s": round(few / slow),
        "times_faster": round(rows / seconds / (few / slow), 1),
    }


def main() -> None:
    """Print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--devices", type=int, default=100)
    options.add_argument("--hours", type=int, default=48)
    options.add_argument("--rows", type=int, default=3000, help="rows of the baseline")
    chosen = options.parse_args()
    json.dump(measure(chosen.devices, chosen.hours, chosen.rows), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
