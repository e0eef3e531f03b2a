"""Which fault explains which: while a cause lasts, its consequences are neither told nor learned from.

A cause that is only suspected holds its consequences back as well, where it shows sooner than they do. Some
consequences outlast their cause: a room that was cold takes hours to be warm.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.domain.faults import FaultCode as Code

CONSEQUENCES: Final[Mapping[Code, frozenset[Code]]] = MappingProxyType(
    {
        Code.DEVICE_UNREACHABLE: frozenset({Code.GAP, Code.STUCK_VALUE}),
        Code.CLOCK_ERROR: frozenset({Code.NO_SOLAR_PRODUCTION, Code.PV_UNDERPERFORMANCE, Code.ROOM_TOO_COLD}),
        Code.STUCK_VALUE: frozenset(
            {Code.SIGN_OR_SCALE_ERROR, Code.BATTERY_IMBALANCE_SOC_JUMP, Code.FLAT_HEATING_CURVE, Code.ROOM_TOO_COLD}
        ),
        Code.SIGN_OR_SCALE_ERROR: frozenset(
            {
                *(Code.BATTERY_NOT_CHARGING, Code.EXPORT_WHILE_BATTERY_COULD_CHARGE, Code.PV_UNDERPERFORMANCE),
                *(Code.BATTERY_IMBALANCE_SOC_JUMP, Code.STUCK_VALUE, Code.NO_SOLAR_PRODUCTION, Code.CLOCK_ERROR),
            }
        ),
        Code.INVERTER_ALARM: frozenset(
            {
                *(Code.NO_SOLAR_PRODUCTION, Code.PV_UNDERPERFORMANCE, Code.BATTERY_NOT_CHARGING),
                Code.EXPORT_WHILE_BATTERY_COULD_CHARGE,
            }
        ),
        Code.BATTERY_IMBALANCE_SOC_JUMP: frozenset({Code.EXPORT_WHILE_BATTERY_COULD_CHARGE, Code.STUCK_VALUE}),
        Code.NO_SOLAR_PRODUCTION: frozenset({Code.PV_UNDERPERFORMANCE}),
        Code.BATTERY_NOT_CHARGING: frozenset({Code.EXPORT_WHILE_BATTERY_COULD_CHARGE}),
        Code.BOILER_LOCKOUT: frozenset(
            {
                *(Code.NO_HEAT, Code.ROOM_TOO_COLD, Code.FLAT_HEATING_CURVE, Code.HUNTING, Code.SENSORS_SWAPPED),
                Code.SHORT_CYCLING,
            }
        ),
        Code.NO_HEAT: frozenset({Code.ROOM_TOO_COLD, Code.FLAT_HEATING_CURVE, Code.HUNTING}),
        Code.SENSORS_SWAPPED: frozenset({Code.NO_HEAT, Code.ROOM_TOO_COLD, Code.FLAT_HEATING_CURVE, Code.HUNTING}),
        Code.OUTDOOR_SENSOR_IMPLAUSIBLE: frozenset({Code.NO_HEAT, Code.ROOM_TOO_COLD, Code.FLAT_HEATING_CURVE}),
        Code.ROOM_SENSOR_STUCK: frozenset({Code.ROOM_TOO_COLD, Code.FLAT_HEATING_CURVE}),
        Code.ROOM_TOO_COLD: frozenset({Code.FLAT_HEATING_CURVE}),
        Code.SHORT_CYCLING: frozenset({Code.HUNTING}),
        Code.HUNTING: frozenset({Code.FLAT_HEATING_CURVE}),
    }
)

# Causes that show sooner than what follows from them: a suspicion is enough to wait.
EARLY: Final = frozenset(
    {
        *(Code.DEVICE_UNREACHABLE, Code.SIGN_OR_SCALE_ERROR, Code.INVERTER_ALARM, Code.NO_SOLAR_PRODUCTION),
        *(Code.BATTERY_NOT_CHARGING, Code.BOILER_LOCKOUT, Code.NO_HEAT, Code.SENSORS_SWAPPED),
        *(Code.OUTDOOR_SENSOR_IMPLAUSIBLE, Code.SHORT_CYCLING, Code.CLOCK_ERROR),
    }
)

_HOUR_MS: Final = 3_600_000
# What outlasts its cause, by consequence, in ms.
AFTERMATH_MS: Final[Mapping[Code, int]] = MappingProxyType(
    {
        Code.ROOM_TOO_COLD: 36 * _HOUR_MS,
        Code.FLAT_HEATING_CURVE: 24 * _HOUR_MS,
        Code.BATTERY_IMBALANCE_SOC_JUMP: _HOUR_MS // 2,
        Code.NO_HEAT: _HOUR_MS,
        Code.HUNTING: _HOUR_MS,
        Code.SIGN_OR_SCALE_ERROR: _HOUR_MS // 4,
        Code.EXPORT_WHILE_BATTERY_COULD_CHARGE: _HOUR_MS // 4,
        Code.SHORT_CYCLING: _HOUR_MS,
    }
)
