"""What ingest, API and pages need of the store: devices, their series, faults and twins."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from agent.domain.twin import Twin
from agent.domain.wire import Ack

State = Literal["online", "offline", "silent", "never"]
# A device left to itself sends a batch every 2 hours and its twin every 6: this is twice its longest silence.
SILENT_AFTER_MS: Final = 12 * 3_600_000


class Clock(Protocol):
    """The only place this program reads time from."""

    def now_ms(self) -> int:
        """Wall clock, ms since 1970-01-01T00:00:00Z."""
        ...


class Arrival(msgspec.Struct, frozen=True):
    """One message as it came in; `device` is the topic's. A `retained` one was sent before, nobody knows when."""

    device: str
    payload: bytes
    received_ms: int
    retained: bool = False


class Reported(msgspec.Struct, frozen=True):
    """What became of reported twins: devices whose `whole` document is needed, and how many were put aside."""

    whole: list[str]
    aside: int


class Told(msgspec.Struct, frozen=True):
    """What became of statuses: devices that have just come `online`, and how many messages were put aside."""

    online: list[str]
    aside: int


class FleetWriter(Protocol):
    """What ingest needs of the store. Each call is one transaction; it returns after the commit."""

    def apply(self, arrivals: Sequence[Arrival]) -> list[tuple[str, Ack]]:
        """Apply each message exactly once in effect, put aside what is unusable, and say where each device stands.

        One acknowledgement per device that sent something readable or whose epoch is known.
        """
        ...

    def reports(self, arrivals: Sequence[Arrival]) -> Reported:
        """Apply reported twins in their order; what cannot be read is put aside."""
        ...

    def statuses(self, arrivals: Sequence[Arrival]) -> Told:
        """Apply statuses in their order; what cannot be read is put aside."""
        ...

    def quarantine(self, device: str | None, topic: str, payload: bytes, reason: str, received_ms: int) -> None:
        """Keep a message that could not be read, with its reason."""
        ...

    def standings(self, devices: Collection[str] | None = None) -> list[tuple[str, Ack]]:
        """Where these devices, or all, stand in the epoch they wrote last: what to tell whoever was away."""
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

    def state(self, now_ms: int) -> State:
        """ "silent" is one that said it was online and has not been heard of for longer than it could be quiet."""
        if self.online is None:
            return "never"
        if not self.online:
            return "offline"
        return "silent" if now_ms - self.last_contact_ms > SILENT_AFTER_MS else "online"


class BrokerLine(Protocol):
    """Whether the aggregator hears its broker at the moment; None where it has none."""

    def __call__(self) -> bool | None: ...


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

    def others(self, device: str, kind: str, limit: int = 100) -> list[tuple[int, bytes]]:
        """Records of a kind that has no table of its own, newest first: when, and the body as it came."""
        ...

    def quarantined(self, limit: int = 100) -> list[QuarantineRow]: ...
