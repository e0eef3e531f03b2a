"""A book of incidents in memory, and incidents to put into it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from agent.domain.twin import StaleVersion
from cloud.ports import EquipmentSpan, Incident, IncidentEntry, IncidentSite, Lesson, Regrouping
from tests.helpers.incidents import DAY_MS, NOW_MS


@dataclass
class Book:
    """A working `IncidentBook`. `in_between` is called once before the next regrouping is written."""

    rows: dict[str, Incident] = field(default_factory=dict)
    site_rows: dict[tuple[str, str, str], IncidentSite] = field(default_factory=dict)
    entries: list[IncidentEntry] = field(default_factory=list)
    lesson_rows: dict[str, Lesson] = field(default_factory=dict)
    spans: list[EquipmentSpan] = field(default_factory=list)
    meanwhile: list[Incident] = field(default_factory=list)

    def incidents(self) -> list[Incident]:
        return sorted(self.rows.values(), key=lambda one: (-one.score, -one.last_ms, one.id))

    def incident(self, name: str) -> Incident | None:
        return self.rows.get(name)

    def incident_sites(self, name: str | None = None) -> list[IncidentSite]:
        return [row for key, row in sorted(self.site_rows.items()) if name in (None, key[0])]

    def incident_history(self, name: str) -> list[IncidentEntry]:
        return [entry for entry in self.entries if entry.incident == name]

    def lessons(self, now_ms: int) -> list[Lesson]:
        return [lesson for _, lesson in sorted(self.lesson_rows.items()) if lesson.until_ms > now_ms]

    def equipment_spans(self) -> list[EquipmentSpan]:
        return list(self.spans)

    def write_incident(
        self, incident: Incident, expected: int, entries: Sequence[IncidentEntry], lesson: Lesson | None, forget: bool
    ) -> None:
        self._check({incident.id: expected})
        self.rows[incident.id] = incident
        self._remember(entries)
        if forget or lesson is not None:
            self.lesson_rows.pop(incident.id, None)
        if lesson is not None:
            self.lesson_rows[incident.id] = lesson

    def regroup(self, changes: Regrouping) -> None:
        for one in self.meanwhile:
            self.rows[one.id] = one
        self.meanwhile = []
        self._check(changes.expected)
        self.rows |= {one.id: one for one in changes.incidents}
        self.site_rows |= {(row.incident, row.device, row.code): row for row in changes.sites}
        self._remember(changes.entries)
        self.spans += changes.spans

    def _check(self, expected: dict[str, int]) -> None:
        for name, version in expected.items():
            present = self.rows[name].version
            if present != version:
                raise StaleVersion(version, present)

    def _remember(self, entries: Sequence[IncidentEntry]) -> None:
        for entry in entries:
            number = len(self.incident_history(entry.incident)) + 1
            self.entries.append(msgspec.structs.replace(entry, number=number))


def an_incident(**fields: object) -> Incident:
    """A home without heat since a day."""
    incident = Incident(
        id="i-1",
        kind="site",
        key="site|home-00001|heat",
        cause="heat",
        code="no_heat",
        codes=["no_heat"],
        subject="home-00001",
        maker="",
        model="",
        firmware="",
        severity="critical",
        action="visit",
        first_ms=NOW_MS - DAY_MS,
        last_ms=NOW_MS - DAY_MS,
        active=True,
        sites=1,
        active_sites=1,
        cost_per_day=60.0,
        certainty=0.95,
        score=76.0,
        why="flow_temperature 24.1",
        note="",
        state="new",
        owner="",
        comment="",
        version=1,
        state_ms=NOW_MS - DAY_MS,
        opened_ms=NOW_MS - DAY_MS,
        reopened=0,
        quiet_until_ms=None,
        merged_into="",
    )
    return msgspec.structs.replace(incident, **fields)
