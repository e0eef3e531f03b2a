"""The rules of the heating side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.domain.begun import KnowsBegin
from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.faults import FaultCode
from agent.domain.rules import Memoryless
from agent.domain.signals import (
    BOILER_FAULT,
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move


class BoilerLockout(Memoryless):
    """The boiler's own fault word is not 0."""

    code = FaultCode.BOILER_LOCKOUT
    needs = (frozenset({BOILER_FAULT}),)

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        word = values.get(BOILER_FAULT)
        return None if word is None else word != 0

    def judge_all(self, block: Block) -> list[Verdict]:
        words = block.column(BOILER_FAULT)
        return [False] * len(block) if words is not None and not any(words) else super().judge_all(block)


# K between room and air at which a house needs no heat, and at which the flow must be clearly warm.
_NONE_K: Final = 4.0
_FULL_K: Final = 12.0
_LEAST_SHARE: Final = 0.1
# °C: as cool as a house is kept while nobody is there.
_TURNED_DOWN: Final = 17.0
# °C: a house colder than this lacks heat already.
_COLDEST_HOUSE: Final = 15.0
# K that the flow is warmer than the return: from here on it carries heat, up to here the two may be mistaken.
_CARRIES_K: Final = 1.0
_SWAPPED_K: Final = -1.5
_FALLS: Final = 0.75
# A pump that only begins to run moves cold water for some minutes.
_SURE_MS: Final = 600_000
_UNSEEN_MS: Final = 900_000
# So long radiators stay warm. Before that little heat was asked for, and little carried.
_COOLING_MS: Final = 2_700_000


@dataclass(frozen=True, slots=True)
class HeatLimits:
    """°C and K. Below `heating_limit` outdoors the flow must be up to `over_room` warmer than the room.

    All of it where the air is `_FULL_K` colder than the room, nothing where it is `_NONE_K` colder: what a house needs
    goes with that difference, also while it is turned down. Without a room sensor the house is taken as turned down,
    and the flow must reach `coldest_flow` where all of it is needed.
    """

    heating_limit: float = 15.0
    coldest_flow: float = 25.0
    over_room: float = 3.0


