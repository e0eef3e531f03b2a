"""A scenario: a site, what breaks there and what a diagnosis must find. Read from TOML, checked whole."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.domain.signals import Equipment, InverterAlarm, SignalName, signal_name
from firmware_sim.boiler import HeatParts
from firmware_sim.bus.faults import BusFault
from firmware_sim.errors import BadScenario
from firmware_sim.failures import (
    FOUND_CODES,
    HEAT_SENSORS,
    HOME_SENSORS,
    SIZES,
    BatteryMode,
    Fault,
    FaultCode,
    Silence,
)
from firmware_sim.fields import Fields
from firmware_sim.home import HomeParts
from firmware_sim.load import Household
from firmware_sim.offsets import Offset
from firmware_sim.scenario_bus import BusPlan, bus_of
from firmware_sim.scenario_parts import (
    climate_of,
    equipment_of,
    heat_of,
    home_of,
    household_of,
    place_of,
    recording_of,
    strings_of,
    zone_of,
)
from firmware_sim.scenario_wiring import WiringPlan, spoken_of, window_of, wiring_of
from firmware_sim.solar import Place, PvString
from firmware_sim.weather import Climate
from firmware_sim.wiring import Wiring


class SiteKind(StrEnum):
    """What a site is, which decides the register map that it speaks."""

    HOME = "home"
    RECORDING = "recording"
    BOILER = "boiler"


# Faults that each kind of site can have; a recording has happened already, so only its line can break.
_ALLOWED = {
    SiteKind.HOME: {
        FaultCode.BATTERY_NOT_CHARGING,
        FaultCode.NO_SOLAR_PRODUCTION,
        FaultCode.INVERTER_ALARM,
        FaultCode.PV_UNDERPERFORMANCE,
        FaultCode.EXPORT_WHILE_BATTERY_COULD_CHARGE,
        FaultCode.DEVICE_UNREACHABLE,
        FaultCode.SENSOR_BROKEN,
    },
    SiteKind.RECORDING: {FaultCode.DEVICE_UNREACHABLE},
    SiteKind.BOILER: {
        FaultCode.BOILER_LOCKOUT,
        FaultCode.NO_HEAT,
        FaultCode.SHORT_CYCLING,
        FaultCode.HUNTING,
        FaultCode.FLAT_HEATING_CURVE,
        FaultCode.ROOM_TOO_COLD,
        FaultCode.DEVICE_UNREACHABLE,
        FaultCode.SENSOR_BROKEN,
    },
}


class AlarmWord(StrEnum):
    """Names of `InverterAlarm` that a SunSpec event word can express."""

    GRID = "grid"
    DC = "dc"
    TEMPERATURE = "temperature"
    HARDWARE = "hardware"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """An injected fault whose times still wait for an origin. `fault` has them at 0."""

    fault: Fault
    start: Offset
    end: Offset


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a diagnosis must name: a fault `code` whose start lies within `tolerance_min` of `start`."""

    code: str
    start: Offset
    end: Offset
    tolerance_min: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario. Of `home`, `recording` and `heat` the one of its kind is there."""

    name: str
    title: str
    kind: SiteKind
    seed: int
    place: Place
    zone: ZoneInfo
    equipment: Equipment
    unit_id: int
    climate: Climate | None
    strings: tuple[PvString, ...]
    household: Household
    home: HomeParts | None
    recording: str
    recording_capacity_wh: float
    heat: HeatParts | None
    people: int
    faults: tuple[FaultPlan, ...]
    expectations: tuple[Expectation, ...]
    may_also: tuple[str, ...]
    speaks: str
    options: Mapping[str, str]
    wiring: tuple[WiringPlan, ...]
    bus: tuple[BusPlan, ...]

    def bus_from(self, origin_ms: int) -> tuple[BusFault, ...]:
        """The faults of the line with their instants."""
        return tuple(plan.at(origin_ms, self.zone) for plan in self.bus)

    def wiring_from(self, origin_ms: int) -> tuple[Wiring, ...]:
        """The wiring mistakes with their instants."""
        return tuple(plan.at(origin_ms, self.zone) for plan in self.wiring)

    def faults_from(self, origin_ms: int) -> tuple[Fault, ...]:
        """The faults with their instants."""
        return tuple(
            Fault(
                code=plan.fault.code,
                start_ms=plan.start.at_ms(origin_ms, self.zone),
                end_ms=plan.end.at_ms(origin_ms, self.zone),
                battery=plan.fault.battery,
                silence=plan.fault.silence,
                alarm=plan.fault.alarm,
                sensor=plan.fault.sensor,
                size=plan.fault.size,
            )
            for plan in self.faults
        )


def shipped() -> list[str]:
    """Names of the scenarios in this package, sorted."""
    folder = files("firmware_sim").joinpath("scenarios")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_scenario(name: str) -> Scenario:
    """A shipped scenario by its name, or one in a file by its path. Raises `BadScenario`."""
    if name.endswith(".toml"):
        path = Path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadScenario(name, "", f"cannot be read: {error}") from error
        return parse_scenario(path.stem, text, name)
    if name not in shipped():
        raise BadScenario(name, "", f"no such scenario; expected a path that ends in .toml or one of {_listed()}")
    text = files("firmware_sim").joinpath("scenarios", f"{name}.toml").read_text(encoding="utf-8")
    return parse_scenario(name, text, f"scenarios/{name}.toml")


def _listed() -> str:
    return ", ".join(shipped())


def parse_scenario(name: str, text: str, where: str) -> Scenario:
    """A scenario from TOML. `where` names the file in errors. Raises `BadScenario`."""
    try:
        table: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadScenario(where, "", f"is not TOML: {error}") from error
    top = Fields(where, "", table)
    kind = top.word("kind", SiteKind)
    site, equipment = top.table("site"), top.table("equipment")
    spoken = spoken_of(top, kind is SiteKind.BOILER)
    is_home, is_heat = kind is SiteKind.HOME, kind is SiteKind.BOILER
    recording, capacity = recording_of(top) if kind is SiteKind.RECORDING else ("", 0.0)
    scenario = Scenario(
        name=name,
        title=top.text("title"),
        kind=kind,
        seed=top.whole("seed", 0, 2**31 - 1, 0),
        place=place_of(site),
        zone=site.parsed("timezone", zone_of),
        equipment=equipment_of(equipment),
        unit_id=equipment.whole("unit_id", 1, 247, spoken.unit),
        climate=None if kind is SiteKind.RECORDING else climate_of(top.table("climate")),
        strings=strings_of(top) if is_home else (),
        household=household_of(top.table("household")) if is_home else Household(),
        home=home_of(top) if is_home else None,
        recording=recording,
        recording_capacity_wh=capacity,
        heat=heat_of(top) if is_heat else None,
        people=top.table("household").whole("people", 1, 12, 3) if is_heat else 0,
        faults=tuple(_fault(fields, kind) for fields in top.tables("fault")),
        expectations=tuple(_expectation(fields) for fields in top.tables("expect")),
        may_also=_codes(top, "may_also"),
        speaks=spoken.name,
        options=spoken.options,
        wiring=wiring_of(top, is_heat),
        bus=bus_of(top),
    )
    for part in (site, equipment, top):
        part.end()
    return scenario


def _fault(fields: Fields, kind: SiteKind) -> FaultPlan:
    code = fields.word("code", FaultCode)
    if code not in _ALLOWED[kind]:
        raise fields.problem("code", f"{code} cannot happen to a {kind}; expected one of {_sorted(_ALLOWED[kind])}")
    start, end = window_of(fields)
    battery, silence, alarm, sensor = BatteryMode.IDLE, Silence.REFUSE, InverterAlarm.TEMPERATURE, None
    if code is FaultCode.BATTERY_NOT_CHARGING:
        battery = fields.word("battery", BatteryMode, BatteryMode.IDLE)
    elif code is FaultCode.DEVICE_UNREACHABLE:
        silence = fields.word("silence", Silence, Silence.REFUSE)
    elif code is FaultCode.INVERTER_ALARM:
        alarm = InverterAlarm[fields.word("alarm", AlarmWord, AlarmWord.TEMPERATURE).name]
    elif code is FaultCode.SENSOR_BROKEN:
        sensor = _sensor(fields, kind)
    usual, low, high = SIZES.get(code, (0.0, 0.0, 0.0))
    size = fields.number("size", low, high, usual) if code in SIZES else 0.0
    fields.end()
    return FaultPlan(Fault(code, 0, 0, battery, silence, alarm, sensor, size), start, end)


def _sensor(fields: Fields, kind: SiteKind) -> SignalName:
    sensor: SignalName = fields.parsed("sensor", signal_name)
    known = HOME_SENSORS if kind is SiteKind.HOME else HEAT_SENSORS
    if sensor not in known:
        raise fields.problem("sensor", f"{sensor!r} cannot break at a {kind}; expected one of {_sorted(known)}")
    return sensor


def _expectation(fields: Fields) -> Expectation:
    code = fields.text("code")
    if code not in FOUND_CODES:
        raise fields.problem("code", f"{code!r} is not a fault's name; expected one of {_sorted(FOUND_CODES)}")
    start, end = window_of(fields)
    tolerance = fields.whole("tolerance_minutes", 0, 1440, 30)
    fields.end()
    return Expectation(code, start, end, tolerance)


def _codes(top: Fields, key: str) -> tuple[str, ...]:
    codes = top.texts(key)
    for code in codes:
        if code not in FOUND_CODES:
            raise top.problem(key, f"{code!r} is not a fault's name; expected some of {_sorted(FOUND_CODES)}")
    return codes


def _sorted(codes: Iterable[str]) -> str:
    return ", ".join(sorted(codes))
