"""What a scenario file says about the device that a site speaks as, and about how the site is wired."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from agent.domain.signals import SignalName, signal_name
from firmware_sim.errors import BadArgument
from firmware_sim.failures import HEAT_SENSORS, HOME_SENSORS
from firmware_sim.families.family import families, family
from firmware_sim.families.speech import fits
from firmware_sim.fields import Fields
from firmware_sim.offsets import Offset, parse_offset
from firmware_sim.wiring import HEAT_WIRING, HOME_WIRING, Measured, Wiring, WiringCode

DEFAULT_HOME: Final = "sunspec"
DEFAULT_HEAT: Final = "samson-trovis"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A family's name, its options, and the unit id that its devices usually have."""

    name: str
    options: Mapping[str, str]
    unit: int


@dataclass(frozen=True, slots=True)
class WiringPlan:
    """A mistake whose times still wait for an origin; without times it is always there."""

    wiring: Wiring
    start: Offset | None
    end: Offset | None

    def at(self, origin_ms: int, zone: ZoneInfo) -> Wiring:
        """The mistake with its instants."""
        if self.start is None or self.end is None:
            return self.wiring
        return replace(self.wiring, start_ms=self.start.at_ms(origin_ms, zone), end_ms=self.end.at_ms(origin_ms, zone))


def spoken_of(top: Fields, is_heat: bool) -> Spoken:
    """The keys `speaks` and `[option]`."""
    default = DEFAULT_HEAT if is_heat else DEFAULT_HOME
    name = top.text("speaks", default)
    if name not in families():
        raise top.problem("speaks", f"{name!r} is not a family; expected one of {', '.join(families())}")
    if not fits(family(name), is_heat):
        raise top.problem("speaks", f"{name!r} is a {family(name).kind}, which such a site cannot be")
    table = top.table("option")
    options = {key: table.text(key) for key in family(name).options if table.has(key)}
    table.end()
    try:
        chosen = family(name).chosen(options)
    except BadArgument as error:
        raise top.problem("option", str(error)) from error
    return Spoken(name, chosen, family(name).unit if top.has("speaks") else 1)


def window_of(fields: Fields) -> tuple[Offset, Offset]:
    """`from` and `to`, which must lie in this order."""
    start: Offset = fields.parsed("from", parse_offset)
    end: Offset = fields.parsed("to", parse_offset)
    if end <= start:
        raise fields.problem("to", "does not lie behind 'from'; expected a later time")
    return start, end


def wiring_of(top: Fields, is_heat: bool) -> tuple[WiringPlan, ...]:
    """All tables `[[wiring]]`."""
    return tuple(_plan(fields, is_heat) for fields in top.tables("wiring"))


def _plan(fields: Fields, is_heat: bool) -> WiringPlan:
    code = fields.word("code", WiringCode)
    known = HEAT_WIRING if is_heat else HOME_WIRING
    if code not in known:
        raise fields.problem("code", f"{code} cannot be wired here; expected one of {', '.join(sorted(known))}")
    wiring = Wiring(code)
    if code is WiringCode.PHASE_MISSING:
        wiring = replace(wiring, phase=fields.whole("phase", 1, 3, 3))
    elif code is WiringCode.SCALE:
        factor, measured = fields.number("factor", 1e-4, 1e4, 10), fields.word("of", Measured, Measured.GRID)
        wiring = replace(wiring, factor=factor, measured=measured)
    elif code in {WiringCode.SENSOR_STUCK, WiringCode.SENSOR_DISCONNECTED}:
        wiring = replace(wiring, sensor=_sensor(fields, is_heat))
    start, end = window_of(fields) if fields.has("from") or fields.has("to") else (None, None)
    fields.end()
    return WiringPlan(wiring, start, end)


def _sensor(fields: Fields, is_heat: bool) -> SignalName:
    sensor: SignalName = fields.parsed("sensor", signal_name)
    known = HEAT_SENSORS if is_heat else HOME_SENSORS
    if sensor not in known:
        raise fields.problem("sensor", f"{sensor!r} is not wired here; expected one of {', '.join(sorted(known))}")
    return sensor
