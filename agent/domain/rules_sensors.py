"""Heating sensors that cannot be right: standing still, swapped, or out of this world."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.domain.begun import KnowsBegin
from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.faults import FaultCode
from agent.domain.signals import (
    BURNER_ON,
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move

_HOUR_MS: Final = 3_600_000
_LEAST_STOOD_MS: Final = 1_800_000
_SOON_MS: Final = 3 * _HOUR_MS
_WATCHED_STEP_MS: Final = 900_000  # over a longer step nobody saw whether it stood


@dataclass(frozen=True, slots=True)
class RoomStuckLimits:
    """K, s. A change up to `dead_band` is none. A sensor that often stood still is given `patience` times as long."""

    dead_band: float = 0.02
    patience: float = 3.0
    learn_s: float = 86_400.0


class RoomSensorStuck(RowByRow, KnowsBegin):
    """The room temperature does not move at all. How long it may stand is the timing's debounce."""

    code = FaultCode.ROOM_SENSOR_STUCK
    needs = (frozenset({ROOM_TEMPERATURE}),)
    watched: SignalName | None = None

    def __init__(self, limits: RoomStuckLimits) -> None:
        self._limits = limits
        self._learn_ms = round(limits.learn_s * 1000)
        self._value: float | None = None
        self._since_ms = 0
        self._last_ms = 0
        self._longest_ms = 0
        self._watched_ms = 0  # since when it was watched without a break

    @property
    def since_ms(self) -> int | None:
        # Where it stands for hours when all is well, those prove nothing.
        return max(self._since_ms, self._watched_ms) if self._usual_ms() <= _SOON_MS else None

    def judge(self, reading: Reading) -> Verdict:
        room = reading.values.get(ROOM_TEMPERATURE)
        if room is None:
            return None
        at_ms = reading.at_ms
        if at_ms - self._last_ms > _WATCHED_STEP_MS:
            self._watched_ms = at_ms
        if self._value is None or abs(room - self._value) > self._limits.dead_band:
            stood_ms = self._last_ms - self._since_ms
            # Once it stood so long that it was told, it does not teach how long is usual.
            if self._value is not None and self._longest_ms < stood_ms < self._learn_ms:
                self._longest_ms = stood_ms
            self._value, self._since_ms, self._last_ms = room, at_ms, at_ms
            return False
        self._last_ms = at_ms
        # What it often does when all is well is not even suspicious.
        return None if at_ms - self._since_ms < self._usual_ms() else True

    def _usual_ms(self) -> float:
        return max(_LEAST_STOOD_MS, self._limits.patience * self._longest_ms)

    def judge_all(self, block: Block) -> list[Verdict]:
        rooms, verdicts, dead_band = block.column(ROOM_TEMPERATURE), list[Verdict](), self._limits.dead_band
        if rooms is None:
            return [None] * len(block)
        value, since_ms, last_ms = self._value, self._since_ms, self._last_ms
        for row, (at_ms, room) in enumerate(zip(block.times, rooms, strict=True)):
            young = at_ms - since_ms < _LEAST_STOOD_MS and at_ms - last_ms <= _WATCHED_STEP_MS
            if young and value is not None and abs(room - value) <= dead_band:
                last_ms = at_ms
                verdicts.append(None)
                continue
            self._last_ms = last_ms
            verdicts.append(self.judge(block.readings[row]))
            value, since_ms, last_ms = self._value, self._since_ms, self._last_ms
            if verdicts[-1]:
                break
        self._last_ms = last_ms
        return verdicts

    def seen(self) -> dict[str, float]:
        """Hours that it stands, and the longest it did before."""
        return {
            "unchanged_hours": round((self._last_ms - self._since_ms) / _HOUR_MS, 1),
            "longest_before_hours": round(self._longest_ms / _HOUR_MS, 1),
        }

    def move(self, move: Move, /) -> None:
        self._since_ms, self._last_ms = move(self._since_ms), move(self._last_ms)
        self._watched_ms = move(self._watched_ms)

    def state(self) -> list[Any]:
        return [self._value, self._since_ms, self._last_ms, self._longest_ms, self._watched_ms]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._value, self._since_ms, self._last_ms, self._longest_ms = state[:4]
            self._watched_ms = state[4] if len(state) > 4 else self._last_ms


