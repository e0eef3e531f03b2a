"""Lifetime energy: the site's own counters where it has them, integrals of power where it has none.

Integrals are kept exactly, in whole numbers: power in mW, time in ms. A year in any split gives the same Wh.
"""

from collections.abc import Mapping
from typing import Any, Final

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
        power = round(power_w * 1000)
        if self._last_ms is not None and 0 < at_ms - self._last_ms <= self._max_gap_ms:
            duration, before = at_ms - self._last_ms, self._last_mw
            if power >= 0 and before >= 0:
                self.positive += (power + before) * duration
            elif power <= 0 and before <= 0:
                self.negative -= (power + before) * duration
            else:
                self.positive += max(power, before) * duration
                self.negative -= min(power, before) * duration
        self._last_ms = at_ms
        self._last_mw = power

    def value(self) -> tuple[float, float]:
        """`(positive, negative)` in Wh, both ≥ 0."""
        return self.positive / _PER_WH, self.negative / _PER_WH

    def merge(self, later: "Integral") -> None:
        """Take in a later period; the interval between the two is not joined."""
        self.positive += later.positive
        self.negative += later.negative
        if later._last_ms is not None:
            self._last_ms, self._last_mw = later._last_ms, later._last_mw

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


class EnergyMeter:
    """All counters of a site. Once a counter was measured, its integral is no longer told."""

    __slots__ = ("_hour", "_integrals", "_kinds", "_max_gap_ms", "_measured")

    def __init__(self, max_gap_ms: int) -> None:
        self._max_gap_ms = max_gap_ms
        self._hour: int | None = None
        self._measured: dict[str, float] = {}
        self._integrals: dict[str, Integral] = {}
        self._kinds: dict[SignalName, bool] = {}

    def update(self, reading: Reading) -> list[Energy]:
        """Take in a reading; the first one of an hour returns the counters up to it."""
        values = reading.values
        for power_name, _, _ in _PARTS:
            power = values.get(power_name)
            if power is not None:
                integral = self._integrals.get(power_name)
                if integral is None:
                    integral = self._integrals[power_name] = Integral(self._max_gap_ms)
                integral.update(reading.at_ms, power)
        for name, value in values.items():
            if self._is_counter(name):
                self._measured[name] = value
        hour = reading.at_ms // _HOUR_MS
        due = self._hour is not None and hour != self._hour
        self._hour = hour
        return self.value(reading.at_ms) if due else []

    def _is_counter(self, name: SignalName) -> bool:
        known = self._kinds.get(name)
        if known is None:
            spec = spec_of(name)
            known = self._kinds[name] = spec is not None and spec.kind is Kind.COUNTER
        return known

    def value(self, at_ms: int) -> list[Energy]:
        """The counters: those measured and those integrated, apart."""
        integrated: dict[str, float] = {}
        for power_name, positive, negative in _PARTS:
            integral = self._integrals.get(power_name)
            if integral is not None:
                parts = zip((positive, negative), integral.value(), strict=True)
                integrated.update({name: round(wh, 3) for name, wh in parts if name and name not in self._measured})
        both = ((dict(self._measured), True), (integrated, False))
        return [Energy(at_ms, counters, measured) for counters, measured in both if counters]

    def state(self) -> dict[str, Any]:
        integrals = {name: integral.state() for name, integral in self._integrals.items()}
        return {"hour": self._hour, "measured": dict(self._measured), "integrals": integrals}

    @classmethod
    def from_state(cls, max_gap_ms: int, state: Mapping[str, Any]) -> "EnergyMeter":
        meter = cls(max_gap_ms)
        meter._hour = state["hour"]
        meter._measured = dict(state["measured"])
        meter._integrals = {name: Integral.from_state(max_gap_ms, each) for name, each in state["integrals"].items()}
        return meter
