"""Time in which nobody listened: how long, and what the plant did meanwhile by its own counter."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from agent.diagnosis.points import Told
from agent.diagnosis.sleep import Sleep
from agent.domain.faults import FaultCode
from agent.domain.signals import PV_ENERGY_TOTAL, PV_POWER, Reading
from agent.domain.timeline import Move
from agent.domain.wire import Fault

_DEAD_WH: Final = 20.0
_STEP_MS: Final = 600_000
_MOST_STEPS: Final = 2_000
_LEAST_CLOCK_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class WhileAway:
    """Between two looks at the counter it rose by `produced_wh`; `dead` when that is nothing."""

    from_ms: int
    to_ms: int
    produced_wh: float

    @property
    def dead(self) -> bool:
        return self.produced_wh <= _DEAD_WH

    def readings(self, max_gap_ms: int) -> Iterator[Reading]:
        """What the panels gave in that time, as the counter proves it: nothing."""
        step_ms = min(_STEP_MS, max_gap_ms)
        steps = min(_MOST_STEPS, (self.to_ms - self.from_ms) // step_ms - 1)
        for step in range(1, steps + 1):
            yield Reading(self.from_ms + step * step_ms, {PV_POWER: 0.0})


class Unheard:
    """Follows the times of a site's readings and its counter of generated energy."""

    def __init__(self, max_gap_ms: int) -> None:
        self._max_gap_ms = max_gap_ms
        self._gap = Told(FaultCode.GAP)
        self._clock = Told(FaultCode.CLOCK_ERROR)
        self.told = (self._gap, self._clock)
        self.silent_ms = 0  # how long it was silent before the newest reading, 0 where that is usual
        self._total: float | None = None
        self._total_ms = 0
        self._power_ms = 0

    def update(self, before_ms: int, reading: Reading, sleep: Sleep) -> list[Fault]:
        """Take in a reading that follows one of `before_ms`."""
        at_ms = reading.at_ms
        passed_ms = at_ms - before_ms
        self.silent_ms = 0
        if 0 < passed_ms <= self._max_gap_ms:
            self._gap.reliability.add_up(passed_ms)
            return []
        if passed_ms < 0:
            by_s = passed_ms / 1000
            return self._clock.tell(at_ms, at_ms, {"by_s": by_s})
        self.silent_ms = passed_ms
        if sleep.night(before_ms, at_ms):
            return []
        evidence = {"missing_minutes": round(passed_ms / 60_000, 1)}
        total = reading.values.get(PV_ENERGY_TOTAL)
        if total is not None and self._total is not None and total >= self._total:
            evidence["produced_wh"] = round(total - self._total, 1)
        return self._gap.tell(before_ms, at_ms, evidence)

    def counted(self, reading: Reading) -> WhileAway | None:
        """What the counter says once it is seen again after a time without the panels' power."""
        values, at_ms = reading.values, reading.at_ms
        total = values.get(PV_ENERGY_TOTAL)
        away = None
        if total is not None:
            last, last_ms = self._total, max(self._total_ms, self._power_ms)
            if last is not None and at_ms - last_ms > self._max_gap_ms and total >= last:
                away = WhileAway(last_ms, at_ms, round(total - last, 1))
            self._total, self._total_ms = total, at_ms
        if PV_POWER in values:
            self._power_ms = at_ms
        return away

    def set(self, move: Move, at_ms: int) -> list[Fault]:
        """The clock was set: worth telling when it was off by a minute or more. `at_ms` is the last reading's time."""
        if abs(move.by_ms) < _LEAST_CLOCK_MS:
            return []
        return self._clock.tell(at_ms, at_ms, {"by_s": move.by_ms / 1000})

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._total_ms, self._power_ms = move(self._total_ms), move(self._power_ms)

    def state(self) -> list[Any]:
        return [self._gap.state(), self._clock.state(), self._total, self._total_ms, self._power_ms]

    def restore(self, state: list[Any]) -> None:
        gap, clock, self._total, self._total_ms, self._power_ms = state
        for told, kept in zip(self.told, (gap, clock), strict=True):
            told.restore(kept)