@dataclass(frozen=True, slots=True)
class SwapLimits:
    """K. The return this much warmer than the flow fails, the flow this much warmer is well."""

    wrong: float = 1.5
    right: float = 0.5


class Pulse:
    """Whether a value still moves: what stands for `still_ms` proves nothing about another one."""

    __slots__ = ("_since_ms", "_still_ms", "_value")

    def __init__(self, still_ms: int = 1_800_000) -> None:
        self._still_ms = still_ms
        self._value: float | None = None
        self._since_ms = 0

    def beats(self, at_ms: int, value: float) -> bool:
        """Take in a value."""
        if value != self._value:
            self._value, self._since_ms = value, at_ms
            return True
        return self.is_fresh(at_ms - self._since_ms)

    def is_fresh(self, stood_ms: int) -> bool:
        """Whether a value that has stood so long still tells something."""
        return stood_ms < self._still_ms

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._since_ms = move(self._since_ms)

    def state(self) -> list[Any]:
        return [self._value, self._since_ms]

    def restore(self, state: Sequence[Any]) -> None:
        self._value, self._since_ms = state


class SensorsSwapped(RowByRow):
    """The return is warmer than the flow while heat is made and moved."""

    code = FaultCode.SENSORS_SWAPPED
    needs = (
        frozenset({FLOW_TEMPERATURE, RETURN_TEMPERATURE, PUMP_ON, BURNER_ON}),
        frozenset({FLOW_TEMPERATURE, RETURN_TEMPERATURE, PUMP_ON, OUTDOOR_TEMPERATURE}),
    )
    watched: SignalName | None = None
    _COOL: Final = 15.0

    def __init__(self, limits: SwapLimits) -> None:
        self._limits = limits
        self._flow, self._back = Pulse(), Pulse()

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        flow, back, pump = values.get(FLOW_TEMPERATURE), values.get(RETURN_TEMPERATURE), values.get(PUMP_ON)
        if flow is None or back is None or pump is None:
            return None
        both_beat = self._flow.beats(reading.at_ms, flow) & self._back.beats(reading.at_ms, back)
        if pump < 0.5:
            return None
        # A heat pump that cools in summer has the same picture.
        if values.get(BURNER_ON, 0.0) < 0.5 and values.get(OUTDOOR_TEMPERATURE, 99.0) >= self._COOL:
            return None
        if back - flow > self._limits.wrong:
            return True if both_beat else None
        return False if flow - back > self._limits.right else None

    def judge_all(self, block: Block) -> list[Verdict]:
        flows, backs = block.column(FLOW_TEMPERATURE), block.column(RETURN_TEMPERATURE)
        pumps, verdicts, right = block.column(PUMP_ON), list[Verdict](), self._limits.right
        if flows is None or backs is None or pumps is None:
            return [None] * len(block)
        burners, airs = block.optional(BURNER_ON, 0.0), block.optional(OUTDOOR_TEMPERATURE, 99.0)
        (warm, warm_ms), (cool, cool_ms) = self._flow.state(), self._back.state()
        rows = zip(block.times, flows, backs, pumps, burners, airs, strict=True)
        for at_ms, flow, back, pump, burner, air in rows:
            if flow != warm:
                warm, warm_ms = flow, at_ms
            if back != cool:
                cool, cool_ms = back, at_ms
            if pump < 0.5 or (burner < 0.5 and air >= self._COOL):
                verdicts.append(None)
            elif back - flow > self._limits.wrong:
                both_beat = self._flow.is_fresh(at_ms - warm_ms) and self._back.is_fresh(at_ms - cool_ms)
                verdicts.append(True if both_beat else None)
                if both_beat:
                    break
            else:
                verdicts.append(False if flow - back > right else None)
        self._flow.restore((warm, warm_ms))
        self._back.restore((cool, cool_ms))
        return verdicts

    def move(self, move: Move, /) -> None:
        self._flow.move(move)
        self._back.move(move)

    def state(self) -> list[Any]:
        return [self._flow.state(), self._back.state()]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._flow.restore(state[0])
            self._back.restore(state[1])


@dataclass(frozen=True, slots=True)
class OutdoorLimits:
    """K. Air does not change by more than `step` + `per_hour` × hours between samples.

    Such a step is taken as an error of the sensor that lasts until one of at least `healthy` is undone. `swing` is how
    far from the mean of the last days the air may be, `accept_s` how long an error of that kind is believed.
    """

    step: float = 4.5
    per_hour: float = 7.0
    healthy: float = 3.0
    swing: float = 22.0
    accept_s: float = 30 * 86_400.0


