"""Rows per second of MTBF over minutes in Parquet, beside a plain pandas row loop over the same rows, and Spark.

Usage: python -m bench.mtbf [--homes 20] [--workers 2] [--spark local[2]] [--json OUT]

The files, of simulated minutes, are made once and kept in --folder; they are read from disk in every run. The loop does
what the published program does: `iterrows` and its conditions; its rows are in memory already. Best of three runs.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from agent.domain.reliability import PublishedMtbf
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER
from cloud.fleet.equipment_episodes import EpisodeJob
from cloud.fleet.equipment_minutes import Zones
from cloud.fleet.equipment_published import PublishedJob
from cloud.lake.jobs import Job, Source, open_source, run_local
from cloud.lake.spark import SparkEngine

MINUTES_PER_YEAR = 365 * 1440
JOBS: dict[str, Job] = {"published": PublishedJob(Zones()), "episodes": EpisodeJob(Zones())}


def make(folder: Path, homes: int, years: float) -> None:
    """One file per ten homes, minutes as a gateway gives them: whole watts, tenths of a percent, noise everywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    for first in range(0, homes, 10):
        tables = [one_home(number, round(years * MINUTES_PER_YEAR)) for number in range(first, min(first + 10, homes))]
        pq.write_table(pa.concat_tables(tables), folder / f"homes-{first:05}.parquet", row_group_size=1 << 19)


def one_home(number: int, size: int) -> pa.Table:
    """A year with about three outages of the battery a month, and a dead string now and then."""
    rng = np.random.default_rng(number)
    at = np.arange(size, dtype=np.int64)
    sun = np.clip(np.sin((at % 1440 - 360) / 720 * np.pi), 0, None)
    pv = (5000 * sun * np.repeat(rng.uniform(0.2, 1.0, size // 60 + 1), 60)[:size]).round()
    load = rng.gamma(2.0, 200.0, size).round()
    battery = np.clip(pv - load, -3000, 3000).round()
    for start in rng.integers(0, size, size // 14_400):
        battery[start : start + int(rng.exponential(60))] = -15.0
        if rng.random() < 0.1:
            pv[start : start + 600] = 0.0
    columns = {PV_POWER: pv, LOAD_POWER: load, BATTERY_POWER: battery}
    soc = np.clip(55 + 50 * np.sin((at % 1440 - 700) / 1440 * 2 * np.pi), 5, 100).round(1)
    times = pa.array(1_483_228_800_000 + at * 60_000, pa.timestamp("ms", tz="UTC"))
    return pa.table({"device": pa.array([f"home-{number:05}"] * size), "time": times, **columns, BATTERY_SOC: soc})


def rows_per_second(rows: int, run: Callable[[], Any], times: int = 3) -> float:
    """The best of some runs."""
    best = min(_seconds(run) for _ in range(times))
    return rows / best


def _seconds(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def fault_detection(time_of: Any, load: float, battery: float, pv: float, soc: float) -> tuple[bool, bool]:
    """The two published conditions."""
    return pv > load and soc < 100 and battery < 0, time_of.hour == 12 and time_of.minute == 0 and pv == 0


def row_loop(frame: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """The way the published program takes: each row of a data frame in turn is handed to a function."""
    found: dict[str, tuple[PublishedMtbf, PublishedMtbf]] = {}
    for _, row in frame.iterrows():
        failing = fault_detection(row.time, row[LOAD_POWER], row[BATTERY_POWER], row[PV_POWER], row[BATTERY_SOC])
        pair = found.setdefault(row.device, (PublishedMtbf(), PublishedMtbf()))
        for fails, mtbf in zip(failing, pair, strict=True):
            if fails:
                mtbf.update(row.time.value // 1_000_000)
    return {device: (pair[0].minutes, pair[0].failures) for device, pair in found.items()}


def compare_with_loop(folder: Path, source: Source, rows: int) -> float:
    """Rows per second of the loop over the first rows; its figures must be the engine's."""
    frame = pq.ParquetFile(source.files[0]).read_row_group(0).slice(0, rows).to_pandas()
    frame["time"] = frame["time"].astype("datetime64[ns, UTC]")
    started = time.perf_counter()
    slow = row_loop(frame)
    speed = rows / (time.perf_counter() - started)
    part = folder / "_part.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), part)
    result = run_local(PublishedJob(Zones()), open_source(str(part), ("device",))).to_pylist()
    part.unlink()
    fast = {
        row["device"]: (row["battery_not_charging__minutes"], row["battery_not_charging__failures"]) for row in result
    }
    if fast != slow:
        raise SystemExit(f"the loop says {slow}, the engine {fast}")
    return speed


def measure(folder: Path, homes: int = 20, workers: int = 2, loop_rows: int = 100_000) -> dict[str, Any]:
    """Figures by name. Raises `SystemExit` where the loop finds other figures than the engine."""
    if not any(folder.glob("*.parquet")):
        make(folder, homes, 1.0)
    source, rows = _source(folder)
    figures: dict[str, Any] = {"python": platform.python_version(), "workers": workers, "rows": rows}
    for name, job in JOBS.items():
        figures[f"{name}_rows_per_s"] = rows_per_second(rows, lambda job=job: run_local(job, source, workers=workers))
    figures["pandas_loop_rows_per_s"] = compare_with_loop(folder, source, loop_rows)
    for name in JOBS:
        figures[f"{name}_ratio"] = figures[f"{name}_rows_per_s"] / figures["pandas_loop_rows_per_s"]
    return figures


def _source(folder: Path) -> tuple[Source, int]:
    source = open_source(str(folder), ("device", *JOBS["published"].columns))
    return source, sum(pq.ParquetFile(path).metadata.num_rows for path in source.files)


def measure_spark(folder: Path, master: str) -> dict[str, Any]:
    """Spark's speed behind a first run that starts its workers, and whether its results are the local ones."""
    source, rows = _source(folder)
    figures: dict[str, Any] = {}
    with SparkEngine(master) as engine:
        engine.run(JOBS["published"], source)
        for name, job in JOBS.items():
            figures[f"{name}_spark_rows_per_s"] = rows_per_second(rows, lambda job=job: engine.run(job, source), 1)
            figures[f"{name}_spark_identical"] = engine.run(job, source).equals(run_local(job, source))
    return figures


def main() -> None:
    """Measure and print; --json writes the same."""
    parser = argparse.ArgumentParser(prog="python -m bench.mtbf", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(".bench/minutes"))
    parser.add_argument("--homes", type=int, default=20, help="a year of each, where the folder is empty")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--loop-rows", type=int, default=100_000)
    parser.add_argument("--spark", metavar="MASTER", help="also on Spark, as local[2]")
    parser.add_argument("--json", type=Path, metavar="OUT")
    args = parser.parse_args()
    figures = measure(args.folder, args.homes, args.workers, args.loop_rows)
    if args.spark:
        figures |= measure_spark(args.folder, args.spark)
    for name, figure in figures.items():
        print(f"{name:32} {figure:,.0f}" if isinstance(figure, float) else f"{name:32} {figure}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
