"""Lifetime energy: the site's own counters where it has them, integrals of power where it has none.

Integrals are kept exactly, in whole numbers: power in mW, time in ms. A year in any split gives the same Wh.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from agent.domain.blocks import Block, Column
from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_ENERGY_TOTAL,
    LOAD_POWER,
    PV_ENERGY_TOTAL,
    PV_POWER,
    Kind,
    Reading,
    SignalName,
    spec_of,
)
from agent.domain.timeline import Move
from agent.domain.wire import Energy

# Twice mW·ms, since the trapezoid's halving would leave the whole numbers.
_PER_WH: Final = 2 * 1000 * 3_600_000
_HOUR_MS: Final = 3_600_000

# Power signal -> counter of its positive part, counter of its negative part.
_PARTS: Final[tuple[tuple[SignalName, SignalName, SignalName | None], ...]] = (
    (PV_POWER, PV_ENERGY_TOTAL, None),
    (LOAD_POWER, LOAD_ENERGY_TOTAL, None),
    (BATTERY_POWER, BATTERY_CHARGE_TOTAL, BATTERY_DISCHARGE_TOTAL),
    (GRID_POWER, GRID_IMPORT_TOTAL, GRID_EXPORT_TOTAL),
)
_POWERS: Final = frozenset(power for power, _, _ in _PARTS)
_MOST_ROWS: Final = 256


class Integral:
    """Wh of one power signal, its positive and its negative part apart, by the trapezoid between good samples.

    Where the sign changes between two samples each part gets its own trapezoid. Samples further apart than `max_gap_ms`
    are not joined.

    >>> integral = Integral(900_000)
    >>> for minute in range(61):
    ...     integral.update(minute * 60_000, -500.0)
    >>> integral.value()
    (0.0, 500.0)
    """

    __slots__ = ("_last_ms", "_last_mw", "_max_gap_ms", "negative", "positive")

    def __init__(self, max_gap_ms: int) -> None:
        self._max_gap_ms = max_gap_ms
        self._last_ms: int | None = None
        self._last_mw = 0
        self.positive = 0
        self.negative = 0

    def update(self, at_ms: int, power_w: float) -> None:
        self.update_all((at_ms,), (power_w,))

    def update_all(self, times: Sequence[int], powers_w: Sequence[float]) -> None:
        """`update` with each sample, faster."""
        if self._at_one_pace(times, powers_w):
            return
        last_ms, before = self._last_ms, self._last_mw
        positive = negative = 0
        for at_ms, power_w in zip(times, powers_w, strict=True):
            power = round(power_w * 1000)
            if last_ms is not None and 0 < at_ms - last_ms <= self._max_gap_ms:
                if power >= 0 and before >= 0:
                    positive += (power + before) * (at_ms - last_ms)
                elif power <= 0 and before <= 0:
                    negative -= (power + before) * (at_ms - last_ms)
                else:
                    positive += max(power, before) * (at_ms - last_ms)
                    negative -= min(power, before) * (at_ms - last_ms)
            last_ms, before = at_ms, power
        self.positive += positive
        self.negative += negative
        self._last_ms, self._last_mw = last_ms, before

    def _at_one_pace(self, times: Sequence[int], powers_w: Sequence[float]) -> bool:
        """Take in samples that are all equally far apart. What a trapezoid gives is the sum of its two ends' parts."""
        if self._last_ms is None or not times:
            return False
        step_ms = times[0] - self._last_ms
        if not 0 < step_ms <= self._max_gap_ms or any(b - a != step_ms for a, b in pairwise(times)):
            return False
        powers = [round(power_w * 1000) for power_w in powers_w]
        before, last = self._last_mw, powers[-1]
        parts = [power for power in powers if power > 0]
        twice = 2 * sum(parts) - max(last, 0) + max(before, 0)
        self.positive += twice * step_ms
        if len(parts) < len(powers):
            twice = 2 * (sum(powers) - sum(parts)) - min(last, 0) + min(before, 0)
            self.negative -= twice * step_ms
        elif before < 0:
            self.negative -= before * step_ms
        self._last_ms, self._last_mw = times[-1], last
        return True

    def value(self) -> tuple[float, float]:
        """`(positive, negative)` in Wh, both ≥ 0."""
        return self.positive / _PER_WH, self.negative / _PER_WH

    def merge(self, later: "Integral") -> None:
        """Take in a later period; the interval between the two is not joined."""
        self.positive += later.positive
        self.negative += later.negative
        if later._last_ms is not None:
            self._last_ms, self._last_mw = later._last_ms, later._last_mw

    def move(self, move: Move) -> None:
        """The clock was set: the next sample follows the last one as it did."""
        self._last_ms = move.maybe(self._last_ms)

    def state(self) -> list[Any]:
        parts = (*divmod(self.positive, _PER_WH), *divmod(self.negative, _PER_WH))
        return [self._last_ms, self._last_mw, *parts]

    @classmethod
    def from_state(cls, max_gap_ms: int, state: list[Any]) -> "Integral":
        integral = cls(max_gap_ms)
        integral._last_ms, integral._last_mw = state[0], state[1]
        integral.positive = state[2] * _PER_WH + state[3]
        integral.negative = state[4] * _PER_WH + state[5]
        return integral


