"""Settings of the diagnosis, and how they are read from the `[site]` and `[diagnosis]` tables of a site file."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.diagnosis.detector_settings import DetectorSettings
from agent.diagnosis.ranges import RANGES
from agent.domain.episodes import Timing
from agent.domain.errors import BadSetup
from agent.domain.faults import FaultCode
from agent.domain.rules import BatteryLimits
from agent.domain.rules_balance import BalanceLimits
from agent.domain.rules_clock import ClockLimits
from agent.domain.rules_comfort import ComfortLimits, CurveLimits
from agent.domain.rules_cycles import CycleLimits, HuntingLimits
from agent.domain.rules_dark import SolarLimits
from agent.domain.rules_heating import HeatLimits, PressureLimits
from agent.domain.rules_power import ExportLimits, SocJumpLimits
from agent.domain.rules_sensors import OutdoorLimits, RoomStuckLimits, SwapLimits
from agent.domain.rules_solar import UnderperformanceLimits

_DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_WINDOWS_S: Final = (60, 300, 600, 900, 1800, 3600)


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """Where the site is. Without coordinates the sun's height is not known; `timezone` is an IANA name."""

    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    timezone: str = "UTC"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def place(self) -> tuple[float, float] | None:
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude


@dataclass(frozen=True, slots=True)
class Tariff:
    """Price of a kWh bought and of a kWh sold, in the site's money; 0 where nobody said."""

    import_per_kwh: float = 0.0
    export_per_kwh: float = 0.0

    def price(self, code: FaultCode) -> float:
        """What a kWh lost by a fault costs. Of the panels' power half is taken as used in the house, half as sold."""
        if code in (FaultCode.BATTERY_NOT_CHARGING, FaultCode.EXPORT_WHILE_BATTERY_COULD_CHARGE):
            return max(0.0, self.import_per_kwh - self.export_per_kwh)
        return (self.import_per_kwh + self.export_per_kwh) / 2


@dataclass(frozen=True, slots=True)
class GapLimits:
    """A signal that does not come for `missing_s` is missing."""

    missing_s: float = 900.0


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """Everything the diagnosis can be told. Durations in seconds, limits in the units of the signals.

    `published` judges the two published scenarios minute by minute instead of running the rules. `max_gap_s` is the
    longest distance between two samples over which anything is assumed.
    """

    site: SiteSettings = field(default=SiteSettings())
    tariff: Tariff = field(default=Tariff())
    published: bool = False
    detectors: tuple[DetectorSettings, ...] = ()
    window_s: int = 900
    max_gap_s: float = 900.0
    battery_not_charging: BatteryLimits = field(default=BatteryLimits())
    battery_timing: Timing = field(default=Timing(debounce_s=900, clear_s=300))
    no_solar_production: SolarLimits = field(default=SolarLimits())
    solar_timing: Timing = field(default=Timing(debounce_s=1800, clear_s=600))
    pv_underperformance: UnderperformanceLimits = field(default=UnderperformanceLimits())
    underperformance_timing: Timing = field(
        default=Timing(debounce_s=2 * _HOUR_S, clear_s=_HOUR_S, forget_s=30 * _DAY_S)
    )
    battery_imbalance_soc_jump: SocJumpLimits = field(default=SocJumpLimits())
    soc_jump_timing: Timing = field(default=Timing(debounce_s=0, clear_s=6 * _HOUR_S))
    export_while_battery_could_charge: ExportLimits = field(default=ExportLimits())
    export_timing: Timing = field(default=Timing(debounce_s=1800, clear_s=900))
    sign_or_scale_error: BalanceLimits = field(default=BalanceLimits())
    balance_timing: Timing = field(default=Timing(debounce_s=2700, clear_s=_DAY_S))
    clock_error: ClockLimits = field(default=ClockLimits())
    clock_timing: Timing = field(default=Timing(debounce_s=900, clear_s=6 * _HOUR_S))
    inverter_alarm_timing: Timing = field(default=Timing(debounce_s=60, clear_s=300))
    boiler_lockout_timing: Timing = field(default=Timing(debounce_s=60, clear_s=300))
    no_heat: HeatLimits = field(default=HeatLimits())
    heat_timing: Timing = field(default=Timing(debounce_s=3600, clear_s=900))
    short_cycling: CycleLimits = field(default=CycleLimits())
    cycling_timing: Timing = field(default=Timing(debounce_s=1200, clear_s=3600))
    hunting: HuntingLimits = field(default=HuntingLimits())
    hunting_timing: Timing = field(default=Timing(debounce_s=1800, clear_s=3600))
    flat_heating_curve: CurveLimits = field(default=CurveLimits())
    curve_timing: Timing = field(default=Timing(debounce_s=2 * _HOUR_S, clear_s=6 * _HOUR_S, forget_s=_DAY_S))
    room_sensor_stuck: RoomStuckLimits = field(default=RoomStuckLimits())
    room_stuck_timing: Timing = field(default=Timing(debounce_s=_DAY_S, clear_s=600))
    sensors_swapped: SwapLimits = field(default=SwapLimits())
    swap_timing: Timing = field(default=Timing(debounce_s=2700, clear_s=3600, forget_s=_DAY_S))
    outdoor_sensor_implausible: OutdoorLimits = field(default=OutdoorLimits())
    outdoor_timing: Timing = field(default=Timing(debounce_s=1800, clear_s=1800))
    room_too_cold: ComfortLimits = field(default=ComfortLimits())
    cold_timing: Timing = field(default=Timing(debounce_s=2 * _HOUR_S, clear_s=2 * _HOUR_S, forget_s=8 * _HOUR_S))
    gap: GapLimits = field(default=GapLimits())
    low_water_pressure: PressureLimits = field(default=PressureLimits())
    pressure_timing: Timing = field(default=Timing(debounce_s=600, clear_s=600))
    unreachable_timing: Timing = field(default=Timing(debounce_s=180, clear_s=60))

    def with_max_gap(self, max_gap_s: float) -> "DiagnosisSettings":
        """These settings, with another longest distance between samples for everything."""
        changes: dict[str, Any] = {"max_gap_s": max_gap_s}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, Timing):
                changes[each.name] = dataclasses.replace(value, max_gap_s=max_gap_s)
        return dataclasses.replace(self, **changes)


