"""What the endpoints answer. Times are ISO 8601 UTC with Z; powers in W, energies in Wh, temperatures in °C."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from cloud.api.params import finite, iso, iso_or_none
from cloud.ports import ActiveFault, EnergyRow, EventRow, FaultRow, QuarantineRow, SeriesPoint, Site, State


class Page(BaseModel):
    """Where an answer lies in the whole list. `next` is the offset of the next page, null on the last."""

    limit: int
    offset: int
    next: int | None


class ActiveFaultOut(BaseModel):
    id: str
    code: str
    severity: str
    component: str
    start: str

    @classmethod
    def of(cls, fault: ActiveFault) -> "ActiveFaultOut":
        return cls(
            id=fault.id,
            code=fault.code,
            severity=fault.severity,
            component=fault.component,
            start=iso(fault.start_ms),
        )


class LastReading(BaseModel):
    """`values` holds good values only; `bad` says why another signal has none."""

    at: str
    age_s: float = Field(description="By the aggregator's clock")
    values: dict[str, float]
    bad: dict[str, str]


class Device(BaseModel):
    """One site. `state` is "never" until the device has announced itself once, and "silent" where it said that it was

    online and has not been heard of for 12 hours.
    """

    device: str
    name: str
    state: State
    timezone: str
    latitude: float | None
    longitude: float | None
    first_seen: str
    last_contact: str
    agent_version: str
    equipment: dict[str, dict[str, str]]
    last: LastReading | None
    faults: list[ActiveFaultOut]
    failures: int
    mtbf_hours: float | None = Field(description="Null while there was no failure")
    mtbf_low_hours: float | None = Field(description="Lower bound of the 95 % interval")
    backlog: int | None = Field(description="Records the device has not had acknowledged yet")

    @classmethod
    def of(cls, site: Site, now_ms: int) -> "Device":
        return cls(
            device=site.device,
            name=site.name,
            state=site.state(now_ms),
            timezone=site.timezone,
            latitude=site.latitude,
            longitude=site.longitude,
            first_seen=iso(site.first_seen_ms),
            last_contact=iso(site.last_contact_ms),
            agent_version=site.agent_version,
            equipment=site.equipment,
            last=_last(site, now_ms),
            faults=[ActiveFaultOut.of(fault) for fault in site.active_faults],
            failures=site.failures,
            mtbf_hours=site.mtbf_hours,
            mtbf_low_hours=site.mtbf_low_hours,
            backlog=site.backlog,
        )


def _last(site: Site, now_ms: int) -> LastReading | None:
    if site.last_at_ms is None:
        return None
    age_s = (now_ms - site.last_at_ms) / 1000
    return LastReading(at=iso(site.last_at_ms), age_s=age_s, values=finite(site.last_values), bad=site.last_bad)


class DevicePage(Page):
    total: int
    items: list[Device]


class TwinHalf(BaseModel):
    version: int
    doc: dict[str, Any]


class TwinOut(BaseModel):
    desired: TwinHalf
    reported: TwinHalf


class SignalOut(BaseModel):
    signal: str
    unit: str
    kind: str
    meaning: str


class SignalList(BaseModel):
    items: list[SignalOut]


class Point(BaseModel):
    """One step. The four values are null where there was no good sample; `bad` counts the samples without a value."""

    at: str
    mean: float | None
    low: float | None
    high: float | None
    last: float | None
    n: int
    bad: int

    @classmethod
    def of(cls, point: SeriesPoint) -> "Point":
        return cls(
            at=iso(point.start_ms),
            mean=point.mean,
            low=point.low,
            high=point.high,
            last=point.last,
            n=point.n,
            bad=point.bad,
        )


class Series(BaseModel):
    device: str
    signal: str
    unit: str
    start: str
    end: str
    step_s: int
    points: list[Point]


class Fault(BaseModel):
    """`end` is null while it lasts. `failing_s` is the time it was seen failing."""

    id: str
    device: str
    code: str
    severity: str
    component: str
    active: bool
    start: str
    end: str | None
    failing_s: float
    evidence: dict[str, float]
    lost_wh: float | None

    @classmethod
    def of(cls, row: FaultRow) -> "Fault":
        return cls(
            id=row.id,
            device=row.device,
            code=row.code,
            severity=row.severity,
            component=row.component,
            active=row.end_ms is None,
            start=iso(row.start_ms),
            end=iso_or_none(row.end_ms),
            failing_s=row.failing_s,
            evidence=finite(row.evidence),
            lost_wh=row.lost_wh,
        )


class FaultPage(Page):
    items: list[Fault]


class EnergyPoint(BaseModel):
    at: str
    measured: bool = Field(description="False where the counters are integrals of power")
    counters: dict[str, float] = Field(description="Lifetime counters, Wh")

    @classmethod
    def of(cls, row: EnergyRow) -> "EnergyPoint":
        return cls(at=iso(row.at_ms), measured=row.measured, counters=finite(row.counters))


class EnergyOut(BaseModel):
    """`totals` is what each counter gained in the period, Wh, a counter that began again counted from 0."""

    device: str
    start: str
    end: str
    totals: dict[str, float]
    thinned: bool = Field(description="True when not every row of the period is in `points`")
    points: list[EnergyPoint]


class EventOut(BaseModel):
    device: str
    at: str
    name: str
    detail: dict[str, Any]

    @classmethod
    def of(cls, row: EventRow) -> "EventOut":
        return cls(device=row.device, at=iso(row.at_ms), name=row.name, detail=row.detail)


class EventList(BaseModel):
    items: list[EventOut]


class QuarantineOut(BaseModel):
    """A message that was put aside. `device` is null where the topic named none."""

    id: int
    device: str | None
    topic: str
    received: str
    reason: str
    size: int

    @classmethod
    def of(cls, row: QuarantineRow) -> "QuarantineOut":
        return cls(
            id=row.id,
            device=row.device,
            topic=row.topic,
            received=iso(row.received_ms),
            reason=row.reason,
            size=row.size,
        )


class QuarantineList(BaseModel):
    items: list[QuarantineOut]


class Health(BaseModel):
    """`status` is "degraded" while the broker is away; `broker` is "none" where the aggregator has none."""

    status: Literal["ok", "degraded"]
    database: Literal["reachable"]
    broker: Literal["connected", "away", "none"]
    devices: int
    online: int
    time: str
