"""What the incident pages say: the morning's list, the equipment to blame, one incident with its sites."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.faults import FAULTS, FaultCode
from cloud.dashboard import fleet_view, formats, incident_words, words
from cloud.ports import Incident, IncidentEntry, IncidentSite, Site

MAX_EQUIPMENT: Final = 5
_CLOSED: Final = ("fixed", "dismissed")


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One row of the list. `device` is empty unless it is about one site."""

    id: str
    title: str
    meaning: str
    severity: str
    action: str
    action_text: str
    action_meaning: str
    device: str
    where: str
    equipment: str
    sites: str
    why: str
    cost: str
    certainty: str
    since: str
    since_full: str
    state: str
    state_text: str
    owner: str
    note: str
    again: str
    merged_into: str


@dataclass(frozen=True, slots=True)
class Morning:
    """The figures above the list."""

    visits: int
    cost: str
    urgent: int
    remote: int
    equipment: int


@dataclass(frozen=True, slots=True)
class Blamed:
    """Equipment that incidents have in common."""

    name: str
    sites: int
    of: int
    cost: str
    id: str


@dataclass(frozen=True, slots=True)
class SiteLine:
    device: str
    name: str
    label: str
    severity: str
    equipment: str
    since: str
    since_full: str
    last: str
    active: bool
    episodes: int
    cost: str
    why: str


@dataclass(frozen=True, slots=True)
class HistoryLine:
    at: str
    at_full: str
    who: str
    what: str
    detail: str


def money(value: float) -> str:
    """
    >>> money(3.456), money(1234.4).replace(formats.THIN, "'")
    ('3.46 €', "1'234 €")
    """
    if not math.isfinite(value):
        return formats.UNKNOWN
    return f"{formats.number(value, 0 if abs(value) >= 100 else 2)} €"


def equipment_of(site: Site | None) -> str:
    """Makers, models and firmware of a site in one line."""
    if site is None:
        return ""
    texts = []
    for _, parts in sorted(site.equipment.items()):
        firmware = parts.get("firmware", "")
        told = (parts.get("maker", ""), parts.get("model", ""), f"({firmware})" if firmware else "")
        texts.append(" ".join(part for part in told if part))
    return ", ".join(text for text in texts if text)


def lines(found: Sequence[Incident], sites: Mapping[str, Site], now_ms: int) -> list[IncidentLine]:
    """The list, in its order."""
    return [line(one, sites, now_ms) for one in found]


def line(one: Incident, sites: Mapping[str, Site], now_ms: int) -> IncidentLine:
    """One incident in words."""
    site = sites.get(one.subject) if one.kind == "site" else None
    zone = formats.zone_of(site.timezone if site is not None else "UTC")
    return IncidentLine(
        id=one.id,
        title=incident_words.title_of(one),
        meaning=words.fault_words(one.code).meaning,
        severity=words.severity_class(one.severity),
        action=one.action,
        action_text=incident_words.ACTION_WORDS.get(one.action, one.action),
        action_meaning=incident_words.ACTION_MEANING.get(one.action, ""),
        device=one.subject if site is not None else "",
        where=fleet_view.title_of(site) if site is not None else one.subject,
        equipment=equipment_of(site),
        sites=_sites(one),
        why=_why(one),
        cost=money(one.cost_per_day) if one.active else formats.UNKNOWN,
        certainty=formats.percent(one.certainty),
        since=formats.duration(now_ms - one.first_ms),
        since_full=formats.full_time(one.first_ms, zone),
        state=one.state,
        state_text=incident_words.STATE_WORDS.get(one.state, one.state),
        owner=one.owner,
        note=_note(one, now_ms),
        again=f"came back {one.reopened} ×" if one.reopened else "",
        merged_into=one.merged_into,
    )


def _sites(one: Incident) -> str:
    if one.kind == "site":
        return ""
    sites = f"{one.sites} {'site' if one.sites == 1 else 'sites'}"
    now = f"{one.active_sites} of {sites} still" if one.active_sites < one.sites else sites
    return now if one.active else f"{sites}, over"


def _why(one: Incident) -> str:
    """Evidence as a person reads it: signals by their labels."""
    text = ", ".join(_plain_parts(one.why))
    return text[:1].upper() + text[1:]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _note(one: Incident, now_ms: int) -> str:
    if one.quiet_until_ms is not None and one.quiet_until_ms > now_ms:
        until = formats.clock_text(one.quiet_until_ms, formats.zone_of("UTC"), now_ms)
        return f"Quiet until {until}: if it is still there then, it comes back."
    return one.note


