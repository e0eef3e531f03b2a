"""One run of the grouping: what is known, what is seen now, and what therefore changes. Pure.

The same symptoms at the same time change nothing the second time.
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from cloud.incidents import causes, lifecycle, scoring
from cloud.incidents.grouping import CLOCK, EQUIPMENT, REGION, SITE, Cluster, Known, group
from cloud.incidents.lessons import Taught
from cloud.incidents.places import Place
from cloud.incidents.symptoms import Symptom
from cloud.ports import EquipmentSpan, Incident, IncidentEntry, IncidentSite, Lesson, Regrouping

_ACTIONS: Final = {REGION: causes.WAIT, CLOCK: causes.WAIT, EQUIPMENT: causes.MAKER}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store holds."""

    incidents: Sequence[Incident]
    sites: Sequence[IncidentSite]
    lessons: Sequence[Lesson]


@dataclass(slots=True)
class _Run:
    now_ms: int
    taught: Taught
    rows: dict[str, list[IncidentSite]]
    changed: list[Incident] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)
    sites: list[IncidentSite] = field(default_factory=list)
    entries: list[IncidentEntry] = field(default_factory=list)

    def keep(self, old: Incident | None, new: Incident, rows: Sequence[IncidentSite], said: "Sequence[_Said]") -> None:
        if old is not None:
            self.expected[new.id] = old.version
        if new != old:
            self.changed.append(new)
        known = {(row.device, row.code): row for row in self.rows.get(new.id, ())}
        self.sites += [row for row in rows if known.get((row.device, row.code)) != row]
        self.entries += lifecycle.entries_of(new.id, said, self.now_ms)


_Said = tuple[str, str, str]


def id_of(key: str) -> str:
    """A short name for the key, the same for ever.

    >>> id_of("site|home-1|heat")
    'i-3445qfti'
    """
    return "i-" + base64.b32encode(hashlib.blake2b(key.encode(), digest_size=5).digest()).decode().lower()


def plan(
    symptoms: Sequence[Symptom],
    fleet: Mapping[str, Place],
    standing: Standing,
    spans: Sequence[EquipmentSpan],
    now_ms: int,
) -> Regrouping:
    """What this run changes; `spans` are the changes of equipment that it has seen."""
    rows: dict[str, list[IncidentSite]] = defaultdict(list)
    for row in standing.sites:
        rows[row.incident].append(row)
    by_key = {incident.key: incident for incident in standing.incidents}
    clusters = group(symptoms, fleet, [_known(one, rows[one.id]) for one in standing.incidents], now_ms)
    run = _Run(now_ms, Taught(standing.lessons, fleet), rows)
    claimed = _claims(clusters)
    for cluster in clusters:
        _meet(run, by_key.pop(cluster.key, None), cluster)
    for _, incident in sorted(by_key.items()):
        _without_sign(run, incident, claimed)
    expected = {one.id: run.expected[one.id] for one in run.changed if one.id in run.expected}
    return Regrouping(run.changed, expected, run.sites, run.entries, list(spans))


def _known(incident: Incident, rows: Sequence[IncidentSite]) -> Known:
    return Known(
        key=incident.key,
        kind=incident.kind,
        open=incident.state != lifecycle.FIXED,
        codes=frozenset(incident.codes),
        members={(row.device, row.code): (row.first_ms, row.last_ms) for row in rows},
        maker=incident.maker,
        model=incident.model,
        firmware=incident.firmware,
    )


def _claims(clusters: Sequence[Cluster]) -> dict[tuple[str, str], str]:
    """Which wider incident explains what a site shows: (device, cause) → its id."""
    return {
        (one.device, causes.family_of(one.code)): id_of(cluster.key)
        for cluster in clusters
        if cluster.kind != SITE
        for one in cluster.members
    }