class NoHeat(RowByRow, KnowsBegin):
    """The pump runs in the heating season, and what it moves is not warm.

    Radiators stay warm for a while after the last heat came: that there is none shows first in a flow no warmer than
    the return. As a heating that pauses looks alike, it is only said once the flow is cold.
    """

    code = FaultCode.NO_HEAT
    needs = (frozenset({FLOW_TEMPERATURE, PUMP_ON, OUTDOOR_TEMPERATURE}),)
    watched: SignalName | None = FLOW_TEMPERATURE

    def __init__(self, limits: HeatLimits) -> None:
        self._limits = limits
        self._idle_ms: int | None = None  # since when the water carries no heat
        self._cold_ms: int | None = None
        self._last_ms = 0
        self._runs_ms = 0  # since when the pump was seen running without a break
        self._carried_k = 0.0  # by how much the flow was warmer than the return

    @property
    def since_ms(self) -> int | None:
        if self._cold_ms is None:
            return None
        begun_ms = self._cold_ms if self._idle_ms is None else max(self._idle_ms, self._cold_ms - _COOLING_MS)
        return max(begun_ms, self._runs_ms)

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        pump, flow, outdoor = values.get(PUMP_ON), values.get(FLOW_TEMPERATURE), values.get(OUTDOOR_TEMPERATURE)
        if pump is None or flow is None or outdoor is None:
            return None
        back, room = values.get(RETURN_TEMPERATURE), values.get(ROOM_TEMPERATURE)
        return self._by_values(reading.at_ms, pump, flow, outdoor, back, room)

    def _by_values(
        self, at_ms: int, pump: float, flow: float, air: float, back: float | None, room: float | None
    ) -> Verdict:
        if pump < 0.5 or air >= self._limits.heating_limit:
            self._last_ms, self._carried_k = 0, 0.0
            return None
        if at_ms - self._last_ms > _UNSEEN_MS:
            self._idle_ms, self._runs_ms = None, at_ms
        self._last_ms = at_ms
        # A valve that has shut takes the flow down to the return at once, as fast as the sensor shows it.
        carries_k, before_k = 0.0 if back is None else flow - back, self._carried_k
        self._carried_k = carries_k
        if back is None or not _SWAPPED_K < carries_k < max(_CARRIES_K, _FALLS * before_k):
            self._idle_ms = None
        elif self._idle_ms is None:
            self._idle_ms = at_ms
        cold = self._is_cold(flow, air, room)
        if not cold:
            self._cold_ms = None
            return None if self._idle_ms is not None else cold
        if self._cold_ms is None:
            self._cold_ms = at_ms
        return True if at_ms - self._cold_ms >= _SURE_MS else None

    def _is_cold(self, flow: float, air: float, room: float | None) -> Verdict:
        limits = self._limits
        over = limits.over_room if room is not None else limits.coldest_flow - _TURNED_DOWN
        house = _TURNED_DOWN if room is None else max(room, _COLDEST_HOUSE)
        share = (house - air - _NONE_K) / (_FULL_K - _NONE_K)
        if share <= _LEAST_SHARE:
            return None
        return flow < house + over * min(share, 1.0)

    def judge_all(self, block: Block) -> list[Verdict]:
        pumps, flows, airs = block.column(PUMP_ON), block.column(FLOW_TEMPERATURE), block.column(OUTDOOR_TEMPERATURE)
        if pumps is None or flows is None or airs is None:
            return [None] * len(block)
        nothing: Sequence[float | None] = [None] * len(block)
        backs, rooms = block.column(RETURN_TEMPERATURE) or nothing, block.column(ROOM_TEMPERATURE) or nothing
        verdicts = list[Verdict]()
        for row in zip(block.times, pumps, flows, airs, backs, rooms, strict=True):
            verdicts.append(self._by_values(*row))
            if verdicts[-1]:
                break
        return verdicts

    def move(self, move: Move, /) -> None:
        self._idle_ms, self._cold_ms = move.maybe(self._idle_ms), move.maybe(self._cold_ms)
        self._last_ms, self._runs_ms = move(self._last_ms), move(self._runs_ms)

    def state(self) -> list[Any]:
        return [self._idle_ms, self._cold_ms, self._last_ms, self._runs_ms, self._carried_k]

    def restore(self, state: Sequence[Any]) -> None:
        if state:
            self._idle_ms, self._cold_ms, self._last_ms, self._runs_ms = state[:4]
            self._carried_k = state[4] if len(state) > 4 else 0.0


@dataclass(frozen=True, slots=True)
class PressureLimits:
    """bar. Once below `lowest`, it takes `hysteresis` more to be well again."""

    lowest: float = 0.8
    hysteresis: float = 0.1


class LowWaterPressure(Memoryless):
    """Too little water in the heating circuit."""

    code = FaultCode.LOW_WATER_PRESSURE
    needs = (frozenset({WATER_PRESSURE}),)
    watched: SignalName | None = WATER_PRESSURE

    def __init__(self, limits: PressureLimits) -> None:
        self._limits = limits
        self._low = False

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        pressure = values.get(WATER_PRESSURE)
        if pressure is None:
            return None
        self._low = pressure < self._limits.lowest + (self._limits.hysteresis if self._low else 0.0)
        return self._low

    def judge_all(self, block: Block) -> list[Verdict]:
        pressures = block.column(WATER_PRESSURE)
        if pressures is None or self._low or min(pressures) < self._limits.lowest:
            return super().judge_all(block)
        return [False] * len(block)

    def state(self) -> list[float]:
        return [int(self._low)]

    def restore(self, state: Sequence[float]) -> None:
        self._low = bool(state[0]) if state else False