class OutdoorImplausible(RowByRow):
    """The outdoor temperature jumped as air does not, or lies far from all of the last days."""

    code = FaultCode.OUTDOOR_SENSOR_IMPLAUSIBLE
    needs = (frozenset({OUTDOOR_TEMPERATURE}),)
    watched: SignalName | None = None
    _TAU_H: Final = 72.0
    _LEAST_H: Final = 48.0
    _LONGEST_H: Final = 1.5
    _STOOD_MS: Final = 3 * _HOUR_MS

    def __init__(self, limits: OutdoorLimits) -> None:
        self._limits = limits
        self._accept_ms = round(limits.accept_s * 1000)
        self._value: float | None = None
        self._last_ms = 0
        self._since_ms = 0
        self._offset = 0.0
        self._offset_ms = 0
        self._mean = 0.0
        self._hours = 0.0

    def judge(self, reading: Reading) -> Verdict:
        air = reading.values.get(OUTDOOR_TEMPERATURE)
        if air is None:
            return None
        at_ms, before, limits = reading.at_ms, self._value, self._limits
        hours = (at_ms - self._last_ms) / _HOUR_MS
        stood_ms = at_ms - self._since_ms
        self._value, self._last_ms = air, at_ms
        if air != before:
            self._since_ms = at_ms
        if before is None:
            self._mean = air
            return None
        # After it stood for hours a step only makes up for what was missed.
        if 0.0 < hours <= self._LONGEST_H and stood_ms < self._STOOD_MS:
            step = air - before
            if abs(step) > limits.step + limits.per_hour * hours:
                self._offset, self._offset_ms = self._offset + step, at_ms
        elif abs(air - self._offset - self._mean) > limits.swing > abs(air - self._mean):
            # It was undone while nobody saw it: with the error taken off there would be no such air.
            self._offset = 0.0
        if self._offset and at_ms - self._offset_ms > self._accept_ms:
            self._offset = 0.0
        if abs(self._offset) >= limits.healthy:
            return True
        self._offset = 0.0
        return self._by_climate(air, hours)

    def judge_all(self, block: Block) -> list[Verdict]:
        airs, limits, verdicts = block.column(OUTDOOR_TEMPERATURE), self._limits, list[Verdict]()
        if airs is None or self._value is None or self._offset:
            return super().judge_all(block)
        last_ms, since_ms, value = self._last_ms, self._since_ms, self._value
        for row, (at_ms, air) in enumerate(zip(block.times, airs, strict=True)):
            hours = (at_ms - last_ms) / _HOUR_MS
            # A step that is small enough for any two samples needs no closer look.
            if abs(air - value) <= limits.step and not self._offset:
                if air != value:
                    since_ms = at_ms
                value, last_ms = air, at_ms
                verdicts.append(self._by_climate(air, hours))
            else:
                self._value, self._last_ms, self._since_ms = value, last_ms, since_ms
                verdicts.append(self.judge(block.readings[row]))
                value, last_ms, since_ms = air, at_ms, self._since_ms
            if verdicts[-1]:
                break
        self._value, self._last_ms, self._since_ms = value, last_ms, since_ms
        return verdicts

    def _by_climate(self, air: float, hours: float) -> Verdict:
        off = abs(air - self._mean)
        known = self._hours >= self._LEAST_H
        if known and off > self._limits.swing:
            return True
        if 0.0 < hours <= self._LONGEST_H:
            self._hours += hours
            self._mean += (air - self._mean) * hours / (min(self._hours, self._TAU_H) + hours)
        return False if not known or off < self._limits.swing - 3.0 else None

    def seen(self) -> dict[str, float]:
        """The step that nothing explains, and the mean of the last days, in °C."""
        return {"step": round(self._offset, 1), "mean_of_days": round(self._mean, 1)}

    def move(self, move: Move, /) -> None:
        self._last_ms, self._offset_ms = move(self._last_ms), move(self._offset_ms)
        self._since_ms = move(self._since_ms)

    def state(self) -> list[Any]:
        return [self._value, self._last_ms, self._since_ms, self._offset, self._offset_ms, self._mean, self._hours]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._value, self._last_ms, self._since_ms = state[:3]
            self._offset, self._offset_ms, self._mean, self._hours = state[3:]