# TOML table in [diagnosis] -> the fields it changes.
_TABLES: Final[dict[str, tuple[str, ...]]] = {
    FaultCode.BATTERY_NOT_CHARGING: ("battery_not_charging", "battery_timing"),
    FaultCode.NO_SOLAR_PRODUCTION: ("no_solar_production", "solar_timing"),
    FaultCode.PV_UNDERPERFORMANCE: ("pv_underperformance", "underperformance_timing"),
    FaultCode.BATTERY_IMBALANCE_SOC_JUMP: ("battery_imbalance_soc_jump", "soc_jump_timing"),
    FaultCode.EXPORT_WHILE_BATTERY_COULD_CHARGE: ("export_while_battery_could_charge", "export_timing"),
    FaultCode.SIGN_OR_SCALE_ERROR: ("sign_or_scale_error", "balance_timing"),
    FaultCode.CLOCK_ERROR: ("clock_error", "clock_timing"),
    FaultCode.SHORT_CYCLING: ("short_cycling", "cycling_timing"),
    FaultCode.HUNTING: ("hunting", "hunting_timing"),
    FaultCode.FLAT_HEATING_CURVE: ("flat_heating_curve", "curve_timing"),
    FaultCode.ROOM_SENSOR_STUCK: ("room_sensor_stuck", "room_stuck_timing"),
    FaultCode.SENSORS_SWAPPED: ("sensors_swapped", "swap_timing"),
    FaultCode.OUTDOOR_SENSOR_IMPLAUSIBLE: ("outdoor_sensor_implausible", "outdoor_timing"),
    FaultCode.ROOM_TOO_COLD: ("room_too_cold", "cold_timing"),
    FaultCode.GAP: ("gap",),
    FaultCode.INVERTER_ALARM: ("inverter_alarm_timing",),
    FaultCode.BOILER_LOCKOUT: ("boiler_lockout_timing",),
    FaultCode.NO_HEAT: ("no_heat", "heat_timing"),
    FaultCode.LOW_WATER_PRESSURE: ("low_water_pressure", "pressure_timing"),
    FaultCode.DEVICE_UNREACHABLE: ("unreachable_timing",),
}

