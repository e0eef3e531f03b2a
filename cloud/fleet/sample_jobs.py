"""What an analysis does with every sample, as jobs that threads or a cluster run: extent, blocks, daily numbers.

What needs the fleet as a whole (its climates, what is usual, the clusters) is small and stays with the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agent.domain.signals import SignalName
from cloud.fleet.climate import Climates
from cloud.fleet.cube import Cube, Frame
from cloud.fleet.daily import Daily, of_fleet
from cloud.fleet.holding import carried
from cloud.fleet.robust import Array

_DEVICE = ("device", pa.string())
_ORDER = "_order"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the files hold samples: columns of time and value in long form; `value` empty where signals are columns."""

    signals: tuple[SignalName, ...]
    time: str
    value: str
    present: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.time, "signal", self.value) if self.value else (self.time, *self.present)

    def long(self, rows: pa.Table) -> pa.Table:
        """Device, place of the signal, ms and value of the wanted samples; further columns are kept."""
        kept = [name for name in rows.column_names if name == _ORDER]
        at = _milliseconds(rows.column(self.time))
        parts = []
        for place, name in enumerate(map(str, self.signals)):
            if self.value:
                part = rows.filter(pc.equal(rows.column("signal").cast(pa.string()), name))
                times, values = _milliseconds(part.column(self.time)), part.column(self.value)
            elif name in self.present:
                part, times, values = rows, at, rows.column(name)
            else:
                continue
            table = pa.table({
                "device": part.column("device").cast(pa.string()), "signal": pa.array([place] * len(part), pa.int8()),
                "ms": times, "value": values.cast(pa.float64()), **{name: part.column(name) for name in kept},
            })  # fmt: skip
            parts.append(table.filter(pc.is_finite(pc.fill_null(table.column("value"), float("nan")))))
        return pa.concat_tables(parts)


def _milliseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", column.type.tz), safe=False)
    return column.cast(pa.int64())


@dataclass(frozen=True, slots=True)
class ExtentJob:
    """First and last instant (ms) of each installation's wanted samples."""

    layout: Layout

    @property
    def columns(self) -> Sequence[str]:
        return self.layout.columns

    @property
    def partial_schema(self) -> pa.Schema:
        return pa.schema([_DEVICE, ("low", pa.int64()), ("high", pa.int64())])

    @property
    def result_schema(self) -> pa.Schema:
        return self.partial_schema

    def partial(self, rows: pa.Table) -> pa.Table:
        return self._merged(self.layout.long(rows), "ms", "ms")

    def finish(self, partials: pa.Table) -> pa.Table:
        return self._merged(partials, "low", "high")

    def _merged(self, rows: pa.Table, low: str, high: str) -> pa.Table:
        found = rows.group_by("device").aggregate([(low, "min"), (high, "max")])
        columns = [found.column("device"), found.column(f"{low}_min"), found.column(f"{high}_max")]
        return pa.Table.from_arrays(columns, schema=self.partial_schema)


