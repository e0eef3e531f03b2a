"""Failures that no rule names, and the guests and holidays that are none. Pure: the instants are passed in."""

import random
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from agent.domain.signals import (
    FLOW_TEMPERATURE,
    INVERTER_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    SignalName,
)
from firmware_sim.noise import Array

DAY_S = 86_400.0
HOME_SENSORS = (INVERTER_TEMPERATURE,)
HEAT_SENSORS = (OUTDOOR_TEMPERATURE, FLOW_TEMPERATURE, RETURN_TEMPERATURE, ROOM_TEMPERATURE)


class Unnamed(StrEnum):
    """What breaks without a name of its own."""

    VALVE_HALF_SHUT = "valve_half_shut"
    PUMP_LOSING_HEAD = "pump_losing_head"
    STRING_LOST = "string_lost"
    SOC_CREEPING = "soc_creeping"
    SENSOR_DRIFTING = "sensor_drifting"


HOME_KINDS = (Unnamed.STRING_LOST, Unnamed.SOC_CREEPING, Unnamed.SENSOR_DRIFTING)
HEAT_KINDS = (Unnamed.VALVE_HALF_SHUT, Unnamed.PUMP_LOSING_HEAD, Unnamed.SENSOR_DRIFTING)


@dataclass(frozen=True, slots=True)
class Ailment:
    """One failure, seconds since 1970, that comes over `ramp_days` and stays until `end_s`.

    `size` at its full extent: the share of the water's flow that a pump or a half-shut valve takes away, the number of
    the lost string, points of charge, or kelvins.
    """

    kind: Unnamed
    start_s: float
    end_s: float
    ramp_days: float
    size: float
    sensor: SignalName | None = None

    def extent(self, time_s: Array) -> Array:
        """How far it has come at each instant, 0 to 1."""
        ramp = np.clip((time_s - self.start_s) / (DAY_S * max(self.ramp_days, 1e-9)), 0.0, 1.0)
        return np.asarray(np.where(time_s < self.end_s, ramp, 0.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Stay:
    """People away (`people` below 0) or visiting, seconds since 1970."""

    start_s: float
    end_s: float
    people: int


def some_ailment(kind: Unnamed, number: int, start_s: float, days: float) -> Ailment:
    """A failure of that kind with a size of its own; the same number gives the same."""
    dice = random.Random(f"{number}/{kind}")
    end_s = start_s + days * DAY_S
    sign = dice.choice((-1.0, 1.0))
    match kind:
        case Unnamed.VALVE_HALF_SHUT:
            return Ailment(kind, start_s, end_s, 0.0, dice.uniform(0.3, 0.5))
        case Unnamed.PUMP_LOSING_HEAD:
            return Ailment(kind, start_s, end_s, dice.uniform(10, 30), dice.uniform(0.35, 0.6))
        case Unnamed.STRING_LOST:
            return Ailment(kind, start_s, end_s, 0.0, float(dice.randint(0, 1)))
        case Unnamed.SOC_CREEPING:
            return Ailment(kind, start_s, end_s, dice.uniform(20, 40), sign * dice.uniform(10, 25))
    sensor = dice.choice(HEAT_SENSORS)
    return Ailment(kind, start_s, end_s, dice.uniform(20, 40), sign * dice.uniform(5, 10), sensor)


def some_stays(number: int, start_s: float, days: float) -> tuple[Stay, ...]:
    """Three weeks away in each year, a few short absences, and guests now and then."""
    dice = random.Random(f"{number}/stays")
    stays = []
    for year in range(max(1, round(days / 365))):
        first = start_s + (year * 365 + dice.uniform(20, 330)) * DAY_S
        stays.append(Stay(first, first + 21 * DAY_S, -1))
        for _ in range(3):
            weekend = start_s + (year * 365 + dice.uniform(0, 360)) * DAY_S
            stays.append(Stay(weekend, weekend + dice.uniform(2, 5) * DAY_S, -1))
            visit = start_s + (year * 365 + dice.uniform(0, 355)) * DAY_S
            stays.append(Stay(visit, visit + dice.uniform(3, 9) * DAY_S, dice.randint(1, 3)))
    return tuple(stays)
