"""A signal that repeats itself while it should move: pure, one object a signal."""

from collections.abc import Mapping, Sequence
from itertools import compress, count
from operator import eq
from typing import Any, Final

from agent.domain.blocks import Block
from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    BATTERY_SOC,
    FLOW_TEMPERATURE,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_ENERGY_TOTAL,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_ENERGY_TOTAL,
    PV_POWER,
    RETURN_TEMPERATURE,
    SignalName,
)
from agent.domain.timeline import Move

_HOUR_MS: Final = 3_600_000
_LONGEST_STEP_MS: Final = _HOUR_MS
_LEAST_SAMPLES: Final = 12
_PATIENCE: Final = 3
_COARSE_W: Final = 20.0
_COARSE_TIMES: Final = 8
_MOVES_TO_KNOW: Final = 20
_DOUBTFUL_MS: Final = 15 * 60_000
_DOUBTFUL_SAMPLES: Final = 5
_CLIPPED: Final = 0.9

# Hours of motion that a signal may stand, before it has shown how long it usually does.
LIMITS_H: Final[Mapping[SignalName, float]] = {
    LOAD_POWER: 3.0,
    GRID_POWER: 3.0,
    PV_POWER: 6.0,
    BATTERY_SOC: 3.0,
    OUTDOOR_TEMPERATURE: 12.0,
    FLOW_TEMPERATURE: 8.0,
    RETURN_TEMPERATURE: 8.0,
    PV_ENERGY_TOTAL: 3.0,
    GRID_IMPORT_TOTAL: 3.0,
    GRID_EXPORT_TOTAL: 3.0,
    BATTERY_CHARGE_TOTAL: 3.0,
    BATTERY_DISCHARGE_TOTAL: 3.0,
    LOAD_ENERGY_TOTAL: 6.0,
}
_DRIVEN: Final[Mapping[SignalName, tuple[SignalName, float]]] = {
    # Counter -> the power that moves it and the least of it, negative where the counter counts what goes out.
    PV_ENERGY_TOTAL: (PV_POWER, 400.0),
    GRID_IMPORT_TOTAL: (GRID_POWER, 400.0),
    GRID_EXPORT_TOTAL: (GRID_POWER, -400.0),
    BATTERY_CHARGE_TOTAL: (BATTERY_POWER, 400.0),
    BATTERY_DISCHARGE_TOTAL: (BATTERY_POWER, -400.0),
    LOAD_ENERGY_TOTAL: (LOAD_POWER, 300.0),
}
# Where the other direction is counted while this one should be, the power's sign is wrong, and no counter stands.
_OTHERS: Final[Mapping[SignalName, SignalName]] = {
    GRID_IMPORT_TOTAL: GRID_EXPORT_TOTAL,
    GRID_EXPORT_TOTAL: GRID_IMPORT_TOTAL,
    BATTERY_CHARGE_TOTAL: BATTERY_DISCHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL: BATTERY_CHARGE_TOTAL,
}
# Counter -> the power that moves it.
DRIVERS: Final[Mapping[SignalName, SignalName]] = {name: power for name, (power, _) in _DRIVEN.items()}
_POWERS: Final = frozenset({LOAD_POWER, GRID_POWER})
_DOUBTED: Final = _POWERS | {PV_POWER}


def should_move(name: SignalName, value: float, values: Mapping[SignalName, float], peak: float) -> bool:
    """Whether a signal that stands at `value` has a reason to move now. `peak` is the highest it ever had."""
    if name in _POWERS:
        return value != 0.0
    if name == PV_POWER:
        # At its highest it is the inverter's limit.
        return 50.0 < value < _CLIPPED * peak
    if name == BATTERY_SOC:
        return 8.0 < value < 95.0 and abs(values.get(BATTERY_POWER, 0.0)) > 300.0
    if name in (FLOW_TEMPERATURE, RETURN_TEMPERATURE):
        return values.get(PUMP_ON, 0.0) >= 0.5
    driven = _DRIVEN.get(name)
    if driven is None:
        return True
    power = values.get(driven[0], 0.0)
    return power > driven[1] if driven[1] > 0 else power < driven[1]


