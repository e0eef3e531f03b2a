"""Minute rows of many homes as plain arrays: devices as numbers, times as whole minutes, powers as floats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from agent.domain.errors import BadSetup
from agent.domain.faults import FaultCode
from agent.domain.local_time import MINUTES_PER_DAY, NOON
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

TIME = "time"
SIGNALS = (PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC)
# The two published scenarios, which are what these signals can tell.
CODES = (FaultCode.BATTERY_NOT_CHARGING, FaultCode.NO_SOLAR_PRODUCTION)
_PER_MINUTE = {"s": 60, "ms": 60_000, "us": 60_000_000, "ns": 60_000_000_000}
_QUARTER = 15


@dataclass(frozen=True, slots=True)
class Minutes:
    """Rows of some homes. `code` indexes `devices`; `raw` counts time in `per_minute` parts of a minute."""

    devices: list[str]
    code: NDArray[np.int32]
    raw: Ints
    per_minute: int
    values: Sequence[Floats]

    def minute(self, rows: NDArray[np.intp]) -> Ints:
        """Minutes since 1970 of these rows."""
        return self.raw[rows] // self.per_minute

    def at_ms(self) -> Ints:
        """Milliseconds since 1970 of all rows."""
        if self.per_minute <= _PER_MINUTE["ms"]:
            return self.raw * (_PER_MINUTE["ms"] // self.per_minute)
        return self.raw // (self.per_minute // _PER_MINUTE["ms"])


@dataclass(frozen=True, slots=True)
class Period:
    """`start_ms` ≤ t < `end_ms`; None is open."""

    start_ms: int | None = None
    end_ms: int | None = None


def minutes_of(rows: pa.Table, columns: Sequence[str], period: Period = Period()) -> Minutes:
    """The rows of `period` as arrays; missing values are NaN. Raises `BadSetup` for a column of the wrong kind."""
    raw, per_minute = _time(rows.column(TIME))
    devices, code = _devices(rows.column("device"))
    values = [_floats(name, rows.column(name)) for name in columns]
    keep = _inside(raw, per_minute, period)
    if keep is not None:
        raw, code, values = raw[keep], code[keep], [column[keep] for column in values]
    return Minutes(devices, code, raw, per_minute, values)


def _inside(raw: Ints, per_minute: int, period: Period) -> NDArray[np.bool_] | None:
    keep = None
    for limit, is_start in ((period.start_ms, True), (period.end_ms, False)):
        if limit is not None and len(raw):
            scaled = -(-limit * per_minute // _PER_MINUTE["ms"])
            hit = raw >= scaled if is_start else raw < scaled
            keep = hit if keep is None else keep & hit
    return None if keep is None or keep.all() else keep


def _time(column: pa.ChunkedArray) -> tuple[Ints, int]:
    if column.null_count:
        raise BadSetup("column 'time'", f"{column.null_count} rows have no time")
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _numpy(column.cast(pa.int64())), _PER_MINUTE[kind.unit]
    if pa.types.is_integer(kind):
        return _numpy(column.cast(pa.int64())), _PER_MINUTE["ms"]
    raise BadSetup("column 'time'", f"type {_told(kind)}; expected a timestamp, or integer milliseconds since 1970")


def _told(kind: pa.DataType) -> pa.DataType:
    """As it stands in the file: text is read as codes into the few values it has."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _devices(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    if column.null_count:
        raise BadSetup("column 'device'", f"{column.null_count} rows have no device")
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], pa.string()).dictionary_encode()
    names = [str(name) for name in whole.dictionary.to_pylist()]
    return names, cast("NDArray[np.int32]", whole.indices.cast(pa.int32()).to_numpy(zero_copy_only=False))


def _floats(name: str, column: pa.ChunkedArray) -> Floats:
    kind = column.type
    if pa.types.is_decimal(kind) or pa.types.is_boolean(kind):
        column = column.cast(pa.float64())
    elif not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise BadSetup(f"column {name!r}", f"type {_told(kind)}; expected a number")
    array = _numpy(column)
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    return cast("Floats", array)


