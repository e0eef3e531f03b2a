"""Every fault the project knows: its code, its group and how much it matters."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec


class Group(StrEnum):
    """Where a fault shows itself."""

    POWER = "power"
    HEATING = "heating"
    DATA = "data"
    LEARNED = "learned"


class Severity(StrEnum):
    """`CRITICAL`: somebody must go. `WARNING`: it costs money or comfort. `INFO`: worth knowing."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class FaultCode(StrEnum):
    """A named condition with a start and an end."""

    BATTERY_NOT_CHARGING = "battery_not_charging"
    NO_SOLAR_PRODUCTION = "no_solar_production"
    PV_UNDERPERFORMANCE = "pv_underperformance"
    BATTERY_IMBALANCE_SOC_JUMP = "battery_imbalance_soc_jump"
    INVERTER_ALARM = "inverter_alarm"
    EXPORT_WHILE_BATTERY_COULD_CHARGE = "export_while_battery_could_charge"
    SIGN_OR_SCALE_ERROR = "sign_or_scale_error"
    NO_HEAT = "no_heat"
    SHORT_CYCLING = "short_cycling"
    HUNTING = "hunting"
    FLAT_HEATING_CURVE = "flat_heating_curve"
    ROOM_SENSOR_STUCK = "room_sensor_stuck"
    SENSORS_SWAPPED = "sensors_swapped"
    OUTDOOR_SENSOR_IMPLAUSIBLE = "outdoor_sensor_implausible"
    ROOM_TOO_COLD = "room_too_cold"
    LOW_WATER_PRESSURE = "low_water_pressure"
    BOILER_LOCKOUT = "boiler_lockout"
    GAP = "gap"
    STUCK_VALUE = "stuck_value"
    OUT_OF_RANGE = "out_of_range"
    CLOCK_ERROR = "clock_error"
    DEVICE_UNREACHABLE = "device_unreachable"
    UNUSUAL_BEHAVIOUR = "unusual_behaviour"


class FaultSpec(msgspec.Struct, frozen=True):
    """What is fixed about a fault code."""

    code: FaultCode
    group: Group
    severity: Severity
    meaning: str


def _specs() -> dict[FaultCode, FaultSpec]:
    info, warning, critical = Severity.INFO, Severity.WARNING, Severity.CRITICAL
    code = FaultCode
    power = [
        (code.BATTERY_NOT_CHARGING, warning, "solar surplus, room in the battery, and it does not charge"),
        (code.NO_SOLAR_PRODUCTION, critical, "the panels give nothing while the sun is high"),
        (code.PV_UNDERPERFORMANCE, warning, "the panels give less than they should"),
        (code.BATTERY_IMBALANCE_SOC_JUMP, warning, "the state of charge jumps without the energy for it"),
        (code.INVERTER_ALARM, critical, "the inverter reports an alarm or has stopped on a fault"),
        (code.EXPORT_WHILE_BATTERY_COULD_CHARGE, warning, "surplus goes to the grid past a battery with room"),
        (code.SIGN_OR_SCALE_ERROR, warning, "powers do not balance: a reversed clamp, a wrong sign or factor"),
    ]
    heating = [
        (code.NO_HEAT, critical, "the pump runs in the heating season and the flow stays cold"),
        (code.SHORT_CYCLING, warning, "the burner starts far too often"),
        (code.HUNTING, warning, "the flow temperature swings around its set point"),
        (code.FLAT_HEATING_CURVE, info, "the flow does not follow the weather"),
        (code.ROOM_SENSOR_STUCK, warning, "the room temperature does not move"),
        (code.SENSORS_SWAPPED, warning, "the return is warmer than the flow while heat is made"),
        (code.OUTDOOR_SENSOR_IMPLAUSIBLE, warning, "the outdoor temperature cannot be true"),
        (code.ROOM_TOO_COLD, warning, "the room stays below what was asked for"),
        (code.LOW_WATER_PRESSURE, warning, "the heating circuit lacks water"),
        (code.BOILER_LOCKOUT, critical, "the boiler has locked out"),
    ]
    data = [
        (code.GAP, info, "samples are missing"),
        (code.STUCK_VALUE, warning, "a value repeats itself that should move"),
        (code.OUT_OF_RANGE, warning, "a value is outside what is physically possible"),
        (code.CLOCK_ERROR, warning, "the device's clock was wrong"),
        (code.DEVICE_UNREACHABLE, warning, "the device does not answer"),
    ]
    learned = [(code.UNUSUAL_BEHAVIOUR, info, "the site behaves unlike its own past")]
    groups = {Group.POWER: power, Group.HEATING: heating, Group.DATA: data, Group.LEARNED: learned}
    return {row[0]: FaultSpec(row[0], group, row[1], row[2]) for group, rows in groups.items() for row in rows}


FAULTS: Final[Mapping[FaultCode, FaultSpec]] = MappingProxyType(_specs())
