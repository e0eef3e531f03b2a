"""Faults of sensors, meters, lines and clocks: the plant is well, what is told of it is not."""

import random
from collections.abc import Mapping
from typing import Protocol

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Quality,
    SignalName,
)
from firmware_sim.labelled.moments import Moment
from firmware_sim.labelled.story import Label

_ABSURD: Mapping[SignalName, float] = {
    PV_POWER: 4.2e6,
    LOAD_POWER: -3000.0,
    BATTERY_SOC: 255.0,
    GRID_POWER: -2.1e6,
    OUTDOOR_TEMPERATURE: 3276.7,
    ROOM_TEMPERATURE: -50.0,
    RETURN_TEMPERATURE: 850.0,
}


class Distortion(Protocol):
    """Changes moments inside its label."""

    def apply(self, moment: Moment) -> None:
        """Change the moment and say whether that shows."""
        ...


class Away:
    """The agent does not run, or one signal does not come."""

    def __init__(self, label: Label) -> None:
        self._signal = SignalName(label.component) if label.component else None

    def apply(self, moment: Moment) -> None:
        if self._signal is None:
            moment.heard = False
        else:
            moment.lose(self._signal, Quality.MISSING)
        moment.shows = True


class Unreachable:
    """The equipment does not answer."""

    def apply(self, moment: Moment) -> None:
        moment.answers = False
        moment.shows = True
        for name in list(moment.values):
            moment.lose(name, Quality.MISSING)


class Stuck:
    """A signal repeats its last value."""

    def __init__(self, label: Label) -> None:
        self._signal = SignalName(label.component)
        self._value: float | None = None

    def apply(self, moment: Moment) -> None:
        values, name = moment.values, self._signal
        if name not in values:
            return
        if self._value is None:
            self._value = values[name]
        moment.shows = self._should_move(moment)
        values[name] = self._value

    def _should_move(self, moment: Moment) -> bool:
        values = moment.values
        if self._signal == PV_POWER:
            return values[PV_POWER] > 50.0 and (self._value or 0.0) > 50.0
        if self._signal == BATTERY_SOC:
            return abs(values.get(BATTERY_POWER, 0.0)) > 300.0 and 8.0 < (self._value or 0.0) < 95.0
        if self._signal in (FLOW_TEMPERATURE, RETURN_TEMPERATURE):
            return values[PUMP_ON] > 0.5
        return self._signal == OUTDOOR_TEMPERATURE or self._value != 0.0


class OutOfRange:
    """A value that cannot be; the driver says so, or lets it through."""

    def __init__(self, label: Label) -> None:
        self._signal = SignalName(label.component)
        self._invalid = bool(label.detail["invalid"])

    def apply(self, moment: Moment) -> None:
        if self._signal not in moment.values:
            return
        moment.shows = True
        if self._invalid:
            moment.lose(self._signal, Quality.INVALID)
        else:
            moment.values[self._signal] = _ABSURD[self._signal]


class ClockOff:
    """The device's clock is hours off."""

    def __init__(self, label: Label) -> None:
        self._shift_ms = round(label.detail["shift_h"] * 60) * 60_000

    def apply(self, moment: Moment) -> None:
        moment.at_ms += self._shift_ms
        moment.shows = moment.values.get(PV_POWER, 0.0) > 60.0


class SocJumps:
    """The state of charge jumps up and down."""

    def __init__(self, label: Label) -> None:
        self._jump = label.detail["jump"]
        self._every_ms = round(label.detail["every_min"]) * 60_000
        self._start_ms = label.start_ms
        self._sign: float | None = None

    def apply(self, moment: Moment) -> None:
        soc = moment.values.get(BATTERY_SOC)
        if soc is None:
            return
        if self._sign is None:
            self._sign = -1.0 if soc > 50.0 else 1.0
        shifted = (moment.at_ms - self._start_ms) // self._every_ms % 2 == 0
        moment.values[BATTERY_SOC] = min(100.0, max(0.0, soc + (self._sign * self._jump if shifted else 0.0)))
        moment.shows = True


class WrongFactor:
    """A signal with a wrong sign or factor; a load that the device computes from it is wrong as well."""

    def __init__(self, label: Label) -> None:
        self._signal = SignalName(label.component)
        self._factor = label.detail["factor"]
        self._computed = bool(label.detail["computed"])

    def apply(self, moment: Moment) -> None:
        values = moment.values
        value = values[self._signal]
        changed = value * self._factor
        values[self._signal] = changed
        if self._computed:
            values[LOAD_POWER] = max(0.0, values[LOAD_POWER] + changed - value)
            moment.shows = value > 450.0 and values[PV_POWER] < 50.0
        else:
            moment.shows = abs(changed - value) > 500.0


class Swapped:
    """Flow and return are connected the wrong way round."""

    def apply(self, moment: Moment) -> None:
        values = moment.values
        flow, back = values[FLOW_TEMPERATURE], values[RETURN_TEMPERATURE]
        values[FLOW_TEMPERATURE], values[RETURN_TEMPERATURE] = back, flow
        moment.shows = values[PUMP_ON] > 0.5 and flow - back > 1.6


class OutdoorOff:
    """The outdoor sensor shows another temperature from one moment to the next."""

    def __init__(self, label: Label) -> None:
        self._offset = label.detail["offset"]

    def apply(self, moment: Moment) -> None:
        moment.values[OUTDOOR_TEMPERATURE] += self._offset
        moment.shows = True


def distortion_of(label: Label) -> Distortion | None:
    """How a fault changes what is told; None where the plant itself has it."""
    match label.code:
        case "gap":
            return Away(label)
        case "device_unreachable":
            return Unreachable()
        case "stuck_value":
            return Stuck(label)
        case "room_sensor_stuck":
            return Stuck(Label(label.code, label.start_ms, label.end_ms, ROOM_TEMPERATURE))
        case "out_of_range":
            return OutOfRange(label)
        case "clock_error":
            return ClockOff(label)
        case "battery_imbalance_soc_jump":
            return SocJumps(label)
        case "sign_or_scale_error":
            return WrongFactor(label)
        case "sensors_swapped":
            return Swapped()
        case "outdoor_sensor_implausible":
            return OutdoorOff(label)
    return None


class Leak:
    """Water pressure of a heating circuit: it breathes with the flow temperature, and falls while it leaks."""

    def __init__(self, number: int, labels: list[Label]) -> None:
        dice = random.Random(f"{number}/pressure")
        self._base = dice.uniform(1.35, 1.9)
        self._dice = dice
        self._leaks = [(label, dice.uniform(0.45, 0.65)) for label in labels if label.code == "low_water_pressure"]

    def at(self, at_ms: int, flow: float) -> float:
        """bar."""
        pressure = self._base
        for label, lowest in self._leaks:
            if label.start_ms <= at_ms < label.end_ms:
                share = (at_ms - label.start_ms) / (label.end_ms - label.start_ms)
                pressure += share * (lowest - self._base)
        return pressure + 0.003 * (flow - 30.0) + self._dice.gauss(0.0, 0.005)


LEAST_BAR = 0.8
