"""The tables below a site's charts, and the fleet's list of faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from agent.domain import signals as sg
from agent.domain.reliability import EpisodeReliability, components_of
from cloud.dashboard import formats, words
from cloud.ports import EnergyRow, EventRow, FaultRow, FleetReader, ReliabilityRow, Site

MAX_EVENTS: Final = 50
# Counters come every few minutes; the row before midnight is the one to count from.
_LEAD_MS: Final = 2 * formats.HOUR_MS
_METERED: Final = frozenset({sg.PV_ENERGY_TOTAL, sg.GRID_IMPORT_TOTAL, sg.GRID_EXPORT_TOTAL})


@dataclass(frozen=True, slots=True)
class FaultLine:
    device: str
    site: str
    code: str
    label: str
    meaning: str
    advice: str
    severity: str
    severity_text: str
    component: str
    since: str
    since_full: str
    until: str
    until_full: str
    duration: str
    active: bool
    evidence: tuple[tuple[str, str], ...]
    lost: str


@dataclass(frozen=True, slots=True)
class ReliabilityLine:
    label: str
    meaning: str
    failures: int
    exposure: str
    mtbf: str
    mttr: str
    availability: str
    at: str


@dataclass(frozen=True, slots=True)
class EnergyLine:
    label: str
    today: str
    week: str


@dataclass(frozen=True, slots=True)
class EventLine:
    at: str
    at_full: str
    label: str
    detail: str


def fault_lines(rows: Sequence[FaultRow], sites: Mapping[str, Site], now_ms: int) -> list[FaultLine]:
    """Each fault in words, in its own site's time."""
    return [_fault_line(row, sites.get(row.device), now_ms) for row in rows]


def _fault_line(row: FaultRow, site: Site | None, now_ms: int) -> FaultLine:
    zone = formats.zone_of(site.timezone if site is not None else "UTC")
    text = words.fault_words(row.code)
    severity = words.severity_class(row.severity)
    end_ms = now_ms if row.end_ms is None else row.end_ms
    return FaultLine(
        device=row.device,
        site=(site.name.strip() if site is not None else "") or row.device,
        code=row.code,
        label=text.label,
        meaning=text.meaning,
        advice=text.advice,
        severity=severity,
        severity_text=words.SEVERITY_WORDS[severity],
        component=row.component,
        since=formats.clock_text(row.start_ms, zone, now_ms),
        since_full=formats.full_time(row.start_ms, zone),
        until="still active" if row.end_ms is None else formats.clock_text(row.end_ms, zone, now_ms),
        until_full="" if row.end_ms is None else formats.full_time(row.end_ms, zone),
        duration=formats.duration(end_ms - row.start_ms),
        active=row.end_ms is None,
        evidence=tuple(
            (words.evidence_words(name), formats.with_unit(name, value)) for name, value in row.evidence.items()
        ),
        lost=formats.energy(row.lost_wh),
    )


def reliability_lines(rows: Sequence[ReliabilityRow], zone_name: str, now_ms: int) -> list[ReliabilityLine]:
    """Each code's figures, the one with most failures first. A state that cannot be read is left out."""
    zone = formats.zone_of(zone_name)
    usable = [row for row in rows if all(value is None or 0 <= value < 2**63 for value in row.state.values())]
    lines = []
    for row in usable:
        figures = EpisodeReliability.from_state(row.state).report()
        text = words.fault_words(row.code)
        low, high = figures.get("mtbf_low_hours"), figures.get("mtbf_high_hours")
        lines.append(
            ReliabilityLine(
                label=text.label,
                meaning=text.meaning,
                failures=int(figures["failures"]),
                exposure=_exposure(figures["exposure_hours"], components_of(row.state)),
                mtbf=formats.mtbf(figures.get("mtbf_hours"), low, high),
                mttr=formats.hours(figures.get("mttr_hours")),
                availability=_availability(figures),
                at=formats.clock_text(row.at_ms, zone, now_ms),
            )
        )
    return sorted(lines, key=lambda line: (-line.failures, line.label))