class Standing:
    """How long one signal has stood although it should have moved, and how long it does when all is well.

    >>> load = Standing(LOAD_POWER)
    >>> for minute in range(240):
    ...     load.update(minute * 60_000, 300.0 if minute >= 30 else 300.0 + minute, {})
    >>> load.stuck, load.since_ms // 60_000
    (True, 30)
    """

    __slots__ = (
        *("_limit_ms", "_longest_ms", "_name", "_other", "_peak", "_samples", "_step"),
        *("last_ms", "moves", "moving_ms", "since_ms", "value"),
    )

    def __init__(self, name: SignalName) -> None:
        self._name = name
        self._limit_ms = round(LIMITS_H[name] * _HOUR_MS)
        self.value: float | None = None
        self.last_ms = 0
        self.since_ms = 0  # since when it stands
        self.moving_ms = 0  # of that, how long it should have moved
        self.moves = 0  # times that it was seen to change
        self._samples = 0
        self._longest_ms = 0
        self._peak = 0.0
        self._other: float | None = None  # what the counter of the other direction showed when it began to stand
        self._step = 0.0  # the smallest change ever seen

    def update(self, at_ms: int, value: float, values: Mapping[SignalName, float]) -> None:
        """Take in a good sample, among `values` of the same instant."""
        if value != self.value:
            self.moved(at_ms, value)
        else:
            self.stood(at_ms, value, values)

    def stood(self, at_ms: int, value: float, values: Mapping[SignalName, float]) -> None:
        """A sample like the last one."""
        step_ms = at_ms - self.last_ms
        self.last_ms = at_ms
        if 0 < step_ms <= _LONGEST_STEP_MS and should_move(self._name, value, values, self._peak):
            other = values.get(_OTHERS[self._name]) if self._name in _OTHERS else None
            if self.moving_ms and other != self._other:
                self.forget()
            if not self.moving_ms:
                self.since_ms, self._other = at_ms - step_ms, other
            self.moving_ms += step_ms
            self._samples += 1

    def calm_rows(self, block: Block, column: Sequence[float]) -> int:
        """Over how many readings of the block it is certain that it will neither be stuck nor doubtful."""
        least_ms = _DOUBTFUL_MS if self._name in _DOUBTED else self._limit_ms
        limit_ms = max(least_ms, _PATIENCE * self._longest_ms)
        standing_ms, before = self.moving_ms, -1
        if standing_ms >= limit_ms:
            return 0
        same = self._same(column)
        reasons = set(self._may_move(block, column, same))
        times = block.times
        for row in same if reasons else ():
            if row != before + 1:
                standing_ms = 0
            if row in reasons:
                standing_ms += times[row] - times[row - 1] if row else _LONGEST_STEP_MS
                if standing_ms >= limit_ms:
                    return row
            before = row
        return len(block)

    def _same(self, column: Sequence[float]) -> list[int]:
        """The rows that are like the one before."""
        return list(compress(count(), map(eq, column, (self.value, *column))))

    def _may_move(self, block: Block, column: Sequence[float], rows: Sequence[int]) -> Sequence[int]:
        """Those of the rows at which it may have a reason to move, at least."""
        name = self._name
        if not rows:
            return rows
        if name in _DOUBTED:
            least = 50.0 if name == PV_POWER else 0.0
            return [row for row in rows if abs(column[row]) > least]
        if name == BATTERY_SOC:
            power = block.optional(BATTERY_POWER, 0.0)
            return [row for row in rows if abs(power[row]) > 300.0 and 8.0 < column[row] < 95.0]
        if name in (FLOW_TEMPERATURE, RETURN_TEMPERATURE):
            pump = block.optional(PUMP_ON, 0.0)
            return [row for row in rows if pump[row] >= 0.5]
        if name not in _DRIVEN:
            return rows
        power, least = block.optional(DRIVERS[name], 0.0), _DRIVEN[name][1]
        return [row for row in rows if (power[row] > least if least > 0 else power[row] < least)]

    def pass_all(
        self,
        block: Block,
        column: Sequence[float],
        looks: Sequence[int],
        alive: Sequence[bool] | None = None,
        *,
        forgets: bool = False,
    ) -> tuple[list[int], list[bool] | None]:
        """`stood` or `moved` for each reading of the block; `looks` are the rows where a change is looked at closely.

        Where its driver is not `alive`, standing counts for nothing; where it `forgets`, only since the last look.
        Returns since when it stood at each of the looks (the time of the look where it did not), and whether it stood
        before the block and behind each reading.
        """
        same = self._same(column)
        if not self.moving_ms and not self._may_move(block, column, same):
            return self._pass_moving(block.times, column, looks, same, alive), None
        since: list[int] = []
        stands = [self.moving_ms > 0]
        close = set(looks)
        for row, (at_ms, value) in enumerate(zip(block.times, column, strict=True)):
            if value != self.value:
                if self.moving_ms or row in close:
                    self.moved(at_ms, value)
                else:
                    self.value, self.last_ms = value, at_ms
                    self.moves += 1
            elif alive is None or alive[row]:
                self.stood(at_ms, value, block.readings[row].values)
            stands.append(self.moving_ms > 0)
            if row in close:
                since.append(self.since_ms if self.moving_ms > 0 else at_ms)
                if forgets:
                    self.forget()
        return since, stands

    def _pass_moving(
        self,
        times: Sequence[int],
        column: Sequence[float],
        looks: Sequence[int],
        same: Sequence[int],
        alive: Sequence[bool] | None,
    ) -> list[int]:
        """Wherever it stands, it may."""
        still = set(same)
        moved = [row for row in looks if row not in still]
        last = next((row for row in range(len(times) - 1, -1, -1) if row not in still), None)
        for row in moved:
            if row:
                self.value = column[row - 1]
            self.moved(times[row], column[row])
        self.moves += len(times) - len(same) - len(moved)
        if last is not None:
            self.value = column[last]  # 0 that stands as -0 is still what it was
        if alive is None or not same:
            self.last_ms = times[-1]
        else:
            self.last_ms = max(
                (times[row] for row in range(len(times)) if alive[row] or row not in still), default=self.last_ms
            )
        return [times[row] for row in looks]

    def moved(self, at_ms: int, value: float) -> None:
        """A sample unlike the last one."""
        if self.moving_ms:
            if self._longest_ms < self.moving_ms < self._limit_ms:
                self._longest_ms = self.moving_ms
            self.moving_ms = self._samples = 0
        if self.value is not None:
            step = abs(value - self.value)
            if not 0.0 < self._step <= step:
                self._step = step
        if value > self._peak:
            self._peak = value
        self.value, self.last_ms = value, at_ms
        self.moves += 1

    def forget(self) -> None:
        """What it stood for until now proves nothing."""
        self.moving_ms = self._samples = 0

    def _allowed_ms(self) -> int:
        times = _COARSE_TIMES if self._is_coarse else 1
        return max(times * self._limit_ms, _PATIENCE * self._longest_ms)

    @property
    def stuck(self) -> bool:
        """Whether it stood far too long; what never moved is not known to."""
        return self.moves > _MOVES_TO_KNOW and self._samples >= _LEAST_SAMPLES and self.moving_ms >= self._allowed_ms()

    @property
    def doubtful(self) -> bool:
        """Whether a power stood long enough that nothing should be concluded from it."""
        if self._samples < _DOUBTFUL_SAMPLES or self.moving_ms < _DOUBTFUL_MS or self._name not in _DOUBTED:
            return False
        if self.moves <= _MOVES_TO_KNOW or self._is_coarse:
            return False
        return self.moving_ms > _PATIENCE * self._longest_ms

    @property
    def _is_coarse(self) -> bool:
        return self._name in _DOUBTED and self._step > _COARSE_W

    @property
    def stood_h(self) -> float:
        """Hours that it stood while it should have moved."""
        return self.moving_ms / _HOUR_MS

    def move(self, move: Move) -> None:
        """The clock was set."""
        self.since_ms, self.last_ms = move(self.since_ms), move(self.last_ms)

    def state(self) -> list[Any]:
        times = [self.since_ms, self.last_ms, self.moving_ms, self.moves, self._samples, self._longest_ms]
        return [self.value, self._peak, self._step, *times, self._other]

    def restore(self, state: Sequence[Any]) -> None:
        self.value, self._peak, self._step = state[:3]
        self.since_ms, self.last_ms, self.moving_ms, self.moves, self._samples, self._longest_ms = state[3:9]
        self._other = state[9] if len(state) > 9 else None