# Fault -> the field with its timing.
TIMINGS: Final = {FaultCode(code): owners[-1] for code, owners in _TABLES.items() if owners[-1].endswith("_timing")}


def settings_from(document: Mapping[str, Any], *, published: bool = False) -> DiagnosisSettings:
    """The settings in the tables `[site]`, `[tariff]` and `[diagnosis]` of `document`; the rest is somebody else's.

    Raises `BadSetup` whose `where` is the field, and whose `problem` says its value and what was expected.
    """
    table = _table(document.get("diagnosis", {}), "diagnosis")
    defaults = DiagnosisSettings()
    known = {"window_s", "max_gap_s", *_TABLES}
    for name in table:
        if name not in known:
            raise BadSetup(f"diagnosis.{name}", f"unknown, expected one of {', '.join(sorted(known))}")
    changes: dict[str, Any] = {"site": _site(_table(document.get("site", {}), "site")), "published": published}
    changes["tariff"] = _tariff(_table(document.get("tariff", {}), "tariff"))
    if "window_s" in table:
        changes["window_s"] = _window(table["window_s"])
    for name, owners in _TABLES.items():
        changes.update(_rule(_table(table.get(name, {}), f"diagnosis.{name}"), name, owners, defaults))
    settings = dataclasses.replace(defaults, **changes)
    if "max_gap_s" in table:
        settings = settings.with_max_gap(_number(table["max_gap_s"], "diagnosis.max_gap_s"))
    return settings


def _rule(table: Mapping[str, Any], name: str, owners: tuple[str, ...], defaults: DiagnosisSettings) -> dict[str, Any]:
    """The limits and the timing of one rule, changed by its table."""
    parts: dict[str, Any] = {owner: getattr(defaults, owner) for owner in owners}
    known = {each.name: owner for owner, part in parts.items() for each in fields(part) if each.name != "max_gap_s"}
    for key, raw in table.items():
        path = f"diagnosis.{name}.{key}"
        if key not in known:
            raise BadSetup(path, f"unknown, expected one of {', '.join(sorted(known))}")
        part = parts[known[key]]
        value = _number(raw, path)
        whole = isinstance(getattr(part, key), int)
        parts[known[key]] = dataclasses.replace(part, **{key: int(value) if whole else value})
    return parts


def _site(table: Mapping[str, Any]) -> SiteSettings:
    known = {each.name for each in fields(SiteSettings)}
    for key, value in table.items():
        if key not in known:
            raise BadSetup(f"site.{key}", f"unknown, expected one of {', '.join(sorted(known))}")
        if key in ("name", "timezone") and not isinstance(value, str):
            raise BadSetup(f"site.{key}", f"got {value!r}, expected text")
    if ("latitude" in table) != ("longitude" in table):
        given = "latitude" if "latitude" in table else "longitude"
        raise BadSetup(f"site.{given}", "given alone, expected both latitude and longitude or neither")
    timezone = table.get("timezone", "UTC")
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise BadSetup("site.timezone", f"got {timezone!r}, expected an IANA name such as Europe/Berlin") from error
    name = table.get("name", "")
    if "latitude" not in table:
        return SiteSettings(name, None, None, timezone)
    latitude, longitude = (_number(table[key], f"site.{key}") for key in ("latitude", "longitude"))
    return SiteSettings(name, latitude, longitude, timezone)


def _tariff(table: Mapping[str, Any]) -> Tariff:
    known = [each.name for each in fields(Tariff)]
    for key in table:
        if key not in known:
            raise BadSetup(f"tariff.{key}", f"unknown, expected one of {', '.join(known)}")
    return Tariff(**{key: _number(value, f"tariff.{key}") for key, value in table.items()})


def _table(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise BadSetup(path, f"got {value!r}, expected a table [{path}]")
    return value


def _window(value: Any) -> int:
    if isinstance(value, bool) or value not in _WINDOWS_S:
        raise BadSetup("diagnosis.window_s", f"got {value!r}, expected one of {', '.join(map(str, _WINDOWS_S))}")
    return int(value)


def _number(value: Any, path: str) -> float:
    low, high = RANGES[path.rpartition(".")[2]]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadSetup(path, f"got {value!r}, expected a number from {low:g} to {high:g}")
    return float(value)