def _exposure(hours: float, components: int) -> str:
    """Where several signals share a code the time of one of them, and how many there are."""
    return formats.hours(hours / components) + (f" × {components}" if components > 1 else "")


def _availability(figures: Mapping[str, float | int]) -> str:
    text = formats.percent(figures.get("availability"), 1)
    if "availability_low" not in figures:
        return text
    low, high = formats.percent(figures["availability_low"], 1), formats.percent(figures["availability_high"], 1)
    return f"{text} ({low.removesuffix(' %')} … {high})"


def energy_lines(reader: FleetReader, site: Site, now_ms: int) -> tuple[list[EnergyLine], bool]:
    """What was generated and used today and in seven days, and whether all of it was measured by counters."""
    zone = formats.zone_of(site.timezone)
    midnight = formats.local(now_ms, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today_ms = int(midnight.timestamp() * 1000)
    week_ms = now_ms - 7 * formats.DAY_MS
    rows = reader.energy(site.device, week_ms - _LEAD_MS, now_ms + 1)
    today, week = (_with_house(gained_since(rows, start_ms)) for start_ms in (today_ms, week_ms))
    lines = [
        EnergyLine(label, formats.energy(today.get(name)), formats.energy(week.get(name)))
        for name, label in words.ENERGY_WORDS.items()
        if name in week or name in today
    ]
    if lines:
        lines += _shares(today, week)
    return lines, all(row.measured for row in rows)


def _with_house(gained: Mapping[str, float]) -> Mapping[str, float]:
    """With what the house used: where it has no counter of its own, what came in and did not go out again."""
    if sg.LOAD_ENERGY_TOTAL in gained or not gained.keys() >= _METERED:
        return gained
    came = gained[sg.PV_ENERGY_TOTAL] + gained[sg.GRID_IMPORT_TOTAL] + gained.get(sg.BATTERY_DISCHARGE_TOTAL, 0.0)
    went = gained[sg.GRID_EXPORT_TOTAL] + gained.get(sg.BATTERY_CHARGE_TOTAL, 0.0)
    return {**gained, sg.LOAD_ENERGY_TOTAL: max(0.0, came - went)}


def _shares(today: Mapping[str, float], week: Mapping[str, float]) -> list[EnergyLine]:
    own = [formats.percent(_own_share(part, sg.LOAD_ENERGY_TOTAL, sg.GRID_IMPORT_TOTAL)) for part in (today, week)]
    kept = [formats.percent(_own_share(part, sg.PV_ENERGY_TOTAL, sg.GRID_EXPORT_TOTAL)) for part in (today, week)]
    return [EnergyLine("Self-sufficiency", *own), EnergyLine("Self-consumption", *kept)]


def _own_share(part: Mapping[str, float], whole: str, foreign: str) -> float | None:
    if part.get(whole, 0.0) <= 0 or foreign not in part:
        return None
    return max(0.0, 1 - part[foreign] / part[whole])


def gained_since(rows: Sequence[EnergyRow], start_ms: int) -> dict[str, float]:
    """What each counter gained since `start_ms`, Wh, from the last row at or before it. A falling one began again."""
    before = [row for row in rows if row.at_ms <= start_ms]
    counted = before[-1:] + [row for row in rows if row.at_ms > start_ms]
    totals: dict[str, float] = {}
    for old, new in pairwise(counted):
        for name, value in new.counters.items():
            if name in old.counters:
                gain = value - old.counters[name]
                totals[name] = totals.get(name, 0.0) + (gain if gain >= 0 else value)
    return totals


def event_lines(rows: Sequence[EventRow], zone_name: str, now_ms: int) -> list[EventLine]:
    zone = formats.zone_of(zone_name)
    return [
        EventLine(
            at=formats.clock_text(row.at_ms, zone, now_ms),
            at_full=formats.full_time(row.at_ms, zone),
            label=words.plain(row.name),
            detail=", ".join(f"{words.plain(str(key)).lower()} {value}" for key, value in row.detail.items()),
        )
        for row in rows
    ]
