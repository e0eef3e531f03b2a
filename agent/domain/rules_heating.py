"""The rules of the heating side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.blocks import Block, Verdict
from agent.domain.faults import FaultCode
from agent.domain.rules import Memoryless
from agent.domain.signals import (
    BOILER_FAULT,
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
    Reading,
    SignalName,
)


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


class NoHeat(Memoryless):
    """The pump runs in the heating season, and what it moves is not warm."""

    code = FaultCode.NO_HEAT
    needs = (frozenset({FLOW_TEMPERATURE, PUMP_ON, OUTDOOR_TEMPERATURE}),)
    watched = FLOW_TEMPERATURE

    def __init__(self, limits: HeatLimits) -> None:
        self._limits = limits

    def judge(self, reading: Reading) -> Verdict:
        values = reading.values
        pump, flow, outdoor = values.get(PUMP_ON), values.get(FLOW_TEMPERATURE), values.get(OUTDOOR_TEMPERATURE)
        if pump is None or flow is None or outdoor is None:
            return None
        if pump < 0.5 or outdoor >= self._limits.heating_limit:
            return None
        return self._is_cold(flow, outdoor, values.get(ROOM_TEMPERATURE))

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
        rooms: Sequence[float | None] = block.column(ROOM_TEMPERATURE) or [None] * len(block)
        verdicts, most = list[Verdict](), self._limits.heating_limit
        for pump, flow, air, room in zip(pumps, flows, airs, rooms, strict=True):
            verdicts.append(None if pump < 0.5 or air >= most else self._is_cold(flow, air, room))
            if verdicts[-1]:
                break
        return verdicts


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