@dataclass(frozen=True, slots=True)
class BlocksJob:
    """Each installation's block of the cube, as bytes. `low_ms` ≤ time ≤ `high_ms`."""

    layout: Layout
    frame: Frame
    low_ms: int
    high_ms: int

    @property
    def columns(self) -> Sequence[str]:
        return (*self.layout.columns, _ORDER)

    @property
    def partial_schema(self) -> pa.Schema:
        return pa.schema([
            _DEVICE, ("signal", pa.int8()), ("ms", pa.int64()), ("value", pa.float64()), (_ORDER, pa.int64())
        ])  # fmt: skip

    @property
    def result_schema(self) -> pa.Schema:
        return pa.schema([_DEVICE, ("block", pa.binary())])

    def partial(self, rows: pa.Table) -> pa.Table:
        found = self.layout.long(rows)
        inside = pc.and_(
            pc.greater_equal(found.column("ms"), self.low_ms), pc.less_equal(found.column("ms"), self.high_ms)
        )
        return found.filter(inside).cast(self.partial_schema)

    def finish(self, partials: pa.Table) -> pa.Table:
        names, values = self.blocks(partials)
        return pa.table({"device": names, "block": [each.tobytes() for each in values]}, schema=self.result_schema)

    def blocks(self, partials: pa.Table) -> tuple[list[str], Array]:
        """Installations in order and their part of the cube; samples of one slot are added in the files' order."""
        if not len(partials):
            return [], np.empty((0, len(self.frame.signals), self.frame.days, 1440 // self.frame.step_min), np.float32)
        rows = partials.sort_by(_ORDER)
        names = sorted(set(rows.column("device").to_pylist()))
        codes = pc.index_in(rows.column("device"), pa.array(names)).to_numpy().astype(np.int64)
        which, ms = (rows.column(name).to_numpy().astype(np.int64) for name in ("signal", "ms"))
        return names, self.frame.block(names, codes, which, ms, rows.column("value").to_numpy()).values


@dataclass(frozen=True, slots=True)
class DailyJob:
    """The daily numbers of each installation, from the samples and the climates of the fleet.

    `hold`: for how many slots a value of each signal holds, by installation (empty: for its own only).
    """

    blocks: BlocksJob
    series: Array
    climate_of: dict[str, int]
    hold: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> Sequence[str]:
        return self.blocks.columns

    @property
    def partial_schema(self) -> pa.Schema:
        return self.blocks.partial_schema

    @property
    def result_schema(self) -> pa.Schema:
        return pa.schema([_DEVICE, *((each.name, pa.list_(pa.float32())) for each in fields(Daily))])

    def partial(self, rows: pa.Table) -> pa.Table:
        return self.blocks.partial(rows)

    def finish(self, partials: pa.Table) -> pa.Table:
        names, values = self.blocks.blocks(partials)
        if not names:
            return self.result_schema.empty_table()
        of = np.array([self.climate_of[name] for name in names])
        if self.hold:
            values = carried(values, np.array([self.hold[name] for name in names]))
        found = of_fleet(values, Climates(self.series, of))
        parts = (getattr(found, each.name) for each in fields(Daily))
        columns = [pa.array(list(part.reshape(len(names), -1).astype(np.float32))) for part in parts]
        return pa.Table.from_arrays([pa.array(names), *columns], schema=self.result_schema)


def daily_of(result: pa.Table, block: Cube, climates: Climates) -> Daily:
    """The result of a `DailyJob` as the analysis takes it; an installation without samples has no row in it."""
    names = result.column("device").to_pylist()
    rows = np.flatnonzero(np.isin(np.array(block.installations), np.array(names)))
    rest = np.setdiff1d(np.arange(len(block.installations)), rows)
    empty = of_fleet(block.values[rest], Climates(climates.series, climates.of[rest])) if len(rest) else None
    parts = {}
    for name, shape in _shapes(block.days).items():
        flat = result.column(name).combine_chunks().flatten().to_numpy(zero_copy_only=False)
        parts[name] = np.empty((len(block.installations), *shape), dtype=np.float32)
        parts[name][rows] = flat.reshape(len(names), *shape)
        if empty is not None:
            parts[name][rest] = getattr(empty, name)
    return Daily(**parts)


def _shapes(days: int) -> dict[str, tuple[int, ...]]:
    """Of one installation's part of each number."""
    values: NDArray[np.float32] = np.zeros((1, 3, days, 24), dtype=np.float32)
    one = of_fleet(values, Climates(values[:, 0], np.zeros(1, dtype=np.int64)))
    return {each.name: getattr(one, each.name).shape[1:] for each in fields(Daily)}


def cube_of(result: pa.Table, frame: Frame) -> Cube:
    """The result of a `BlocksJob` as one cube."""
    shape = len(frame.signals), frame.days, 1440 // frame.step_min
    blocks = [np.frombuffer(block.as_py(), dtype=np.float32).reshape(shape) for block in result.column("block")]
    values = np.stack(blocks) if blocks else np.empty((0, *shape), dtype=np.float32)
    return Cube(
        result.column("device").to_pylist(), frame.signals, frame.first_day * 86_400_000, frame.step_min, values
    )
