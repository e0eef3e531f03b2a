"""Which fault codes are signs of one cause, which of them leads, and what a person can do about it."""

from collections.abc import Iterable
from typing import Final

from agent.domain.faults import FAULTS, FaultCode, Severity

VISIT: Final = "visit"
REMOTE: Final = "remote"
MAKER: Final = "maker"
WAIT: Final = "wait"

_C = FaultCode
# A family is one cause as it shows itself on a site, from the cause itself down to what it leads to.
_FAMILIES: Final[dict[str, tuple[FaultCode, ...]]] = {
    "heat": (_C.LOW_WATER_PRESSURE, _C.BOILER_LOCKOUT, _C.NO_HEAT, _C.ROOM_TOO_COLD),
    "burner": (_C.SHORT_CYCLING, _C.HUNTING),
    "sensors": (_C.SENSORS_SWAPPED, _C.OUTDOOR_SENSOR_IMPLAUSIBLE, _C.ROOM_SENSOR_STUCK, _C.FLAT_HEATING_CURVE),
    "solar": (_C.INVERTER_ALARM, _C.NO_SOLAR_PRODUCTION, _C.PV_UNDERPERFORMANCE),
    "battery": (_C.BATTERY_NOT_CHARGING, _C.BATTERY_IMBALANCE_SOC_JUMP, _C.EXPORT_WHILE_BATTERY_COULD_CHARGE),
    "registers": (_C.SIGN_OR_SCALE_ERROR, _C.OUT_OF_RANGE),
    "data": (_C.DEVICE_UNREACHABLE, _C.GAP, _C.STUCK_VALUE, _C.CLOCK_ERROR),
    "unusual": (_C.UNUSUAL_BEHAVIOUR,),
}
_FAMILY_OF: Final[dict[str, str]] = {str(code): name for name, codes in _FAMILIES.items() for code in codes}
_PLACE: Final[dict[str, int]] = {str(code): place for codes in _FAMILIES.values() for place, code in enumerate(codes)}

# Settings and profiles can be put right from a desk.
_REMOTE: Final = frozenset(
    str(code)
    for code in (
        _C.FLAT_HEATING_CURVE,
        _C.EXPORT_WHILE_BATTERY_COULD_CHARGE,
        _C.SIGN_OR_SCALE_ERROR,
        _C.SHORT_CYCLING,
        _C.HUNTING,
        _C.CLOCK_ERROR,
        _C.OUT_OF_RANGE,
        _C.UNUSUAL_BEHAVIOUR,
    )
)
_SEVERITY_ORDER: Final = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)

# What a day of it costs a site when neither the device nor the analysis says: assumptions, in €.
_ASSUMED_COST: Final[dict[str, float]] = {
    str(_C.NO_HEAT): 60.0,
    str(_C.BOILER_LOCKOUT): 60.0,
    str(_C.ROOM_TOO_COLD): 25.0,
    str(_C.LOW_WATER_PRESSURE): 5.0,
    str(_C.SHORT_CYCLING): 3.0,
    str(_C.HUNTING): 2.0,
    str(_C.FLAT_HEATING_CURVE): 3.0,
    str(_C.OUTDOOR_SENSOR_IMPLAUSIBLE): 3.0,
    str(_C.SENSORS_SWAPPED): 5.0,
    str(_C.ROOM_SENSOR_STUCK): 2.0,
    str(_C.NO_SOLAR_PRODUCTION): 4.0,
    str(_C.INVERTER_ALARM): 4.0,
    str(_C.PV_UNDERPERFORMANCE): 1.0,
    str(_C.BATTERY_NOT_CHARGING): 1.5,
    str(_C.EXPORT_WHILE_BATTERY_COULD_CHARGE): 0.8,
    str(_C.BATTERY_IMBALANCE_SOC_JUMP): 0.5,
    str(_C.SIGN_OR_SCALE_ERROR): 1.0,
    str(_C.DEVICE_UNREACHABLE): 0.5,
}


def family_of(code: str) -> str:
    """The cause that `code` belongs to; a code that this version does not know is its own.

    >>> family_of("room_too_cold"), family_of("brand_new")
    ('heat', 'brand_new')
    """
    return _FAMILY_OF.get(code, code)


def leading(codes: Iterable[str]) -> str:
    """The code nearest to the cause.

    >>> leading(["room_too_cold", "boiler_lockout"])
    'boiler_lockout'
    """
    return min(codes, key=lambda code: (_PLACE.get(code, 9), _severity_place(code), code))


def severity_of(code: str) -> str:
    """What the project says of `code`; a warning for one that it does not know."""
    spec = FAULTS.get(FaultCode(code)) if code in _FAMILY_OF else None
    return str(Severity.WARNING if spec is None else spec.severity)


def worst(severities: Iterable[str]) -> str:
    """The most severe of them."""
    known = set(severities)
    return str(next((one for one in _SEVERITY_ORDER if one in known), Severity.WARNING))


def _severity_place(code: str) -> int:
    return [str(one) for one in _SEVERITY_ORDER].index(severity_of(code))


def action_of(code: str) -> str:
    """Whether somebody must go."""
    return REMOTE if code in _REMOTE else VISIT


def assumed_cost(code: str) -> float:
    """€ per day and site."""
    return _ASSUMED_COST.get(code, 0.0)
