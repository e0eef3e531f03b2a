"""The fleet page's content: what each row says, which rows there are, and in what order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from agent.domain import signals as sg
from agent.domain.faults import Severity
from cloud.dashboard import formats, words
from cloud.ports import ActiveFault, Site

# A little more than the quarter of an hour in which a device reports when it is left to itself.
STALE_AFTER_MS: Final = 20 * formats.MINUTE_MS
_POWER: Final = frozenset({sg.PV_POWER, sg.BATTERY_POWER, sg.GRID_POWER, sg.BATTERY_SOC})
_HEAT: Final = frozenset({sg.FLOW_TEMPERATURE, sg.ROOM_TEMPERATURE, sg.DHW_TEMPERATURE, sg.BURNER_ON})


Show = Literal["all", "faults", "critical", "online", "offline", "silent", "never", "solar", "heating"]
Sort = Literal["attention", "state", "name", "kind", "faults", "failures", "mtbf", "equipment", "contact"]
Order = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Live:
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class FaultBadge:
    label: str
    meaning: str
    severity: str
    since: str
    since_full: str


@dataclass(frozen=True, slots=True)
class Row:
    """One site as the table shows it."""

    device: str
    name: str
    state: str
    state_text: str
    facts: tuple[str, ...]
    faults: tuple[FaultBadge, ...]
    live: tuple[Live, ...]
    stale: bool
    failures: int
    mtbf: str
    equipment: tuple[str, ...]
    contact: str
    contact_full: str


@dataclass(frozen=True, slots=True)
class Counts:
    sites: int
    online: int
    faulty: int
    critical: int


@dataclass(frozen=True, slots=True)
class Query:
    """What the table was asked to show."""

    text: str = ""
    show: Show = "all"
    sort: Sort = "attention"
    descending: bool = False


def title_of(site: Site) -> str:
    """A site's name, or its id while it has none."""
    return site.name.strip() or site.device


def kinds_of(site: Site) -> tuple[str, ...]:
    """ "solar", "heating", both, or nothing yet: by the signals that it has or should have."""
    seen = {*site.last_values, *site.last_bad}
    return tuple(kind for kind, names in (("solar", _POWER), ("heating", _HEAT)) if seen & names)


def is_stale(site: Site, now_ms: int) -> bool:
    """Whether its last reading no longer tells how the site is now."""
    return site.last_at_ms is None or site.online is False or now_ms - site.last_at_ms > STALE_AFTER_MS


def by_severity(faults: Sequence[ActiveFault]) -> list[ActiveFault]:
    """Most severe first, the longest of them first."""
    return sorted(faults, key=lambda fault: (words.severity_rank(fault.severity), fault.start_ms))


def worst_rank(site: Site) -> int:
    return min((words.severity_rank(fault.severity) for fault in site.active_faults), default=words.NO_FAULT_RANK)


def counts(sites: Sequence[Site], now_ms: int) -> Counts:
    critical = words.severity_rank(Severity.CRITICAL)
    return Counts(
        sites=len(sites),
        online=sum(site.state(now_ms) == "online" for site in sites),
        faulty=sum(bool(site.active_faults) for site in sites),
        critical=sum(worst_rank(site) == critical for site in sites),
    )


def rows(sites: Sequence[Site], query: Query, now_ms: int) -> list[Row]:
    """The rows that `query` asks for, in its order."""
    chosen = [site for site in sites if _shown(site, query.show, now_ms) and _found(site, query.text, now_ms)]
    key = SORTS[query.sort]
    chosen.sort(key=lambda site: (title_of(site).casefold(), site.device))
    chosen.sort(key=lambda site: key(site, now_ms), reverse=query.descending)
    return [_row(site, now_ms) for site in chosen]


def _attention(site: Site, now_ms: int) -> tuple[int, int, int]:
    """Faults first by severity and age, then who is offline or silent, then who never came."""
    since = min((fault.start_ms for fault in site.active_faults), default=0)
    return worst_rank(site), {"offline": 0, "silent": 0, "never": 1, "online": 2}[site.state(now_ms)], since


