"""A fleet's samples and daily numbers through an engine that runs jobs: Spark for `analyse --engine spark`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from agent.domain.errors import BadSetup
from agent.domain.signals import SignalName
from cloud.fleet import cube, sample_jobs, samples
from cloud.fleet.climate import Climates
from cloud.fleet.daily import Daily
from cloud.lake.jobs import Job, Source

Run = Callable[[Job, Source], pa.Table]
DAY_MS = cube.DAY_MS


@dataclass(frozen=True, slots=True)
class Period:
    """`start_ms` ≤ time < `end_ms`, and of that only the last days; None where nothing limits it."""

    start_ms: int | None
    end_ms: int | None
    last_days: int | None


class Engine:
    """The cube of a source and its daily numbers, computed by `run`: the same as here, to the last digit."""

    def __init__(self, path: Path, signals: tuple[SignalName, ...], run: Run) -> None:
        self._path, self._signals, self._run = path, signals, run
        self._blocks: sample_jobs.BlocksJob | None = None

    def block(self, period: Period) -> cube.Cube:
        """Raises `BadSetup` where the source is no Parquet or has no sample in the period."""
        self._source = source_of(self._path)
        layout = _layout(self._source, self._signals, self._path)
        extent = self._run(sample_jobs.ExtentJob(layout), self._source)
        if not len(extent):
            raise BadSetup(str(self._path), f"no sample of {', '.join(self._signals)} in the period")
        low, high = min(extent.column("low").to_pylist()), max(extent.column("high").to_pylist())
        low, high = max(low, period.start_ms or low), min(high, (period.end_ms or high + 1) - 1)
        if period.last_days is not None:
            low = max(low, (high // DAY_MS - period.last_days + 1) * DAY_MS)
        if low > high:
            raise BadSetup(str(self._path), f"no sample of {', '.join(self._signals)} in the period")
        names = extent.column("device").to_pylist()
        days = high // DAY_MS - low // DAY_MS + 1
        interval = cube.interval_of(self._path, self._signals, (low, high), names)
        step = cube.slot_min(interval, len(names) * len(self._signals) * days)
        frame = cube.Frame(self._signals, low // DAY_MS, days, step)
        self._blocks = sample_jobs.BlocksJob(layout, frame, low, high)
        found = sample_jobs.cube_of(self._run(self._blocks, self._source), frame)
        return cube.with_all(found, names)

    def daily(self, block: cube.Cube, climates: Climates) -> Daily:
        """The daily numbers of the cube that was made before."""
        if self._blocks is None:
            raise RuntimeError("the cube comes first")
        of = dict(zip(block.installations, climates.of.tolist(), strict=True))
        hold = (
            {} if block.hold is None else dict(zip(block.installations, map(tuple, block.hold.tolist()), strict=True))
        )
        result = self._run(sample_jobs.DailyJob(self._blocks, climates.series, of, hold), self._source)
        return sample_jobs.daily_of(result, block, climates)


def source_of(path: Path) -> Source:
    """The Parquet files of a fleet as a source of jobs."""
    files = tuple(str(file.resolve()) for file in samples.parquet_files(path))
    try:
        return Source(pafs.LocalFileSystem(), files, pq.read_schema(files[0]))
    except (pa.ArrowException, OSError) as error:
        raise BadSetup(str(path), f"is no Parquet: {str(error).splitlines()[0]}") from error


def _layout(source: Source, signals: tuple[SignalName, ...], path: Path) -> sample_jobs.Layout:
    names = set(source.schema.names)
    time = "time_ms" if "time_ms" in names else "time"
    if not {"device", "installation"} & names or time not in names:
        raise BadSetup(str(path), f"has columns {', '.join(sorted(names))}; expected installation, time, signal, value")
    value = ("mean" if {"device", "mean"} <= names else "value") if "signal" in names else ""
    return sample_jobs.Layout(signals, time, value, tuple(str(name) for name in signals if name in names))