def _is_counter(name: SignalName) -> bool:
    spec = spec_of(name)
    return spec is not None and spec.kind is Kind.COUNTER


class EnergyMeter:
    """All counters of a site. Once a counter was measured, its integral is no longer told."""

    __slots__ = ("_columns", "_hour", "_integrals", "_max_gap_ms", "_measured", "_names", "_rows", "_times")

    def __init__(self, max_gap_ms: int) -> None:
        self._max_gap_ms = max_gap_ms
        self._hour: int | None = None
        self._measured: dict[str, float] = {}
        self._integrals: dict[str, Integral] = {}
        # Readings that hold the same signals, kept as rows and worked on column by column.
        self._names: tuple[SignalName, ...] = ()
        self._columns: tuple[int, ...] = ()  # those that are powers or counters
        self._times: list[int] = []
        self._rows: list[tuple[float, ...]] = []

    def update(self, reading: Reading) -> list[Energy]:
        """Take in a reading; the first one of an hour returns the counters up to it."""
        self._follow(tuple(reading.values))
        if self._columns:
            self._times.append(reading.at_ms)
            self._rows.append(tuple(reading.values.values()))
        hour = reading.at_ms // _HOUR_MS
        due = self._hour is not None and hour != self._hour
        self._hour = hour
        return self.value(reading.at_ms) if due else []

    def update_all(self, block: Block) -> list[tuple[int, Energy]]:
        """`update` with each reading, faster; returns each record with the row that leads to it."""
        times, columns = block.times, block.columns()
        told: list[tuple[int, Energy]] = []
        row = 0
        while row < len(times):
            hour = times[row] // _HOUR_MS
            due = self._hour is not None and hour != self._hour
            self._hour = hour
            # The first reading of an hour still belongs to what is told of the one before.
            end = row + 1 if due else bisect_left(times, (hour + 1) * _HOUR_MS, row)
            self._keep(columns, times, row, end)
            if due:
                told += [(row, energy) for energy in self.value(times[row])]
            row = end
        return told

    def _keep(self, columns: Mapping[SignalName, Column], times: Sequence[int], row: int, end: int) -> None:
        self._follow(tuple(columns))
        if self._columns:
            self._times += times[row:end]
            self._rows += zip(*(column[row:end] for column in columns.values()), strict=True)

    def _follow(self, names: tuple[SignalName, ...]) -> None:
        """Rows of other signals follow, or there are enough of them."""
        if names != self._names or len(self._rows) >= _MOST_ROWS:
            self._sum_up()
            self._names = names
            self._columns = tuple(i for i, name in enumerate(names) if name in _POWERS or _is_counter(name))

    def _sum_up(self) -> None:
        """Bring the rows into the integrals and the counters."""
        if not self._rows:
            return
        columns = list(zip(*self._rows, strict=True))
        for i in self._columns:
            name = self._names[i]
            if name in _POWERS:
                integral = self._integrals.get(name)
                if integral is None:
                    integral = self._integrals[name] = Integral(self._max_gap_ms)
                integral.update_all(self._times, columns[i])
            else:
                self._measured[name] = columns[i][-1]
        self._times.clear()
        self._rows.clear()

    def value(self, at_ms: int) -> list[Energy]:
        """The counters: those measured and those integrated, apart."""
        self._sum_up()
        integrated: dict[str, float] = {}
        for power_name, positive, negative in _PARTS:
            integral = self._integrals.get(power_name)
            if integral is not None:
                parts = zip((positive, negative), integral.value(), strict=True)
                integrated.update({name: round(wh, 3) for name, wh in parts if name and name not in self._measured})
        both = ((dict(self._measured), True), (integrated, False))
        return [Energy(at_ms, counters, measured) for counters, measured in both if counters]

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._sum_up()
        self._hour = None if self._hour is None else move(self._hour * _HOUR_MS) // _HOUR_MS
        for integral in self._integrals.values():
            integral.move(move)

    def state(self) -> dict[str, Any]:
        self._sum_up()
        integrals = {name: integral.state() for name, integral in sorted(self._integrals.items())}
        return {"hour": self._hour, "measured": dict(sorted(self._measured.items())), "integrals": integrals}

    @classmethod
    def from_state(cls, max_gap_ms: int, state: Mapping[str, Any]) -> "EnergyMeter":
        meter = cls(max_gap_ms)
        meter._hour = state["hour"]
        meter._measured = dict(state["measured"])
        meter._integrals = {name: Integral.from_state(max_gap_ms, each) for name, each in state["integrals"].items()}
        return meter
