"""What is true of the recordings: which findings in a recording as it is tell something that really was so.

A signal that really did not come and a heating curve that really was flat are found out from the recording itself;
the rest was looked at, value by value, and is listed here with what was seen. Whatever is neither is a false finding.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from math import inf
from typing import Final

from agent.diagnosis.settings import DiagnosisSettings
from agent.domain.faults import FaultCode
from agent.domain.local_time import LocalTime
from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, PUMP_ON, PV_POWER
from agent.domain.sun import Height
from agent.domain.wire import Fault
from bench.diagnosis_recordings import Recorded
from firmware_sim.labelled.story import HOUR_MS

HOLE: Final = "the values really are missing"
FLAT: Final = "the flow really does not follow the weather then, by less than 0.3 K per K within a day"
# Sine of 4°: an inverter may sleep while the sun is lower.
_DARK: Final = 0.07
# Half way between a rule's failing slope and its healthy one; above the warmest air nobody asks for heat.
_FLAT_SLOPE: Final = 0.3
_WARMEST: Final = 20.0
_MORNING: Final = 9 * 60
_EVENING: Final = 21 * 60


@dataclass(frozen=True, slots=True)
class Trait:
    """Something true of one site, from day to day (UTC, both of them part of it)."""

    site: str
    code: FaultCode
    first: str
    last: str
    words: str

    def explains(self, site: str, fault: Fault) -> bool:
        """Whether the finding tells this."""
        if (site, fault.code) != (self.site, self.code):
            return False
        end_ms = fault.start_ms if fault.end_ms is None else fault.end_ms
        return end_ms >= _day_ms(self.first) and fault.start_ms < _day_ms(self.last) + 24 * HOUR_MS


_COLDER: Final = "water flows, and the return really is warmer than the supply for hours, by up to 9 K"
_WINDOW: Final = "the flat really is 1 to 6 K colder, and its CO₂ falls to that of fresh air: windows are open"
_OFF: Final = "the pump really moves water of 15 to 24 °C for hours in cool weather, and no heat is made"
TRAITS: Final[Sequence[Trait]] = (
    Trait(
        "Building_7",
        FaultCode.NO_SOLAR_PRODUCTION,
        "2016-08-01",
        "2016-08-09",
        "the panels give nothing for the first eight days of the recording and begin in the middle of a morning",
    ),
    Trait(
        "Building_7",
        FaultCode.NO_SOLAR_PRODUCTION,
        "2017-06-22",
        "2017-06-22",
        "the panels stand still from ten to four on a day on which the neighbours' give what they can",
    ),
    *(
        Trait("L4", FaultCode.ROOM_TOO_COLD, first, last, _WINDOW)
        for first, last in (
            ("2024-11-23", "2024-11-23"),
            ("2024-12-21", "2024-12-29"),
            ("2025-03-18", "2025-03-18"),
            ("2025-03-21", "2025-03-22"),
        )
    ),
    Trait("plant 53", FaultCode.NO_HEAT, "2021-02-24", "2021-02-26", _OFF),
    Trait("plant 124", FaultCode.NO_HEAT, "2020-03-17", "2020-03-17", _OFF),
    Trait("plant 105", FaultCode.SENSORS_SWAPPED, "2020-03-07", "2020-04-06", _COLDER),
)


def truth(recorded: Recorded, fault: Fault, settings: DiagnosisSettings) -> str:
    """What is true about a finding, in words; empty where the finding is false."""
    if fault.code == FaultCode.GAP:
        return HOLE if _is_missing(recorded, fault, settings) else ""
    if fault.code == FaultCode.FLAT_HEATING_CURVE and _is_flat(recorded, fault, settings):
        return FLAT
    return next((trait.words for trait in TRAITS if trait.explains(recorded.name, fault)), "")


def _is_missing(recorded: Recorded, fault: Fault, settings: DiagnosisSettings) -> bool:
    """Whether a signal, or all of them, did not come for as long as the settings ask; of panels, by day."""
    limit_ms = max(settings.gap.missing_s, settings.max_gap_s) * 1000
    first = bisect_right(recorded.times, fault.start_ms)
    behind = zip(recorded.times[first:], recorded.rows[first:], strict=True)
    if fault.component != PV_POWER or settings.site.place is None:
        came_ms = next((at_ms for at_ms, row in behind if not fault.component or fault.component in row), inf)
        return came_ms - fault.start_ms > limit_ms
    sun = Height(*settings.site.place)
    silent = (at_ms for at_ms, row in takewhile(lambda each: PV_POWER not in each[1], behind))
    return sum(sun.sine(at_ms) >= _DARK for at_ms in silent) * recorded.step_ms > limit_ms


def _is_flat(recorded: Recorded, fault: Fault, settings: DiagnosisSettings) -> bool:
    """Whether flow and air of its hours, each against the mean of its day, say so by themselves."""
    local = LocalTime(settings.site.zone)
    start_ms = fault.start_ms - 10 * HOUR_MS
    end_ms = inf if fault.end_ms is None else fault.end_ms
    days: dict[int, list[tuple[float, float]]] = {}
    for at_ms, row in zip(recorded.times, recorded.rows, strict=True):
        if not start_ms <= at_ms <= end_ms or row.get(PUMP_ON, 0.0) < 0.5:
            continue
        air, flow = row.get(OUTDOOR_TEMPERATURE), row.get(FLOW_TEMPERATURE)
        if air is not None and flow is not None and _MORNING <= local.minute_of_day(at_ms) < _EVENING:
            days.setdefault(local.day(at_ms), []).append((air, flow))
    slope, mean = _slope([pairs for pairs in days.values() if len(pairs) > 1])
    return slope > -_FLAT_SLOPE and mean < _WARMEST


def _slope(days: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """Flow over air within days, and the mean of the air."""
    sxx = sxy = total = 0.0
    for pairs in days:
        air, flow = (sum(each) / len(pairs) for each in zip(*pairs, strict=True))
        sxx += sum((x - air) ** 2 for x, _ in pairs)
        sxy += sum((x - air) * (y - flow) for x, y in pairs)
        total += air * len(pairs)
    count = sum(map(len, days))
    return (sxy / sxx, total / count) if sxx else (-inf, inf)


def _day_ms(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