def morning(found: Sequence[Incident]) -> Morning:
    """The figures of all that is open."""
    live = [one for one in found if one.active and one.state not in _CLOSED]
    visit = [one for one in live if one.action == "visit"]
    return Morning(
        visits=len({one.subject for one in visit}),
        cost=money(math.fsum(one.cost_per_day for one in live)),
        urgent=len({one.subject for one in visit if one.severity == "critical"}),
        remote=sum(one.action == "remote" for one in live),
        equipment=sum(one.action == "maker" for one in live),
    )


def blamed(found: Sequence[Incident], sites: Mapping[str, Site]) -> list[Blamed]:
    """Equipment with the most open incidents and the most money, that which is blamed outright first."""
    counts: dict[str, list[Incident]] = defaultdict(list)
    outright: dict[str, Incident] = {}
    for one in found:
        if one.kind == "equipment":
            outright[one.subject] = one
            counts[one.subject].append(one)
        elif one.kind == "site" and one.subject in sites:
            for name in _named(sites[one.subject]):
                counts[name].append(one)
    fleet = Counter(name for site in sites.values() for name in (*_named(site), *_models(site)))
    common = {name: part for name, part in counts.items() if len(part) > 1 or name in outright}
    rows = [_blamed(name, part, fleet[name], outright.get(name)) for name, part in common.items()]
    return sorted(rows, key=lambda row: (not row.id, -row.sites / max(row.of, 1), row.name))[:MAX_EQUIPMENT]


def _named(site: Site) -> list[str]:
    """As an incident of equipment calls it."""
    names = []
    for parts in site.equipment.values():
        maker, model, firmware = (parts.get(key, "") for key in ("maker", "model", "firmware"))
        if maker and model:
            names.append(f"{maker} {model}" + (f", firmware {firmware}" if firmware else ""))
    return sorted(set(names))


def _models(site: Site) -> list[str]:
    """Without its firmware, as an incident of a whole model calls it."""
    return sorted({name.partition(", firmware ")[0] for name in _named(site)} - set(_named(site)))


def _blamed(name: str, part: Sequence[Incident], of: int, outright: Incident | None) -> Blamed:
    return Blamed(
        name=name,
        sites=sum(one.active_sites for one in part),
        of=of,
        cost=money(math.fsum(one.cost_per_day for one in part if one.active)),
        id="" if outright is None else outright.id,
    )


def site_lines(rows: Sequence[IncidentSite], sites: Mapping[str, Site], now_ms: int) -> list[SiteLine]:
    """What each site shows, those that still do first, the dearest of them first."""
    ordered = sorted(rows, key=lambda row: (not row.active, -row.cost_per_day, row.first_ms, row.device))
    return [_site_line(row, sites.get(row.device), now_ms) for row in ordered]


def _site_line(row: IncidentSite, site: Site | None, now_ms: int) -> SiteLine:
    zone = formats.zone_of(site.timezone if site is not None else "UTC")
    text = words.fault_words(row.code)
    return SiteLine(
        device=row.device if site is not None else "",
        name=fleet_view.title_of(site) if site is not None else row.device,
        label=text.label,
        severity=fault_severity(row.code),
        equipment=equipment_of(site),
        since=formats.clock_text(row.first_ms, zone, now_ms),
        since_full=formats.full_time(row.first_ms, zone),
        last="still there" if row.active else f"last seen {formats.ago(row.last_ms, now_ms)}",
        active=row.active,
        episodes=row.episodes,
        cost=money(row.cost_per_day),
        why=", ".join(_plain_parts(row.why)),
    )


def _plain_parts(why: str) -> list[str]:
    found = []
    for part in why.split(", "):
        name, _, value = part.partition(" ")
        number = _number(value)
        found.append(part if number is None else f"{words.evidence_words(name)} {formats.with_unit(name, number)}")
    return found


def fault_severity(code: str) -> str:
    """The severity that the project gives a code."""
    known = FAULTS.get(FaultCode(code)) if code in FaultCode.__members__.values() else None
    return words.severity_class("" if known is None else str(known.severity))


def history_lines(entries: Sequence[IncidentEntry], now_ms: int) -> list[HistoryLine]:
    """Newest first, in UTC: people of one company sit in more than one zone."""
    zone = formats.zone_of("UTC")
    found = []
    for entry in reversed(entries):
        what, detail = incident_words.happened(entry.what, entry.detail)
        found.append(
            HistoryLine(
                at=formats.clock_text(entry.at_ms, zone, now_ms),
                at_full=formats.full_time(entry.at_ms, zone),
                who=entry.who,
                what=what,
                detail=", ".join(_plain_parts(detail)) if entry.what == "opened" else detail,
            )
        )
    return found