def _meet(run: _Run, old: Incident | None, cluster: Cluster) -> None:
    """A cluster and the incident of its key, if there is one."""
    name = id_of(cluster.key)
    still_ms = 0 if cluster.kind in (REGION, CLOCK) else scoring.STILL_MS
    rows = scoring.joined(run.rows.get(name, ()), scoring.rows_of(name, cluster.members, run.now_ms, still_ms))
    if old is None:
        incident = _facts(_opened(cluster, name, run.now_ms), cluster, rows, run.taught)
        run.keep(None, incident, rows, [(lifecycle.PROGRAM, "opened", incident.why)])
        return
    incident = _facts(old, cluster, rows, run.taught)
    said: list[_Said] = []
    if incident.merged_into:
        incident = msgspec.structs.replace(incident, merged_into="")
        said.append((lifecycle.PROGRAM, "parted", f"from {old.merged_into}"))
    incident, more, *_ = lifecycle.revived(incident, cluster.members, run.now_ms)
    incident, rest, *_ = lifecycle.settled(incident, run.now_ms)
    run.keep(old, incident, rows, [*said, *more, *rest])


def _opened(cluster: Cluster, name: str, now_ms: int) -> Incident:
    return Incident(
        id=name,
        kind=cluster.kind,
        key=cluster.key,
        cause="",
        code="",
        codes=[],
        subject=cluster.subject,
        maker=cluster.maker,
        model=cluster.model,
        firmware=cluster.firmware,
        severity="",
        action="",
        first_ms=0,
        last_ms=0,
        active=False,
        sites=0,
        active_sites=0,
        cost_per_day=0.0,
        certainty=0.0,
        score=0.0,
        why="",
        note="",
        state=lifecycle.NEW,
        owner="",
        comment="",
        version=1,
        state_ms=now_ms,
        opened_ms=now_ms,
        reopened=0,
        quiet_until_ms=None,
        merged_into="",
    )


def _facts(incident: Incident, cluster: Cluster, rows: Sequence[IncidentSite], taught: Taught) -> Incident:
    """What the rows say; what people said stays."""
    live = [row for row in rows if row.active] or list(rows)
    code = causes.leading(row.code for row in live)
    cause = causes.family_of(code)
    action = _ACTIONS.get(incident.kind, causes.action_of(code))
    certain = scoring.certainty(live, cluster.log_chance)
    if incident.kind == EQUIPMENT and not cluster.log_chance:
        certain = incident.certainty
    lesson = taught.about(incident, cause, [row.device for row in rows])
    return msgspec.structs.replace(
        incident,
        cause=cause,
        code=code,
        codes=sorted({row.code for row in rows}),
        subject=incident.subject or cluster.subject,
        severity=scoring.severity(live),
        action=action,
        first_ms=min(row.first_ms for row in rows),
        last_ms=max(row.last_ms for row in rows),
        active=any(row.active for row in rows),
        sites=len({row.device for row in rows}),
        active_sites=len({row.device for row in rows if row.active}),
        cost_per_day=scoring.cost_per_day(rows),
        certainty=certain,
        score=scoring.score(rows, action, certain, lesson.factor),
        why=_why(incident, cluster, live),
        note=lesson.note,
    )


def _why(incident: Incident, cluster: Cluster, rows: Sequence[IncidentSite]) -> str:
    if incident.kind == SITE:
        return max(rows, key=lambda row: (row.active, row.certainty, row.last_ms, row.why)).why
    fewer = incident.why and len({one.device for one in cluster.members}) < incident.sites
    return incident.why if fewer or not cluster.why else cluster.why


def _without_sign(run: _Run, old: Incident, claimed: Mapping[tuple[str, str], str]) -> None:
    """Nothing of it was seen by itself this time: it is over, or part of something wider."""
    rows = scoring.joined(run.rows.get(old.id, ()), ())
    fields: dict[str, object] = {"active": False, "active_sites": 0, "cost_per_day": 0.0, "score": 0.0}
    said: list[_Said] = []
    wider = claimed.get((old.subject, old.cause), "") if old.kind == SITE and old.state in lifecycle.OPEN else ""
    if wider and wider != old.merged_into:
        fields["merged_into"] = wider
        said.append((lifecycle.PROGRAM, "merged", f"into {wider}"))
    incident, rest, *_ = lifecycle.settled(msgspec.structs.replace(old, **fields), run.now_ms)
    run.keep(old, incident, rows, [*said, *rest])
