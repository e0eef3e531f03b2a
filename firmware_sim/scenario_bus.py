"""What a scenario file says about the line to the device: tables `[[bus]]`."""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from firmware_sim.bus.faults import BusCode, BusFault, checked
from firmware_sim.errors import BadArgument
from firmware_sim.fields import Fields
from firmware_sim.offsets import Offset
from firmware_sim.scenario_wiring import window_of


@dataclass(frozen=True, slots=True)
class BusPlan:
    """A fault whose times still wait for an origin; without times it is always there."""

    fault: BusFault
    start: Offset | None
    end: Offset | None

    def at(self, origin_ms: int, zone: ZoneInfo) -> BusFault:
        """The fault with its instants."""
        if self.start is None or self.end is None:
            return self.fault
        return replace(self.fault, start_ms=self.start.at_ms(origin_ms, zone), end_ms=self.end.at_ms(origin_ms, zone))


def bus_of(top: Fields) -> tuple[BusPlan, ...]:
    """All tables `[[bus]]`."""
    return tuple(_plan(fields) for fields in top.tables("bus"))


def _plan(fields: Fields) -> BusPlan:
    fault = BusFault(
        code=fields.word("code", BusCode),
        form=fields.text("form") if fields.has("form") else "",
        rate=fields.number("rate", 0, 1, 1),
        every=fields.whole("every", 0, 1000, 0),
        count=fields.whole("count", 0, 100_000, 0),
        seconds=fields.number("seconds", 0, 3600, 0),
        exception=fields.whole("exception", 0, 11, 4),
        first=fields.whole("first", 0, 0xFFFF, 0),
        last=fields.whole("last", 0, 0xFFFF, 0xFFFF),
        words=fields.whole("words", -20_000, 20_000, 1),
        option=fields.text("option") if fields.has("option") else "",
    )
    start, end = window_of(fields) if fields.has("from") or fields.has("to") else (None, None)
    fields.end()
    try:
        return BusPlan(checked(fault), start, end)
    except BadArgument as error:
        raise fields.problem("code", str(error)) from error
