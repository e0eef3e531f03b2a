"""A fleet's samples as one block of numbers: installation × signal × day × slot of the day.

The slot is the fleet's own reporting interval. Whole UTC days; what is missing is NaN. 32-bit: 0.00001 °C at 50 °C.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
from numpy.typing import NDArray

from agent.domain.errors import BadSetup
from agent.domain.signals import SignalName
from cloud.fleet.samples import parquet_files, wide_signals

Array = NDArray[np.float32]

DAY_MS = 86_400_000
STEPS_MIN = (5, 10, 15, 20, 30, 60)
# Times of their own: the median distance of samples over their low quantile.
IRREGULAR = 1.5
# Beyond this many cells the slot becomes longer: the block and its counts stay under 3 GiB.
MAX_CELLS = 640_000_000
BATCH_ROWS = 4_000_000


@dataclass(frozen=True, slots=True)
class Cube:
    """`values[i, s, d, k]`: installation i, signal s, day d from `start_ms` (a UTC midnight), slot k.

    `hold[i, s]`: slots for which a value holds where values come on change; None where they come at the interval.
    """

    installations: list[str]
    signals: tuple[SignalName, ...]
    start_ms: int
    step_min: int
    values: Array
    hold: NDArray[np.int64] | None = None

    @property
    def days(self) -> int:
        return int(self.values.shape[2])


def from_frame(samples: pl.LazyFrame, signals: tuple[SignalName, ...], last_days: int | None = None) -> Cube:
    """The cube of samples in long form, held in memory; only of the `last_days` of them if given."""
    names = [str(name) for name in signals]
    kept = samples.filter(pl.col("signal").is_in(names)).with_columns(ms=pl.col("time").dt.epoch("ms"))
    rows = kept.select("installation", "signal", "ms", "value").collect()
    if rows.is_empty():
        raise BadSetup("source", f"no sample of {', '.join(names)} in the period")
    if last_days is not None:
        rows = rows.filter(pl.col("ms") >= (pl.col("ms").max() // DAY_MS - last_days + 1) * DAY_MS)
    builder = _Builder(
        sorted(rows["installation"].unique().to_list()), signals, _bounds(rows["ms"].min(), rows["ms"].max())
    )
    places = dict(zip(builder.installations, range(len(builder.installations)), strict=True))
    codes = rows["installation"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
    which = rows["signal"].replace_strict({n: i for i, n in enumerate(names)}, return_dtype=pl.Int64).to_numpy()
    ms = rows["ms"].to_numpy()
    builder.allocate(interval_min(codes, which, ms))
    builder.add(codes, which, ms, rows["value"].to_numpy())
    return builder.cube()


def from_parquet(
    path: Path,
    signals: tuple[SignalName, ...],
    start_ms: int | None,
    end_ms: int | None,
    last_days: int | None = None,
) -> Cube:
    """The cube of a folder's Parquet files, read in batches; rows in any order, long or wide (a column per signal)."""
    source = _Files(path, signals)
    installations, low, high = source.extent()
    low, high = max(low, start_ms or low), min(high, (end_ms or high + 1) - 1)
    if last_days is not None:
        low = max(low, (high // DAY_MS - last_days + 1) * DAY_MS)
    if low > high or not installations:
        raise BadSetup(str(path), f"no sample of {', '.join(signals)} in the period")
    builder = _Builder(installations, signals, _bounds(low, high))
    for codes, which, ms, values in source.batches(installations):
        inside = (ms >= low) & (ms <= high) & np.isfinite(values)
        if not inside.any():
            continue
        columns = codes[inside], which[inside], ms[inside]
        if not builder.ready:
            builder.allocate(interval_min(*columns))
        builder.add(*columns, values[inside])
    return builder.cube()


def interval_of(path: Path, signals: tuple[SignalName, ...], period: tuple[int, int], installations: list[str]) -> int:
    """The interval (min) that `from_parquet` would find; it reads up to the first samples in the period (ms)."""
    for codes, which, ms, values in _Files(path, signals).batches(installations):
        inside = (ms >= period[0]) & (ms <= period[1]) & np.isfinite(values)
        if inside.any():
            return interval_min(codes[inside], which[inside], ms[inside])
    return STEPS_MIN[-1]


def _bounds(low: object, high: object) -> tuple[int, int]:
    """First and last UTC day, as counts since 1970."""
    return int(str(low)) // DAY_MS, int(str(high)) // DAY_MS


def interval_min(codes: NDArray[np.int64], which: NDArray[np.int64], ms: NDArray[np.int64]) -> int:
    """The distance of two neighbouring samples of one signal, as the next of `STEPS_MIN` that is not shorter.

    A low quantile, because files in any order show few neighbours at first. Samples at times of their own get the next
    that is not longer: two of them that are far apart must not be averaged.
    """
    some = np.flatnonzero(codes <= np.unique(codes)[:50][-1])
    order = some[np.lexsort((ms[some], which[some], codes[some]))]
    same = (np.diff(codes[order]) == 0) & (np.diff(which[order]) == 0)
    gaps = np.diff(ms[order])[same]
    gaps = gaps[gaps >= 60_000]
    if not len(gaps):
        return STEPS_MIN[-1]
    usual, middle = (float(gap) / 60_000 for gap in np.quantile(gaps, (0.02, 0.5)))
    if middle > IRREGULAR * usual:
        return max((step for step in STEPS_MIN if step <= usual * 1.01), default=STEPS_MIN[0])
    return next((step for step in STEPS_MIN if step >= usual * 0.99), STEPS_MIN[-1])


def slot_min(interval: int, days: int) -> int:
    """The slot (min) for samples that are `interval` apart; longer where so many days of a signal would not fit."""
    return next((s for s in STEPS_MIN if s >= interval and days * 1440 // s <= MAX_CELLS), STEPS_MIN[-1])


@dataclass(frozen=True, slots=True)
class Frame:
    """Where samples go: signals, first UTC day and number of days (since 1970), and the slot in minutes."""

    signals: tuple[SignalName, ...]
    first_day: int
    days: int
    step_min: int

    def block(
        self, installations: list[str], codes: NDArray[np.int64], which: NDArray[np.int64], ms: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> Cube:  # fmt: skip
        """The cube of these samples, which are added up in the order in which they stand."""
        builder = _Builder(installations, self.signals, (self.first_day, self.first_day + self.days - 1))
        builder.reserve(self.step_min)
        builder.add(codes, which, ms, values)
        return builder.cube()


def with_all(block: Cube, installations: list[str]) -> Cube:
    """The cube with a place for every installation of a sorted list; those without samples are all NaN."""
    if block.installations == installations:
        return block
    places = {name: place for place, name in enumerate(installations)}
    values = np.full((len(installations), *block.values.shape[1:]), np.nan, dtype=np.float32)
    values[[places[name] for name in block.installations]] = block.values
    return Cube(installations, block.signals, block.start_ms, block.step_min, values)


class _Builder:
    """Adds samples up cell by cell; a cell's value is their mean."""

    def __init__(self, installations: list[str], signals: tuple[SignalName, ...], days: tuple[int, int]) -> None:
        self.installations = installations
        self._signals = signals
        self._first_ms = days[0] * DAY_MS
        self._days = days[1] - days[0] + 1
        self._step_min = 0

    @property
    def ready(self) -> bool:
        return self._step_min > 0

    def allocate(self, interval: int) -> None:
        self.reserve(slot_min(interval, len(self.installations) * len(self._signals) * self._days))

    def reserve(self, step_min: int) -> None:
        self._step_min = step_min
        self._slots = self._days * 1440 // self._step_min
        size = len(self.installations) * len(self._signals) * self._slots
        self._sums = np.zeros(size, dtype=np.float32)
        self._counts = np.zeros(size, dtype=np.uint16)

    def add(
        self, codes: NDArray[np.int64], which: NDArray[np.int64], ms: NDArray[np.int64], values: NDArray[np.float64]
    ) -> None:
        slot = (ms - self._first_ms) // (self._step_min * 60_000)
        cell = (codes * len(self._signals) + which) * self._slots + slot
        np.add.at(self._sums, cell, values.astype(np.float32))
        np.add.at(self._counts, cell, np.uint16(1))

    def cube(self) -> Cube:
        if not self.ready:
            raise BadSetup("source", f"no sample of {', '.join(self._signals)} in the period")
        with np.errstate(invalid="ignore"):
            np.divide(self._sums, self._counts, out=self._sums)
        shape = len(self.installations), len(self._signals), self._days, 1440 // self._step_min
        return Cube(self.installations, self._signals, self._first_ms, self._step_min, self._sums.reshape(shape))


Batch = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class _Files:
    """Parquet files read batch by batch, names as dictionary codes."""

    def __init__(self, path: Path, signals: tuple[SignalName, ...]) -> None:
        read = pads.ParquetReadOptions(dictionary_columns={"installation", "device", "signal"})
        files = [str(file) for file in parquet_files(path)]
        try:
            self._data = pads.dataset(files, format=pads.ParquetFileFormat(read_options=read))
        except (pa.ArrowException, OSError) as error:
            raise BadSetup(str(path), f"is no Parquet: {str(error).splitlines()[0]}") from error
        names = set(self._data.schema.names)
        self._time = "time_ms" if "time_ms" in names else "time"
        # The lake's summaries call an installation a device, and a value a mean.
        self._who, value = ("device", "mean") if {"device", "mean"} <= names else ("installation", "value")
        if not {self._who, self._time} <= names:
            told = ", ".join(sorted(names))
            raise BadSetup(str(path), f"has columns {told}; expected installation, time, signal, value")
        self._wide = "signal" not in names
        self._signals = signals
        present = set(wide_signals(self._data.schema.names)) if self._wide else set(names)
        self._columns = [str(name) for name in signals if name in present] if self._wide else ["signal", value]

    def extent(self) -> tuple[list[str], int, int]:
        """All installations that send a wanted signal, sorted, and the first and last instant (ms)."""
        names: set[str] = set()
        low, high = np.iinfo(np.int64).max, np.iinfo(np.int64).min
        columns = [self._who, self._time, *(self._columns if self._wide else self._columns[:1])]
        for batch in self._data.to_batches(columns=columns, batch_size=BATCH_ROWS):
            wanted = np.flatnonzero(self._wanted(batch))
            if len(wanted):
                found, codes = _dictionary(batch.column(0))
                names.update(found[code] for code in np.unique(codes[wanted]).tolist())
                ms = _milliseconds(batch.column(1))[wanted]
                low, high = min(low, int(ms.min())), max(high, int(ms.max()))
        return sorted(names), low, high

    def _wanted(self, batch: pa.RecordBatch) -> NDArray[np.bool_]:
        """Which rows hold a wanted signal; column 2 names it, or columns from 2 on are signals."""
        if self._wide:
            known = [
                batch.column(place).is_valid().to_numpy(zero_copy_only=False) for place in range(2, batch.num_columns)
            ]
            return np.asarray(np.any(known, axis=0)) if known else np.zeros(batch.num_rows, dtype=bool)
        return np.asarray(_codes(batch.column(2), dict.fromkeys(map(str, self._signals), 0)) >= 0)

    def batches(self, installations: list[str]) -> Iterator[Batch]:
        """Code of the installation, place of the signal, ms, value; signals that are not wanted are left out."""
        places = {name: place for place, name in enumerate(installations)}
        wanted = {str(name): place for place, name in enumerate(self._signals)}
        columns = [self._who, self._time, *self._columns]
        for batch in self._data.to_batches(columns=columns, batch_size=BATCH_ROWS):
            if not batch.num_rows:
                continue
            codes, ms = _codes(batch.column(0), places), _milliseconds(batch.column(1))
            if self._wide:
                for column, name in enumerate(self._columns, 2):
                    which = np.full(len(ms), wanted[name])
                    yield codes, which, ms, _floats(batch.column(column))
                continue
            which = _codes(batch.column(2), wanted)
            kept = which >= 0
            yield codes[kept], which[kept], ms[kept], _floats(batch.column(3))[kept]


def _dictionary(column: pa.Array) -> tuple[list[str], NDArray[np.int64]]:
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    names = [str(name) for name in column.dictionary.to_pylist()]
    return names, column.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _codes(column: pa.Array, places: dict[str, int]) -> NDArray[np.int64]:
    names, indices = _dictionary(column)
    return np.array([places.get(name, -1) for name in names], dtype=np.int64)[indices]


def _milliseconds(column: pa.Array) -> NDArray[np.int64]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64())
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.int64)


def _floats(column: pa.Array) -> NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
