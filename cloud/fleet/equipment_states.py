"""MTBF of a period from sums that devices kept themselves and reported: the difference between its end and its start.

A device's sums only rise. Where they fall, its store was made anew: what it then says counts from zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cloud.fleet.equipment_minutes import Ints, Period, grouped
from cloud.fleet.equipment_tally import Tally

_BETWEEN = "\x1f"
_SUMS = ("failures", "repairs", "up_ms", "down_ms")


@dataclass(frozen=True)
class StatesJob:
    """Failures and exposure per home and fault code over `period`, from rows of states."""

    period: Period = field(default=Period())
    columns: Sequence[str] = ("code", "time", *_SUMS)
    partial_schema: pa.Schema = field(
        default=pa.schema(
            [("device", pa.string()), ("code", pa.string()), *((name, pa.int64()) for name in ("time", *_SUMS))]
        )
    )
    result_schema: pa.Schema = field(
        default=pa.schema(
            [("device", pa.string()), ("code", pa.string()), *((name, pa.int64()) for name in ("time", *_SUMS))]
        )
    )

    def partial(self, rows: pa.Table) -> pa.Table:
        """The states before the period's end."""
        time = rows.column("time").cast(pa.timestamp("ms", tz="UTC")).cast(pa.int64())
        table = rows.set_column(rows.schema.get_field_index("time"), "time", time)
        if self.period.end_ms is not None:
            table = table.filter(pc.less(time, self.period.end_ms))
        return table.select(self.partial_schema.names).cast(self.partial_schema)

    def finish(self, partials: pa.Table) -> pa.Table:
        pairs = zip(*(partials.column(name).to_pylist() for name in ("device", "code")), strict=True)
        keys = [_BETWEEN.join(pair) for pair in pairs]
        names, code = grouped(keys, np.arange(len(keys), dtype=np.int32))
        arrays = [partials.column(name).to_numpy() for name in ("time", *_SUMS)]
        # Of two states of one instant the larger is the later one: sums only rise.
        order = np.lexsort((arrays[3], arrays[1], arrays[0], code))
        code, time, sums = code[order], arrays[0][order], [array[order] for array in arrays[1:]]
        totals = [_summed(code, column, len(names)) for column in _growth(code, time, sums, self.period)]
        last = np.zeros(len(names), dtype=np.int64)
        np.maximum.at(last, code, time)
        parts = [name.split(_BETWEEN, 1) for name in names]
        texts = [pa.array([part[i] for part in parts], pa.string()) for i in (0, 1)]
        return pa.table([*texts, pa.array(last), *map(pa.array, totals)], schema=self.result_schema)


def _growth(code: NDArray[np.int32], time: Ints, sums: Sequence[Ints], period: Period) -> list[Ints]:
    """What each state adds to the one before it; what was before the period adds nothing."""
    follows = np.zeros(len(code), dtype=np.bool_)
    follows[1:] = code[1:] == code[:-1]
    steps = [np.where(follows, column - np.roll(column, 1), column) for column in sums]
    anew = follows & ((steps[0] < 0) | (steps[2] + steps[3] < 0))
    inside = time >= (period.start_ms if period.start_ms is not None else np.iinfo(np.int64).min)
    # Without an earlier state the first one inside a period may hold years: only what grows after it counts.
    if period.start_ms is not None:
        inside &= follows
    return [np.where(inside, np.where(anew, column, step), 0) for column, step in zip(sums, steps, strict=True)]


def _summed(code: NDArray[np.int32], amounts: Ints, size: int) -> Ints:
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, code, amounts)
    return sums


def state_tallies(result: pa.Table) -> dict[str, list[Tally]]:
    """Rows of a `StatesJob` by fault code. Observed time is not known: exposure stands for it."""
    found: dict[str, list[Tally]] = {}
    for row in result.to_pylist():
        sums = {name: row[name] for name in _SUMS}
        tally = Tally(device=row["device"], observed_ms=row["up_ms"] + row["down_ms"], **sums)
        found.setdefault(row["code"], []).append(tally)
    return dict(sorted(found.items()))
