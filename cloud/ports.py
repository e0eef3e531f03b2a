"""The seams of the aggregator, on one page. Every part knows these and `agent.domain`, never another part."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from agent.domain.twin import Twin, TwinMessage
from agent.domain.wire import Ack, Status


class Clock(Protocol):
    """The only place this program reads time from."""

    def now_ms(self) -> int:
        """Wall clock, ms since 1970-01-01T00:00:00Z."""
        ...


class Arrival(msgspec.Struct, frozen=True):
    """One `up` message as it came in; `device` is the topic's."""

    device: str
    payload: bytes
    received_ms: int


class FleetWriter(Protocol):
    """What ingest needs of the store. Each call is one transaction; it returns after the commit."""

    def apply(self, arrivals: Sequence[Arrival]) -> list[tuple[str, Ack]]:
        """Apply each message exactly once in effect, put aside what is unusable, and say where each device stands.

        One acknowledgement per device that sent something readable or whose epoch is known.
        """
        ...

    def report(self, device: str, message: TwinMessage, received_ms: int) -> bool:
        """Apply a reported twin. False when the whole document is needed first."""
        ...

    def status(self, device: str, status: Status, received_ms: int) -> None: ...

    def quarantine(self, device: str | None, topic: str, payload: bytes, reason: str, received_ms: int) -> None:
        """Keep a message that could not be read, with its reason."""
        ...

    def standings(self) -> list[tuple[str, Ack]]:
        """Where every device stands in the epoch it wrote last: what to tell them after the aggregator was away."""
        ...

    def desired(self) -> list[tuple[str, Twin]]:
        """Every desired twin that is not empty."""
        ...


class ActiveFault(msgspec.Struct, frozen=True):
    id: str
    code: str
    severity: str
    component: str
    start_ms: int


class Site(msgspec.Struct, frozen=True):
    """One device as the fleet table shows it. `online` is None before its first status.

    `equipment` is source name → maker, model, serial, firmware. `mtbf_hours` is the time the site was watched over
    the failures of all codes, with its lower 95 % bound; `mtbf_hours` is None while there was no failure.
    `backlog` counts unacknowledged records.
    """

    device: str
    name: str
    timezone: str
    latitude: float | None
    longitude: float | None
    online: bool | None
    first_seen_ms: int
    last_contact_ms: int
    agent_version: str
    equipment: dict[str, dict[str, str]]
    last_at_ms: int | None
    last_values: dict[str, float]
    last_bad: dict[str, str]
    active_faults: list[ActiveFault]
    failures: int
    mtbf_hours: float | None
    mtbf_low_hours: float | None
    backlog: int | None


class SeriesPoint(msgspec.Struct, frozen=True):
    """One signal over one step. `mean` is None where there was no good sample; `n` counts them, `bad` the others."""

    start_ms: int
    mean: float | None
    low: float | None
    high: float | None
    last: float | None
    n: int
    bad: int


class FaultRow(msgspec.Struct, frozen=True):
    id: str
    device: str
    code: str
    severity: str
    component: str
    start_ms: int
    end_ms: int | None
    failing_s: float
    evidence: dict[str, float]
    lost_wh: float | None


class ReliabilityRow(msgspec.Struct, frozen=True):
    """Latest MTBF state of one fault code on one device, for `agent.domain.reliability`."""

    device: str
    code: str
    at_ms: int
    state: dict[str, float | int | None]


class EnergyRow(msgspec.Struct, frozen=True):
    """Lifetime counters, Wh."""

    at_ms: int
    counters: dict[str, float]
    measured: bool


class EventRow(msgspec.Struct, frozen=True):
    device: str
    at_ms: int
    name: str
    detail: dict[str, Any]


class QuarantineRow(msgspec.Struct, frozen=True):
    id: int
    device: str | None
    topic: str
    received_ms: int
    reason: str
    size: int


class FleetReader(Protocol):
    """What the API and the pages need of the store. Unknown devices give None or nothing."""

    def sites(self) -> list[Site]: ...

    def site(self, device: str) -> Site | None: ...

    def twin(self, device: str) -> tuple[Twin, Twin] | None:
        """`(desired, reported)`."""
        ...

    def desire(self, device: str, patch: Mapping[str, Any], expected: int) -> Twin:
        """Merge `patch` into the desired document. Raises `StaleVersion`, `BadInput` for an unknown device."""
        ...

    def signals(self, device: str) -> list[str]:
        """Names that have ever been summarised."""
        ...

    def series(self, device: str, signal: str, start_ms: int, end_ms: int, step_s: int) -> list[SeriesPoint]:
        """Points whose start lies in `start_ms` ≤ t < `end_ms`, joined to steps of `step_s` seconds, in order."""
        ...

    def faults(
        self,
        *,
        device: str | None = None,
        code: str | None = None,
        active: bool | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[FaultRow]:
        """Newest first; a period selects faults that overlap it."""
        ...

    def reliability(self, *, device: str | None = None, code: str | None = None) -> list[ReliabilityRow]: ...

    def energy(self, device: str, start_ms: int, end_ms: int) -> list[EnergyRow]: ...

    def events(self, device: str, limit: int = 100) -> list[EventRow]: ...

    def quarantined(self, limit: int = 100) -> list[QuarantineRow]: ...


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


class JobRun(msgspec.Struct, frozen=True):
    """One run. `state` is running, done, failed, crashed or stopped; `reason` is schedule, manual or retry."""

    id: int
    job: str
    state: str
    reason: str
    who: str
    attempt: int
    started_ms: int
    ended_ms: int | None
    exit: int | None
    message: str


class JobInfo(msgspec.Struct, frozen=True):
    """One job as lists show it. `next_ms` is None for one that is only started by hand."""

    name: str
    purpose: str
    schedule: str
    next_ms: int | None
    last: JobRun | None


class RunBook(Protocol):
    """What jobs need of the store. Each call that writes is one transaction."""

    def begin_run(self, job: str, reason: str, who: str, attempt: int, now_ms: int) -> JobRun: ...

    def end_run(self, number: int, state: str, status: int | None, message: str, now_ms: int) -> None: ...

    def runs(self, job: str | None = None, *, state: str | None = None, limit: int = 100) -> list[JobRun]: ...

    def run(self, number: int) -> JobRun | None: ...


class JobDesk(Protocol):
    """What API and pages need of jobs. Unknown names give None or nothing."""

    def jobs(self) -> list[JobInfo]: ...

    def runs(self, job: str | None = None, limit: int = 50) -> list[JobRun]: ...

    def run(self, number: int) -> JobRun | None: ...

    def start(self, job: str, who: str) -> None:
        """At once. Raises `BadInput` for an unknown job, `Transient` when it is running."""

    def files(self, number: int) -> list[tuple[str, int]]: ...

    def path(self, number: int, name: str) -> str | None:
        """Where a result file lies on this machine."""

    def log(self, number: int, limit: int = 65_536) -> str:
        """The end of what the run printed, at most `limit` bytes."""
