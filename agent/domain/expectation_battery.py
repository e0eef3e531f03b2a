"""What this battery holds and how fast it can charge, learned from what it does."""

from collections.abc import Sequence
from typing import Any, Final

from agent.domain.timeline import Move

_MS_PER_HOUR: Final = 3_600_000
_LEAST_SWING: Final = 12.0  # % of charge over which the energy is compared
_LONGEST_MS: Final = 12 * _MS_PER_HOUR
_LARGEST_STEP: Final = 5.0  # % between two samples: more is no charging, but a correction
_GAIN: Final = 0.15
_SURPRISE: Final = 0.3


class BatteryCapacity:
    """Wh for 100 % of charge, from the energy that a swing of the state of charge took. One sample a reading.

    A swing that disagrees by more than `_SURPRISE` moves it by that much at most: a single bad one is soon forgotten.

    >>> pack = BatteryCapacity()
    >>> for minute in range(120):
    ...     pack.update(minute * 60_000, 20 + minute * 0.5, 3000.0)
    >>> round(pack.value() or 0, -2)
    10000.0
    """

    __slots__ = ("_energy_wh", "_from_ms", "_last_ms", "_soc", "_start_soc", "_wh", "swings")

    def __init__(self) -> None:
        self._wh = 0.0
        self.swings = 0
        self._from_ms: int | None = None
        self._last_ms = 0
        self._start_soc = 0.0
        self._soc = 0.0
        self._energy_wh = 0.0

    def update(self, at_ms: int, soc: float | None, power_w: float) -> None:
        """Take in a reading; `soc` may be missing."""
        if self._from_ms is not None:
            if at_ms - self._last_ms > _MS_PER_HOUR or at_ms - self._from_ms > _LONGEST_MS:
                self._from_ms = None
            else:
                self._energy_wh += power_w * (at_ms - self._last_ms) / _MS_PER_HOUR
        self._last_ms = at_ms
        if soc is None:
            return
        if self._from_ms is None or abs(soc - self._soc) > _LARGEST_STEP:
            self._start(at_ms, soc)
            return
        self._soc = soc
        if abs(soc - self._start_soc) >= _LEAST_SWING:
            self._learn(self._energy_wh / (soc - self._start_soc) * 100.0)
            self._start(at_ms, soc)

    def _start(self, at_ms: int, soc: float) -> None:
        self._from_ms, self._start_soc, self._soc, self._energy_wh = at_ms, soc, soc, 0.0

    def _learn(self, wh: float) -> None:
        if wh <= 0.0:
            return  # Charge rose while energy left: a fault teaches nothing.
        if not self.swings:
            self._wh = wh
        else:
            limit = _SURPRISE * self._wh
            self._wh += _GAIN * max(-limit, min(limit, wh - self._wh))
        self.swings += 1

    def value(self) -> float | None:
        """Wh, None before the first swing."""
        return self._wh if self.swings else None

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._from_ms, self._last_ms = move.maybe(self._from_ms), move(self._last_ms)

    def state(self) -> list[Any]:
        return [
            *(self._wh, self.swings, self._from_ms, self._last_ms, self._start_soc, self._soc, self._energy_wh),
        ]

    def restore(self, state: Sequence[Any]) -> None:
        self._wh, self.swings, self._from_ms, self._last_ms, self._start_soc, self._soc, self._energy_wh = state


class ChargeAbility:
    """W that the battery takes when it is offered plenty, as far as it ever showed over ten minutes.

    >>> ability = ChargeAbility()
    >>> for minute in range(60):
    ...     ability.update(minute * 60_000, 3000.0)
    >>> round(ability.value(), -2)
    3000.0
    """

    __slots__ = ("_best_w", "_last_ms", "_mean_w")

    _TAU_MS: Final = 600_000

    def __init__(self) -> None:
        self._best_w = 0.0
        self._mean_w = 0.0
        self._last_ms: int | None = None

    def update(self, at_ms: int, power_w: float) -> None:
        last_ms, self._last_ms = self._last_ms, at_ms
        if last_ms is None or not 0 < at_ms - last_ms <= _MS_PER_HOUR:
            self._mean_w = 0.0
            return
        step_ms = at_ms - last_ms
        self._mean_w += (power_w - self._mean_w) * step_ms / (self._TAU_MS + step_ms)
        self._best_w = max(self._best_w, self._mean_w)

    def value(self) -> float:
        """W."""
        return self._best_w

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._last_ms = move.maybe(self._last_ms)

    def state(self) -> list[Any]:
        return [self._best_w, self._mean_w, self._last_ms]

    def restore(self, state: Sequence[Any]) -> None:
        self._best_w, self._mean_w, self._last_ms = state
