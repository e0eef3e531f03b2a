"""Time in which nobody listened: how long, and what the plant did meanwhile by its own counters.

A silence in which not one counter of the house moved was none: the clock was set forward.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from agent.diagnosis.points import Told
from agent.diagnosis.sleep import Sleep
from agent.domain.blocks import Block
from agent.domain.faults import FaultCode
from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    LOAD_ENERGY_TOTAL,
    PV_ENERGY_TOTAL,
    PV_POWER,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move
from agent.domain.wire import Fault

_DEAD_WH: Final = 20.0
_STEP_MS: Final = 600_000
_MOST_STEPS: Final = 2_000
_LEAST_CLOCK_MS: Final = 60_000
# What a house uses at least: less than this in a silence, and it was no silence.
_LEAST_HOUSE_W: Final = 15.0
_LEAST_JUMP_MS: Final = 1_800_000
_SAME_MS: Final = 900_000
_BELIEVED_MS: Final = 4 * 86_400_000
_WITNESSES: Final = (
    *(GRID_IMPORT_TOTAL, GRID_EXPORT_TOTAL, BATTERY_CHARGE_TOTAL, BATTERY_DISCHARGE_TOTAL, LOAD_ENERGY_TOTAL),
)
_CLOCK: Final = (FaultCode.CLOCK_ERROR,)


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
    """Follows the times of a site's readings and its counters."""

    def __init__(self, max_gap_ms: int) -> None:
        self._max_gap_ms = max_gap_ms
        self._gap = Told(FaultCode.GAP)
        self._clock = Told(FaultCode.CLOCK_ERROR)
        self.told = (self._gap, self._clock)
        self.silent_ms = 0  # how long it was silent before the newest reading, 0 where that is usual
        self._off_ms = 0  # how far the clock is ahead, as far as its jumps tell
        self._off_since_ms = 0
        self._total: float | None = None
        self._total_ms = 0
        self._power_ms = 0

    @property
    def causes(self) -> tuple[FaultCode, ...]:
        """The clock, while it is known to be off."""
        return _CLOCK if self._off_ms else ()

    def update(self, before: Reading, reading: Reading, sleep: Sleep) -> list[Fault]:
        """Take in a reading that follows `before`."""
        before_ms, at_ms = before.at_ms, reading.at_ms
        passed_ms = at_ms - before_ms
        self.silent_ms = 0
        if self._off_ms and at_ms - self._off_since_ms > _BELIEVED_MS:
            self._off_ms = 0
        if 0 < passed_ms <= self._max_gap_ms:
            self._gap.reliability.add_up(passed_ms)
            return []
        back = self._off_ms != 0 and abs(self._off_ms + passed_ms) < _SAME_MS
        if passed_ms < 0 or back or (passed_ms >= _LEAST_JUMP_MS and _nothing_moved(before, reading)):
            return self._jumped(at_ms, passed_ms)
        self.silent_ms = passed_ms
        if sleep.night(before_ms, at_ms):
            return []
        evidence = {"missing_minutes": round(passed_ms / 60_000, 1)}
        total = reading.values.get(PV_ENERGY_TOTAL)
        if total is not None and self._total is not None and total >= self._total:
            evidence["produced_wh"] = round(total - self._total, 1)
        return self._gap.tell(before_ms, at_ms, evidence)

    @property
    def until_ms(self) -> float:
        """When the clock is no longer believed to be off, without another jump."""
        return self._off_since_ms + _BELIEVED_MS if self._off_ms else inf

    def pass_all(self, before: Reading, block: Block) -> None:
        """`update` and `counted` with each reading of a block without a gap, whose signals `before` holds as well."""
        self.silent_ms = 0
        last_ms = block.times[-1]
        self._gap.reliability.add_up(last_ms - before.at_ms)
        totals = block.column(PV_ENERGY_TOTAL)
        if totals is not None:
            self._total, self._total_ms = totals[-1], last_ms
        if block.column(PV_POWER) is not None:
            self._power_ms = last_ms

    def _jumped(self, at_ms: int, by_ms: int) -> list[Fault]:
        """The clock jumped, away or back to where it was."""
        self._total_ms += by_ms
        self._power_ms += by_ms
        back = self._off_ms != 0 and abs(self._off_ms + by_ms) < _SAME_MS
        self._off_ms = 0 if back else self._off_ms + by_ms
        self._off_since_ms = at_ms
        return [] if back else self._clock.tell(at_ms, at_ms, {"by_s": by_ms / 1000})

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
        """The clock was set: worth telling when it was off by a minute or more.

        `at_ms` is the last reading's time as the wrong clock showed it: it is put right with all other records.
        """
        if abs(move.by_ms) < _LEAST_CLOCK_MS:
            return []
        return self._clock.tell(at_ms, at_ms, {"by_s": move.by_ms / 1000})

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._total_ms, self._power_ms = move(self._total_ms), move(self._power_ms)
        self._off_ms = 0

    def state(self) -> list[Any]:
        times = [self._total, self._total_ms, self._power_ms, self._off_ms, self._off_since_ms]
        return [self._gap.state(), self._clock.state(), *times]

    def restore(self, state: list[Any]) -> None:
        gap, clock, self._total, self._total_ms, self._power_ms, self._off_ms, self._off_since_ms = state
        for told, kept in zip(self.told, (gap, clock), strict=True):
            told.restore(kept)


def _nothing_moved(before: Reading, reading: Reading) -> bool:
    """Whether all the house's counters stand where they stood, as they cannot over a real silence."""
    hours = (reading.at_ms - before.at_ms) / 3_600_000
    moved = [_change(name, before.values, reading.values) for name in _WITNESSES]
    known = [change for change in moved if change is not None]
    return len(known) >= 2 and sum(known) < _LEAST_HOUSE_W * hours


def _change(name: SignalName, before: Mapping[SignalName, float], now: Mapping[SignalName, float]) -> float | None:
    return abs(now[name] - before[name]) if name in before and name in now else None
