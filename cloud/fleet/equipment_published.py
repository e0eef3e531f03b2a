"""The published MTBF over minutes of any number of homes: the figure of `agent.domain.reliability.PublishedMtbf`.

Between two failing minutes lie their distance less one; summed up over a home that is last - first - (failures - 1).
So the distinct failing minutes of each home are all that has to be kept, and cutting the rows anyhow changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cloud.fleet.equipment_minutes import (
    CODES,
    SIGNALS,
    TIME,
    Ints,
    Minutes,
    Period,
    Zones,
    grouped,
    lists,
    minutes_of,
    unlist,
)

_FULL = 100.0
_QUARTER = 15
_SHIFT = 32


def _schema(*figures: str) -> pa.Schema:
    fields: list[tuple[str, pa.DataType]] = [("device", pa.string()), ("rows", pa.int64())]
    for code in CODES:
        fields += [(f"{code}__{name}", pa.int64()) for name in figures]
        fields.append((f"{code}__at", pa.large_list(pa.int64())))
    return pa.schema(fields)


@dataclass(frozen=True)
class PublishedJob:
    """Per home and scenario: `failures`, `minutes` between them, and `at`, the failing minutes since 1970, in order."""

    zones: Zones
    period: Period = field(default=Period())

    columns: Sequence[str] = (TIME, *SIGNALS)
    partial_schema: pa.Schema = field(default=_schema())
    result_schema: pa.Schema = field(default=_schema("failures", "minutes"))

    def partial(self, rows: pa.Table) -> pa.Table:
        """One row per home: the distinct failing minutes in `rows`."""
        some = minutes_of(rows, SIGNALS, self.period)
        size = len(some.devices)
        rows_of = np.bincount(some.code, minlength=size)
        failing = [self._battery(some), self._solar(some)]
        columns = [_by_device(some.code[found], some.minute(found), size) for found in failing]
        table = pa.table(
            [pa.array(some.devices, pa.string()), pa.array(rows_of, pa.int64()), *columns], schema=self.partial_schema
        )
        return table.filter(pa.array(rows_of > 0))

    def finish(self, partials: pa.Table) -> pa.Table:
        names = partials.column("device").to_pylist()
        devices, code = grouped(names, np.arange(len(names), dtype=np.int32))
        rows = np.bincount(code, weights=partials.column("rows").to_numpy(), minlength=len(devices))
        columns = [pa.array(devices, pa.string()), pa.array(rows.astype(np.int64))]
        for fault in CODES:
            values, lengths = unlist(partials.column(f"{fault}__at"))
            columns += _figures(np.repeat(code, lengths), values, len(devices))
        return pa.table(columns, schema=self.result_schema)

    def _battery(self, some: Minutes) -> NDArray[np.intp]:
        pv, load, battery, soc = some.values
        return np.flatnonzero((battery < 0) & (pv > load) & (soc < _FULL))

    def _solar(self, some: Minutes) -> NDArray[np.intp]:
        dark = np.flatnonzero(some.values[0] == 0)
        # Offsets are whole quarters of an hour, so nothing but a quarter's first minute can be noon anywhere.
        dark = dark[some.raw[dark] % (_QUARTER * some.per_minute) < some.per_minute]
        noon: NDArray[np.intp] = dark[self.zones.is_noon(some.devices, some.code[dark], some.minute(dark))]
        return noon


def _by_device(code: NDArray[np.int32], minute: Ints, devices: int) -> pa.Array:
    code, minute = _distinct(code, minute)
    return lists(minute, np.bincount(code, minlength=devices))


def _distinct(code: NDArray[np.int32], minute: Ints) -> tuple[NDArray[np.int32], Ints]:
    """Pairs in order of device and minute, each once."""
    keys = np.unique((code.astype(np.int64) << _SHIFT) | minute)
    return (keys >> _SHIFT).astype(np.int32), keys & ((1 << _SHIFT) - 1)


def _figures(code: NDArray[np.int32], minute: Ints, devices: int) -> list[pa.Array]:
    """`failures`, `minutes` and `at` of each device."""
    code, minute = _distinct(code, minute)
    failures = np.bincount(code, minlength=devices).astype(np.int64)
    ends = np.cumsum(failures)
    some = failures > 0
    between = np.zeros(devices, dtype=np.int64)
    between[some] = minute[ends[some] - 1] - minute[(ends - failures)[some]] - (failures[some] - 1)
    return [pa.array(failures), pa.array(between), lists(minute, failures)]
