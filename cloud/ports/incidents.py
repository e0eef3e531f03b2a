"""What incidents need of the store, and API and pages of incidents."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Incident(msgspec.Struct, frozen=True):
    """One cause that somebody may have to deal with, whatever the number of faults and findings that show it.

    `kind` is site, equipment, region or clock; `key` makes it the same incident when it comes back; `action` is visit,
    remote, maker or wait; `score` orders a morning's list. `version` counts people's changes; `note`: what one taught.
    """

    id: str
    kind: str
    key: str
    cause: str
    code: str
    codes: list[str]
    subject: str
    maker: str
    model: str
    firmware: str
    severity: str
    action: str
    first_ms: int
    last_ms: int
    active: bool
    sites: int
    active_sites: int
    cost_per_day: float
    certainty: float
    score: float
    why: str
    note: str
    state: str
    owner: str
    comment: str
    version: int
    state_ms: int
    opened_ms: int
    reopened: int
    quiet_until_ms: int | None
    merged_into: str


class IncidentSite(msgspec.Struct, frozen=True):
    """What one site shows of an incident: one fault code, from its first start to its last sign."""

    incident: str
    device: str
    code: str
    first_ms: int
    last_ms: int
    active: bool
    episodes: int
    cost_per_day: float
    certainty: float
    why: str


class IncidentEntry(msgspec.Struct, frozen=True):
    """One line of an incident's history. `what` is opened, state, owner, comment, reopened, merged or parted."""

    incident: str
    number: int
    at_ms: int
    who: str
    what: str
    detail: str


class Lesson(msgspec.Struct, frozen=True):
    """What a dismissal teaches: `cause` at `subject` (device, or maker|model|firmware) is no news for a time."""

    incident: str
    scope: str
    subject: str
    cause: str
    until_ms: int
    who: str
    reason: str


class EquipmentSpan(msgspec.Struct, frozen=True):
    """Equipment of a site since `since_ms`; 0 when nobody saw it change."""

    device: str
    source: str
    since_ms: int
    maker: str
    model: str
    firmware: str


class IncidentChange(msgspec.Struct, frozen=True):
    """What a person wants changed; None leaves a field as it is. `quiet_days` is how long a dismissal holds."""

    state: str | None = None
    owner: str | None = None
    comment: str | None = None
    quiet_days: int = 30


class Regrouping(msgspec.Struct, frozen=True):
    """Everything one run of the grouping changes. `expected` holds the version of each incident it was made on."""

    incidents: list[Incident]
    expected: dict[str, int]
    sites: list[IncidentSite]
    entries: list[IncidentEntry]
    spans: list[EquipmentSpan]


class IncidentBook(Protocol):
    """What incidents need of the store. Each call that writes is one transaction."""

    def incidents(self) -> list[Incident]: ...

    def incident(self, name: str) -> Incident | None: ...

    def incident_sites(self, name: str | None = None) -> list[IncidentSite]: ...

    def incident_history(self, name: str) -> list[IncidentEntry]:
        """In the order in which it happened."""

    def lessons(self, now_ms: int) -> list[Lesson]:
        """Those that still hold."""

    def equipment_spans(self) -> list[EquipmentSpan]: ...

    def write_incident(
        self, incident: Incident, expected: int, entries: Sequence[IncidentEntry], lesson: Lesson | None, forget: bool
    ) -> None:
        """A person's change; `forget` ends the lessons of this incident. Raises `StaleVersion`."""

    def regroup(self, changes: Regrouping) -> None:
        """Raises `StaleVersion` when an incident was changed meanwhile; then nothing is written."""


class IncidentDesk(Protocol):
    """What API and pages need of incidents."""

    def incidents(self, states: Sequence[str] = (), device: str | None = None, merged: bool = False) -> list[Incident]:
        """The highest score first. Without `states` those that are open. `merged` shows parts of others too."""

    def incident(self, name: str) -> tuple[Incident, list[IncidentSite], list[IncidentEntry]] | None: ...

    def change(self, name: str, change: IncidentChange, who: str, expected: int) -> Incident:
        """Raises `BadInput` for what cannot be, `StaleVersion` when somebody was faster."""

    def next_states(self, state: str) -> tuple[str, ...]: ...
