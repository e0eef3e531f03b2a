"""Faults over the fleet, messages put aside, and whether the aggregator is well."""

from typing import Annotated

from fastapi import APIRouter, Query

from cloud.api.asked import known_code
from cloud.api.models import Fault, FaultPage, Health, QuarantineList, QuarantineOut
from cloud.api.params import MAX_ROWS, Broker, From, Limit, Now, Offset, Reader, Until, iso, known, read_time
from cloud.api.problems import invalid

router = APIRouter(tags=["fleet"])

DeviceQuery = Annotated[str | None, Query(max_length=128, description="Device id")]
CodeQuery = Annotated[str | None, Query(max_length=64, description="Fault code")]


@router.get("/faults", openapi_extra={"x-example": "/faults?active=true"})
def faults(
    reader: Reader,
    device: DeviceQuery = None,
    code: CodeQuery = None,
    active: Annotated[bool | None, Query(description="Only those that last, or only those that ended")] = None,
    start: From = None,
    end: Until = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> FaultPage:
    """Faults, newest first. A period selects those that overlap it."""
    if device is not None:
        known(reader, device)
    if code is not None:
        known_code(reader, "code", code)
    if offset + limit > MAX_ROWS:
        raise invalid("offset", offset, f"offset + limit of at most {MAX_ROWS}; narrow the period instead")
    start_ms = None if start is None else read_time("from", start)
    end_ms = None if end is None else read_time("to", end)
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        raise invalid("from", start, f"a time before `to` ({iso(end_ms)})")
    rows = reader.faults(
        device=device, code=code, active=active, start_ms=start_ms, end_ms=end_ms, limit=offset + limit + 1
    )
    following = offset + limit if len(rows) > offset + limit else None
    part = [Fault.of(row) for row in rows[offset : offset + limit]]
    return FaultPage(limit=limit, offset=offset, next=following, items=part)


@router.get("/quarantine", openapi_extra={"x-example": "/quarantine?limit=20"})
def quarantine(reader: Reader, limit: Limit = 100) -> QuarantineList:
    """Messages that could not be read, newest first, with the reason."""
    return QuarantineList(items=[QuarantineOut.of(row) for row in reader.quarantined(limit)])


@router.get("/health", openapi_extra={"x-example": "/health"})
def health(reader: Reader, clock: Now, broker: Broker) -> Health:
    """200 when the database answers, 503 when it does not."""
    sites, now_ms, heard = reader.sites(), clock.now_ms(), broker()
    return Health(
        status="degraded" if heard is False else "ok",
        database="reachable",
        broker="none" if heard is None else ("connected" if heard else "away"),
        devices=len(sites),
        online=sum(site.state(now_ms) == "online" for site in sites),
        time=iso(now_ms),
    )
