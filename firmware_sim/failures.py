"""What breaks, from when to when, and how it looks. Pure: the instant is passed in.

`Effects` is what a plant and its device have to obey at one instant; the plant never knows why.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import pi, sin
from typing import Final

from agent.domain import signals
from agent.domain.signals import (
    BATTERY_SOC,
    DHW_TEMPERATURE,
    FLOW_TEMPERATURE,
    GRID_POWER,
    INVERTER_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    InverterAlarm,
    SignalName,
)


class FaultCode(StrEnum):
    """What a scenario can break."""

    BATTERY_NOT_CHARGING = "battery_not_charging"
    NO_SOLAR_PRODUCTION = "no_solar_production"
    INVERTER_ALARM = signals.INVERTER_ALARM
    BOILER_LOCKOUT = "boiler_lockout"
    NO_HEAT = "no_heat"
    PV_UNDERPERFORMANCE = "pv_underperformance"
    EXPORT_WHILE_BATTERY_COULD_CHARGE = "export_while_battery_could_charge"
    SHORT_CYCLING = "short_cycling"
    HUNTING = "hunting"
    FLAT_HEATING_CURVE = "flat_heating_curve"
    ROOM_TOO_COLD = "room_too_cold"
    DEVICE_UNREACHABLE = "device_unreachable"
    SENSOR_BROKEN = "sensor_broken"


class BatteryMode(StrEnum):
    """How a broken battery behaves: it does nothing, or it gives power while it should take some."""

    IDLE = "idle"
    DISCHARGING = "discharging"


class Silence(StrEnum):
    """How a device is unreachable: its port is closed, or it takes the request and never answers."""

    REFUSE = "refuse"
    SILENT = "silent"


# What a diagnosis may be expected to name; a scenario's expectations are checked against these.
FOUND_CODES: Final = frozenset(
    {
        "battery_not_charging", "no_solar_production", "pv_underperformance", "battery_imbalance_soc_jump",
        signals.INVERTER_ALARM, "export_while_battery_could_charge", "sign_or_scale_error",
        "no_heat", "short_cycling", "hunting", "flat_heating_curve", "room_sensor_stuck", "sensors_swapped",
        "outdoor_sensor_implausible", "room_too_cold", "low_water_pressure", "boiler_lockout",
        "gap", "stuck_value", "out_of_range", "clock_error", "device_unreachable", "unusual_behaviour",
    }
)  # fmt: skip

# What can break at a home and at a heating site, each with a "no value" of its own in the register map.
HOME_SENSORS: Final = frozenset({PV_POWER, GRID_POWER, BATTERY_SOC, INVERTER_TEMPERATURE})
HEAT_SENSORS: Final = frozenset(
    {OUTDOOR_TEMPERATURE, FLOW_TEMPERATURE, RETURN_TEMPERATURE, ROOM_TEMPERATURE, DHW_TEMPERATURE}
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One injected fault, `start_ms` ≤ t < `end_ms`. Only the field that its code uses is looked at.

    `size` is the share of the panels' power that is lost, the share of its charging power that the battery still takes,
    the minutes of a swing of the mixing valve, the °C at which the flow is held, or how many times the heat that the
    house usually loses it loses now.
    """

    code: FaultCode
    start_ms: int
    end_ms: int
    battery: BatteryMode = BatteryMode.IDLE
    silence: Silence = Silence.REFUSE
    alarm: InverterAlarm = InverterAlarm.TEMPERATURE
    sensor: SignalName | None = None
    size: float = 0.0


# A size where none is given, and what makes sense.
SIZES: Final = {
    FaultCode.PV_UNDERPERFORMANCE: (0.4, 0.0, 1.0),
    FaultCode.EXPORT_WHILE_BATTERY_COULD_CHARGE: (0.2, 0.0, 1.0),
    FaultCode.HUNTING: (10.0, 3.0, 60.0),
    FaultCode.FLAT_HEATING_CURVE: (45.0, 20.0, 75.0),
    FaultCode.ROOM_TOO_COLD: (1.8, 1.0, 5.0),
}
# How far a hunting valve swings to either side, as a share of its way.
HUNTING_SHARE: Final = 0.35


@dataclass(frozen=True, slots=True)
class Effects:
    """What is broken at one instant."""

    battery: BatteryMode | None = None
    solar_dead: bool = False
    alarm: InverterAlarm = InverterAlarm.NONE
    lockout: bool = False
    no_heat: bool = False
    silence: Silence | None = None
    broken_sensors: frozenset[SignalName] = frozenset()
    pv_share: float = 1.0
    charge_share: float = 1.0
    cycling: bool = False
    valve_swing: float = 0.0
    flow_held: float | None = None
    loss_share: float = 1.0


HEALTHY: Final = Effects()


def effects_at(faults: Sequence[Fault], at_ms: int) -> Effects:
    """All faults that are active at `at_ms`, together."""
    effects = HEALTHY
    for fault in faults:
        if fault.start_ms <= at_ms < fault.end_ms:
            effects = _with(effects, fault, at_ms)
    return effects


def _with(effects: Effects, fault: Fault, at_ms: int) -> Effects:
    match fault.code:
        case FaultCode.BATTERY_NOT_CHARGING:
            return replace(effects, battery=fault.battery)
        case FaultCode.NO_SOLAR_PRODUCTION:
            return replace(effects, solar_dead=True)
        case FaultCode.INVERTER_ALARM:
            return replace(effects, alarm=fault.alarm)
        case FaultCode.BOILER_LOCKOUT:
            return replace(effects, lockout=True)
        case FaultCode.NO_HEAT:
            return replace(effects, no_heat=True)
        case FaultCode.PV_UNDERPERFORMANCE:
            return replace(effects, pv_share=1.0 - fault.size)
        case FaultCode.EXPORT_WHILE_BATTERY_COULD_CHARGE:
            return replace(effects, charge_share=fault.size)
        case FaultCode.SHORT_CYCLING:
            return replace(effects, cycling=True)
        case FaultCode.HUNTING:
            turns = at_ms / 60_000 / fault.size
            return replace(effects, valve_swing=HUNTING_SHARE * sin(2 * pi * turns))
        case FaultCode.FLAT_HEATING_CURVE:
            return replace(effects, flow_held=fault.size)
        case FaultCode.ROOM_TOO_COLD:
            return replace(effects, loss_share=fault.size)
        case FaultCode.DEVICE_UNREACHABLE:
            return replace(effects, silence=fault.silence)
        case FaultCode.SENSOR_BROKEN:
            sensors = effects.broken_sensors | ({fault.sensor} if fault.sensor else set())
            return replace(effects, broken_sensors=frozenset(sensors))