def _numpy(column: pa.ChunkedArray) -> NDArray[Any]:
    if column.num_chunks == 1:
        return cast("NDArray[Any]", column.chunk(0).to_numpy(zero_copy_only=False))
    return cast("NDArray[Any]", column.to_numpy())


class Zones:
    """Time zones of homes: `by_device` where known, `default` elsewhere. Raises `BadSetup` for an unknown zone."""

    def __init__(self, default: str = "UTC", by_device: Mapping[str, str] | None = None) -> None:
        self.default = default
        self.by_device = dict(by_device or {})
        for name in {default, *self.by_device.values()}:
            _zone(name)

    def is_noon(self, devices: Sequence[str], code: NDArray[np.int32], minute: Ints) -> NDArray[np.bool_]:
        """True during the minute that begins at 12:00 local time."""
        noon: NDArray[np.bool_] = self.local(devices, code, minute) % MINUTES_PER_DAY == NOON
        return noon

    def local(self, devices: Sequence[str], code: NDArray[np.int32], minute: Ints) -> Ints:
        """Minutes on the wall clock of each row's home."""
        names = [self.by_device.get(device, self.default) for device in devices]
        kinds = sorted(set(names))
        if len(kinds) == 1:
            return minute + _offsets(kinds[0], minute)
        zone_of = np.array([kinds.index(name) for name in names])[code]
        local = np.empty_like(minute)
        for i, kind in enumerate(kinds):
            rows = zone_of == i
            local[rows] = minute[rows] + _offsets(kind, minute[rows])
        return local


def _offsets(zone: str, minute: Ints) -> Ints:
    """Minutes to add to UTC: looked up once for each stretch of one day, by the quarter where the clock changes."""
    if zone == "UTC" or not len(minute):
        return np.zeros(len(minute), dtype=np.int64)
    days = minute // MINUTES_PER_DAY
    first = np.flatnonzero(np.concatenate(([True], days[1:] != days[:-1])))
    table = [_day_offset(zone, day) for day in days[first].tolist()]
    lengths = np.diff(first, append=len(minute))
    offsets = np.repeat(np.array([0 if offset is None else offset for offset in table], dtype=np.int64), lengths)
    for i in np.flatnonzero(np.repeat(np.array([offset is None for offset in table]), lengths)):
        offsets[i] = _offset(zone, int(minute[i]) // _QUARTER)
    return offsets


@lru_cache(maxsize=100_000)
def _day_offset(zone: str, day: int) -> int | None:
    quarters = MINUTES_PER_DAY // _QUARTER
    first, last = _offset(zone, day * quarters), _offset(zone, (day + 1) * quarters - 1)
    return first if first == last else None


@lru_cache(maxsize=100_000)
def _offset(zone: str, quarter: int) -> int:
    offset = datetime.fromtimestamp(quarter * 900, _zone(zone)).utcoffset()
    return int(offset.total_seconds()) // 60 if offset else 0


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadSetup("timezone", f"{name!r} is not a time zone, expected a name as Europe/Berlin") from error


def grouped(devices: Sequence[str], code: NDArray[np.int32]) -> tuple[list[str], NDArray[np.int32]]:
    """`(names, code)` with every name once and in order, whatever their order was before."""
    names = sorted(set(devices))
    place = {name: i for i, name in enumerate(names)}
    return names, np.array([place[name] for name in devices], dtype=np.int32)[code]


def lists(values: Ints, lengths: Ints) -> pa.Array:
    """`values` cut into consecutive lists of these lengths."""
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return pa.LargeListArray.from_arrays(offsets, pa.array(values, pa.int64()))


def unlist(column: pa.ChunkedArray) -> tuple[Ints, Ints]:
    """`(values, lengths)` of a column of lists."""
    lengths = pc.fill_null(pc.list_value_length(column), 0)
    return _numpy(pc.list_flatten(column)).astype(np.int64), _numpy(lengths).astype(np.int64)
