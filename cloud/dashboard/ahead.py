"""What a site will need soon, in words: one line for each thing that wears."""

from dataclasses import dataclass
from typing import Final

from agent.domain.errors import BadMessage
from agent.domain.maintenance import MAINTENANCE, Maintenance, maintenance_of
from agent.domain.signals import WATER_PRESSURE
from cloud.dashboard import formats
from cloud.ports import FleetReader, Site

_MOST: Final = 50
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class AheadLine:
    """`when` counts from now."""

    label: str
    now: str
    when: str
    advice: str
    told: str


# Name, how its value and its limit are written, and what to do.
_WORDS: Final[dict[str, tuple[str, str, str]]] = {
    WATER_PRESSURE: ("Water pressure", "{:.2f} bar", "Look for a leak; bring what it takes to refill."),
    "burner_starts": ("Burner starts, against the first weeks", "{:.1f} times", "Check hysteresis and water flow."),
    "battery_capacity": (
        "Battery capacity, of what it was",
        "{:.0%}",
        "Have the battery tested while it has a warranty.",
    ),
    "battery_efficiency": ("Battery, energy out per energy in", "{:.0%}", "Have the battery tested."),
    "panels": (
        "Panels, against the same season before",
        "{:.0%}",
        "Clean them; look for shade and a string that is off.",
    ),
}


def ahead_lines(reader: FleetReader, site: Site, now_ms: int) -> list[AheadLine]:
    """The newest word on each thing that wears and still leads to a fault."""
    newest: dict[str, tuple[int, Maintenance]] = {}
    for at_ms, raw in reader.others(site.device, MAINTENANCE, _MOST):
        try:
            told = maintenance_of(raw)
        except BadMessage:
            continue
        newest.setdefault(told.code, (at_ms, told))
    zone = formats.zone_of(site.timezone)
    lines = [_line(told, at_ms, now_ms, formats.clock_text(at_ms, zone, now_ms)) for at_ms, told in newest.values()]
    return [line for line in lines if line is not None]


def _line(told: Maintenance, at_ms: int, now_ms: int, when: str) -> AheadLine | None:
    if told.days_low is None or told.days_high is None:
        return None
    passed = max(0.0, (now_ms - at_ms) / _DAY_MS)
    low, high = (max(0.0, days - passed) for days in (told.days_low, told.days_high))
    label, form, advice = _WORDS.get(told.code, (told.code.replace("_", " ").capitalize(), "{:g}", ""))
    side = "below" if told.per_day < 0 else "above"
    text = f"{side} {form.format(told.limit)} {_days(low, high)}"
    return AheadLine(label, form.format(told.value), text, advice, when)


def _days(low: float, high: float) -> str:
    """In words of the length that matters."""
    if high < 1.0:
        return "any moment now"
    if low > 90.0:
        return f"in {low / 30:.0f} to {high / 30:.0f} months"
    return f"in {low:.0f} to {high:.0f} days" if round(low) != round(high) else f"in {high:.0f} days"