def _mtbf_key(site: Site) -> tuple[int, float]:
    """Shortest first; sites without a failure by their bound behind all that had one; no figure last."""
    if site.mtbf_hours is not None:
        return 0, site.mtbf_hours
    return (2, 0.0) if site.mtbf_low_hours is None else (1, site.mtbf_low_hours)


SORTS: Final[dict[Sort, Callable[[Site, int], Any]]] = {
    "attention": _attention,
    "state": lambda site, now_ms: ("never", "offline", "silent", "online").index(site.state(now_ms)),
    "name": lambda site, _: title_of(site).casefold(),
    "kind": lambda site, _: kinds_of(site),
    "faults": lambda site, _: (worst_rank(site), -len(site.active_faults)),
    "failures": lambda site, _: -site.failures,
    "mtbf": lambda site, _: _mtbf_key(site),
    "equipment": lambda site, _: [text.casefold() for text in _equipment(site)],
    "contact": lambda site, _: site.last_contact_ms,
}


def _shown(site: Site, show: Show, now_ms: int) -> bool:
    if show == "faults":
        return bool(site.active_faults)
    if show == "critical":
        return worst_rank(site) == 0
    if show in words.STATE_WORDS:
        return site.state(now_ms) == show
    if show in ("solar", "heating"):
        return show in kinds_of(site)
    return True


def _found(site: Site, text: str, now_ms: int) -> bool:
    """Whether every word of `text` occurs in what the row says."""
    said = [site.device, site.name, site.timezone, site.state(now_ms), *kinds_of(site), *_equipment(site)]
    said += [part for fault in site.active_faults for part in (fault.code, words.fault_words(fault.code).label)]
    whole = " ".join(said).casefold()
    return all(word in whole for word in text.casefold().split())


def _row(site: Site, now_ms: int) -> Row:
    zone = formats.zone_of(site.timezone)
    return Row(
        device=site.device,
        name=title_of(site),
        state=site.state(now_ms),
        state_text=words.STATE_WORDS[site.state(now_ms)],
        facts=(*((site.device,) if title_of(site) != site.device else ()), *kinds_of(site)),
        faults=tuple(badge(fault, site, now_ms) for fault in by_severity(site.active_faults)),
        live=live_values(site),
        stale=is_stale(site, now_ms),
        failures=site.failures,
        mtbf=formats.mtbf(site.mtbf_hours, site.mtbf_low_hours),
        equipment=_equipment(site),
        contact=formats.ago(site.last_contact_ms, now_ms),
        contact_full=formats.full_time(site.last_contact_ms, zone),
    )


def badge(fault: ActiveFault, site: Site, now_ms: int) -> FaultBadge:
    zone = formats.zone_of(site.timezone)
    text = words.fault_words(fault.code)
    return FaultBadge(
        label=text.label,
        meaning=text.meaning,
        severity=words.severity_class(fault.severity),
        since=formats.duration(now_ms - fault.start_ms),
        since_full=formats.full_time(fault.start_ms, zone),
    )


def live_values(site: Site) -> tuple[Live, ...]:
    """The few values that tell a fleet manager how the site is."""
    found: list[Live] = []
    values = site.last_values
    kinds = kinds_of(site)
    if "solar" in kinds:
        found += [
            Live("Solar", formats.watts(values.get(sg.PV_POWER))),
            Live("House", formats.watts(values.get(sg.LOAD_POWER))),
        ]
        if sg.BATTERY_SOC in values or sg.BATTERY_SOC in site.last_bad:
            soc = values.get(sg.BATTERY_SOC)
            found.append(Live("Battery", formats.UNKNOWN if soc is None else f"{formats.number(soc)} %"))
    if "heating" in kinds:
        found += [
            Live("Flow", formats.celsius(values.get(sg.FLOW_TEMPERATURE))),
            Live("Room", formats.celsius(values.get(sg.ROOM_TEMPERATURE))),
        ]
    return tuple(found)


def _equipment(site: Site) -> tuple[str, ...]:
    """Maker, model and firmware of each source."""
    texts = []
    for _, parts in sorted(site.equipment.items()):
        firmware = parts.get("firmware", "")
        told = [parts.get("maker", ""), parts.get("model", ""), f"({firmware})" if firmware else ""]
        texts.append(" ".join(part for part in told if part))
    return tuple(text for text in texts if text)
