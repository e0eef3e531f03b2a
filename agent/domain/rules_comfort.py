"""Heat that does not follow the weather, and rooms that stay cold although it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.domain.begun import KnowsBegin
from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.expectation_heat import Bins, HeatingCurve
from agent.domain.faults import FaultCode
from agent.domain.held_flow import HeldFlow
from agent.domain.local_time import LocalTime
from agent.domain.regression import Regression
from agent.domain.rules_sensors import Pulse
from agent.domain.signals import (
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    ROOM_TEMPERATURE,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move

_QUARTER_MS: Final = 900_000
# °C: water as warm as the room carries no heat, whatever moves it.
_LEAST_FLOW: Final = 24.0
# K: air that changes by 2 K in half an hour, and a steep heating curve, make less.
_SET_K: Final = 5.0
# °C: in air as warm a house gets warm by itself, and a flow is as cool as its control lets it be.
_MILD: Final = 15.0
_WARM_MS: Final = 300_000
_LESS_TAU_MS: Final = 7_200_000
_LEAST_LESS: Final = 0.25
# K: a control that minds a mean of the air of hours lets its flow stand for less.
_HELD_AIR_K: Final = 4.0
# Quarters of an hour.
_LONGEST_PAUSE: Final = 4
_FORGOTTEN: Final = 96  # what was before may have been another fault
_WARMING_UP: Final = 40  # a cold house asks for more, whatever the weather is


@dataclass(frozen=True, slots=True)
class CurveLimits:
    """K per K, K, h, minutes of the local day. The flow must fall by `least_slope` per kelvin that it is warmer.

    From `healthy_slope` on it is well. Judged once the air has varied by `spread` (a standard deviation) over at least
    `least_h` hours of heating; `memory_h` such hours are remembered. Outside `from_minute` … `to_minute` set points
    change.
    """

    least_slope: float = 0.2
    healthy_slope: float = 0.4
    spread: float = 0.8
    least_h: float = 2.5
    memory_h: float = 8.0
    from_minute: int = 9 * 60
    to_minute: int = 21 * 60


class FlatHeatingCurve(RowByRow, KnowsBegin):
    """The flow temperature does not follow the weather.

    It stays the same at any temperature of the air; or it moves, and a regression within the last hours of heating,
    that forgets, says that it does not move with the weather.
    """

    code = FaultCode.FLAT_HEATING_CURVE
    needs = (frozenset({FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, PUMP_ON}),)
    watched: SignalName | None = None
    _SETTLED_MS: Final = 60 * 60_000

    def __init__(self, limits: CurveLimits, local: LocalTime) -> None:
        self._limits = limits
        self._local = local
        self._quarter: int | None = None
        self._on_ms: int | None = None
        self._sums = [0.0, 0.0, 0.0]  # samples, outdoor, flow of this quarter of an hour
        self._levels: list[list[float]] = []  # air and flow of the last two quarters
        self._rest_until = 0  # quarter up to which nothing is concluded
        self._fit = Regression(limits.memory_h * 4)
        self._flow, self._air = Pulse(), Pulse()
        self._held = HeldFlow()
        self._gathered = 0  # the last quarter of which anything was seen

    @property
    def since_ms(self) -> int | None:
        return self._held.since_ms if self._is_held() else None

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        flow, air, pump = values.get(FLOW_TEMPERATURE), values.get(OUTDOOR_TEMPERATURE), values.get(PUMP_ON)
        if flow is None or air is None or pump is None or pump < 0.5 or flow < _LEAST_FLOW:
            self._pause()
            self._on_ms = None
            return None
        if self._quarter is not None and reading.at_ms // _QUARTER_MS - self._quarter > _LONGEST_PAUSE:
            # Not asked for long: what comes now does not continue what was.
            self._pause()
            self._on_ms = None
        if self._on_ms is None:
            self._on_ms = reading.at_ms
        if reading.at_ms - self._on_ms < self._SETTLED_MS:
            return None  # The water is still getting warm.
        if not self._flow.beats(reading.at_ms, flow) & self._air.beats(reading.at_ms, air) or air >= _MILD:
            self._pause()
            return None
        self._held.update(reading.at_ms, air, flow)
        minute = self._local.minute_of_day(reading.at_ms)
        if not self._limits.from_minute <= minute < self._limits.to_minute:
            self._pause()
            return True if self._is_held() else None
        self._gather(reading.at_ms // _QUARTER_MS, air, flow)
        return True if self._is_held() else self._by_slope()

    def _is_held(self) -> bool:
        held, limits = self._held, self._limits
        if held.air_k < _HELD_AIR_K or held.quarters < limits.least_h * 4:
            return False
        return held.slope < limits.least_slope

    def judge_all(self, block: Block) -> list[Verdict]:
        flows, airs, pumps = block.column(FLOW_TEMPERATURE), block.column(OUTDOOR_TEMPERATURE), block.column(PUMP_ON)
        if flows is None or airs is None or pumps is None or max(pumps) < 0.5:
            self._pause()
            self._on_ms = None
            return [None] * len(block)
        verdicts = list[Verdict]()
        for row, (at_ms, pump, flow) in enumerate(zip(block.times, pumps, flows, strict=True)):
            on_ms = self._on_ms
            if pump >= 0.5 and flow >= _LEAST_FLOW and on_ms is not None and at_ms - on_ms < self._SETTLED_MS:
                verdicts.append(None)
                continue
            verdicts.append(self.judge(block.readings[row]))
            if verdicts[-1]:
                break
        return verdicts

    def _pause(self) -> None:
        if self._quarter is not None:
            if self._levels and self._quarter > self._rest_until:
                self._fit.update(*self._levels[-1])
            self._quarter = None
            self._levels.clear()
            self._fit.begin()

    def _gather(self, quarter: int, air: float, flow: float) -> None:
        sums = self._sums
        if quarter - self._gathered > _FORGOTTEN:
            self._fit = Regression(self._limits.memory_h * 4)
        self._gathered = quarter
        if quarter != self._quarter:
            if self._quarter is not None and sums[0]:
                self._take(quarter, sums[1] / sums[0], sums[2] / sums[0])
            self._quarter = quarter
            sums[:] = [0.0, 0.0, 0.0]
        sums[0] += 1.0
        sums[1] += air
        sums[2] += flow

    def _take(self, quarter: int, air: float, level: float) -> None:
        """A quarter is over; it counts once the next one shows that nobody turned the heating up or down in it."""
        if self._levels and abs(level - self._levels[0][1]) > _SET_K:
            # The weather does not do that in half an hour: somebody came home.
            self._levels.clear()
            self._fit.begin()
            self._rest_until = quarter + _WARMING_UP
        elif self._levels and quarter > self._rest_until:
            self._fit.update(*self._levels[-1])
        self._levels = [*self._levels[-1:], [air, level]]

    def _by_slope(self) -> Verdict:
        fit, limits = self._fit, self._limits
        if fit.weight < limits.least_h * 4 or fit.spread() < limits.spread:
            return None
        slope = -fit.slope()
        if slope < limits.least_slope:
            return True
        # Where the flow is the same for a while the slope is that of the time before.
        return False if slope >= limits.healthy_slope and self._held.air_k < _HELD_AIR_K / 2 else None

    def seen(self) -> dict[str, float]:
        """Kelvin of flow per kelvin of air, and how much the air varied."""
        return {"slope": round(self._fit.slope(), 2), "air_spread": round(self._fit.spread(), 1)}

    def move(self, move: Move, /) -> None:
        self._quarter = None if self._quarter is None else move(self._quarter * _QUARTER_MS) // _QUARTER_MS
        self._gathered = move(self._gathered * _QUARTER_MS) // _QUARTER_MS
        self._on_ms = move.maybe(self._on_ms)
        self._flow.move(move)
        self._air.move(move)
        self._held.move(move)

    def state(self) -> list[Any]:
        pulses = [self._flow.state(), self._air.state()]
        levels = [self._levels, self._rest_until, self._held.state(), self._gathered]
        return [self._quarter, self._on_ms, self._sums, self._fit.state(), *pulses, *levels]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._quarter, self._on_ms, self._sums = state[0], state[1], list(state[2])
            self._fit.restore(state[3])
            self._flow.restore(state[4])
            self._air.restore(state[5])
            self._levels, self._rest_until = (list(state[6]), state[7]) if len(state) > 7 else ([], 0)
            if len(state) > 8:
                self._held.restore(state[8])
            self._gathered = state[9] if len(state) > 9 else self._quarter or 0


@dataclass(frozen=True, slots=True)
class ComfortLimits:
    """K, °C. The room this far below what it usually is at this hour fails, `healthy` below is still well.

    `asked` > 0 replaces what is usual. Only while heat is asked for: the flow no more than `flow_off` under what the
    house usually asks for at this outdoor temperature. Somebody who turned the heating down asks for less.
    """

    deficit: float = 1.8
    healthy: float = 1.2
    asked: float = 0.0
    flow_off: float = 2.0


class RoomTooCold(RowByRow, KnowsBegin):
    """The room stays well below its usual temperature while the heating does what it can."""

    code = FaultCode.ROOM_TOO_COLD
    needs = (frozenset({ROOM_TEMPERATURE, FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, PUMP_ON}),)
    watched: SignalName | None = ROOM_TEMPERATURE
    _DAY_MINUTES: Final = (7 * 60, 21 * 60)
    _STILL_MS: Final = 3 * 3_600_000

    def __init__(self, limits: ComfortLimits, local: LocalTime) -> None:
        self._limits = limits
        self._local = local
        self._rooms = Bins(24, tau_h=14.0, least_h=2.5)
        self._curve = HeatingCurve()
        self._pulse = Pulse(self._STILL_MS)
        self._usual = 0.0
        self._less = 0.0  # share of the last hours in which less was asked for than usual
        self._less_ms = 0
        self._failing_ms: int | None = None

    @property
    def since_ms(self) -> int | None:
        # Heat was asked for before the water was warm.
        return None if self._failing_ms is None else max(self._failing_ms, self._less_ms - _WARM_MS)

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        room, pump = values.get(ROOM_TEMPERATURE), values.get(PUMP_ON)
        flow, air = values.get(FLOW_TEMPERATURE), values.get(OUTDOOR_TEMPERATURE)
        if room is None or pump is None or flow is None or air is None:
            return None
        at_ms = reading.at_ms
        if not self._pulse.beats(at_ms, room):
            return None
        return self._by_values(at_ms, room, pump, flow, air)

    def judge_all(self, block: Block) -> list[Verdict]:
        rooms, pumps, verdicts = block.column(ROOM_TEMPERATURE), block.column(PUMP_ON), list[Verdict]()
        flows, airs = block.column(FLOW_TEMPERATURE), block.column(OUTDOOR_TEMPERATURE)
        if rooms is None or pumps is None or flows is None or airs is None:
            return [None] * len(block)
        for at_ms, room, pump, flow, air in zip(block.times, rooms, pumps, flows, airs, strict=True):
            beats = self._pulse.beats(at_ms, room)
            verdicts.append(self._by_values(at_ms, room, pump, flow, air) if beats else None)
            if verdicts[-1]:
                break
        return verdicts

    def _by_values(self, at_ms: int, room: float, pump: float, flow: float, air: float) -> Verdict:
        minute = self._local.minute_of_day(at_ms)
        # A mean of an hour is that of its middle: in the morning half an hour makes half a kelvin.
        usual = self._limits.asked or self._rooms.between(minute / 60)
        deficit = 0.0 if usual is None else usual - room
        self._usual = room + deficit
        verdict = None
        if pump >= 0.5:
            day = self._DAY_MINUTES[0] <= minute < self._DAY_MINUTES[1]
            verdict = self._by_deficit(at_ms, deficit, flow, air, day=day)
            self._learn_curve(at_ms, air, flow, day=day, usual=deficit < self._limits.healthy)
        else:
            self._curve.pause()
            self._failing_ms = None
        # A summer's room is no warmth that a heating owes.
        if air < _MILD and deficit < self._limits.healthy:
            self._rooms.update(minute // 60, at_ms, room)
        else:
            self._rooms.pause()
        return verdict

    def _by_deficit(self, at_ms: int, deficit: float, flow: float, air: float, *, day: bool) -> Verdict:
        limits = self._limits
        if deficit <= limits.healthy:
            self._less, self._failing_ms = 0.0, None
            return False
        # By night a house that was turned down before is colder than one that has only begun to cool, and asks for
        # less than by day: that says nothing, until it is heated as by day.
        asked = self._curve.at_most(air, day=True)
        if asked is None:
            return None
        less = flow < asked - limits.flow_off
        if day:
            self._follow_asked(at_ms, less=less)
        else:
            self._less_ms = at_ms
        # Once it is too cold, it is until half of what is between that and well has been made up for.
        if deficit <= ((limits.deficit + limits.healthy) / 2 if self._failing_ms is not None else limits.deficit):
            self._failing_ms = None
        elif self._failing_ms is None:
            self._failing_ms = at_ms
        return True if self._failing_ms is not None and not less and self._less < _LEAST_LESS else None

    def _follow_asked(self, at_ms: int, *, less: bool) -> None:
        """A house that was turned down until just now is only getting warm."""
        step_ms = min(max(0, at_ms - self._less_ms), _LESS_TAU_MS)
        self._less += (less - self._less) * step_ms / (_LESS_TAU_MS + step_ms)
        self._less_ms = at_ms

    def _learn_curve(self, at_ms: int, air: float, flow: float, *, day: bool, usual: bool) -> None:
        if usual:
            self._curve.update(at_ms, air, flow, day=day)
        else:
            self._curve.pause()

    def seen(self) -> dict[str, float]:
        """What the room usually has at this hour, in °C."""
        return {"usual": round(self._usual, 1)}

    def move(self, move: Move, /) -> None:
        self._less_ms, self._failing_ms = move(self._less_ms), move.maybe(self._failing_ms)
        self._rooms.move(move)
        self._curve.move(move)
        self._pulse.move(move)

    def state(self) -> list[Any]:
        parts = [self._usual, self._rooms.state(), self._curve.state(), self._pulse.state()]
        return [*parts, self._less, self._less_ms, self._failing_ms]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._usual = state[0]
            self._rooms.restore(state[1])
            self._curve.restore(state[2])
            self._pulse.restore(state[3])
            self._less, self._less_ms = state[4:6] if len(state) > 5 else (0.0, 0)
            self._failing_ms = state[6] if len(state) > 6 else None
