"""Energy by the site's own periods, and what its devices expect to need somebody."""

from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from agent.domain.energy_periods import Span, bounds, by_period
from agent.domain.errors import BadMessage
from agent.domain.maintenance import MAINTENANCE, maintenance_of
from cloud.api.params import DAY_MS, From, Limit, Now, Reader, Until, finite, iso, known, period
from cloud.api.problems import invalid

router = APIRouter(tags=["history"])

MOST_PERIODS = 400
MOST_DAYS = 4_000
Device = Annotated[str, Query(min_length=1, max_length=128, description="Device id")]


class EnergyPeriod(BaseModel):
    """Wh that each counter gained from `start` to `end`."""

    start: str
    end: str
    wh: dict[str, float]


class EnergyPeriods(BaseModel):
    device: str
    by: Span
    timezone: str
    periods: list[EnergyPeriod]


@router.get("/energy/periods", openapi_extra={"x-example": "/energy/periods?device={device}&by=day"})
def energy_periods(
    device: Device,
    reader: Reader,
    clock: Now,
    by: Annotated[Span, Query(description="In the site's time zone; weeks begin on Monday")] = Span.DAY,
    start: From = None,
    end: Until = None,
) -> EnergyPeriods:
    """Energy by local day, week, month or year, from the site's own counters where it has them."""
    site = known(reader, device)
    start_ms, end_ms = period(start, end, clock.now_ms())
    if end_ms - start_ms > MOST_DAYS * DAY_MS:
        raise invalid("from", start, f"a period of at most {MOST_DAYS} days")
    zone = _zone(site.timezone)
    edges = bounds(by, zone, start_ms, end_ms)
    if len(edges) > MOST_PERIODS + 1:
        raise invalid("by", by, f"at most {MOST_PERIODS} periods: a longer one, or a shorter stretch of time")
    # The look before the first edge tells what it began with.
    rows = reader.energy(device, edges[0] - DAY_MS, edges[-1] + DAY_MS)
    told = by_period(((row.at_ms, finite(row.counters)) for row in rows), edges)
    periods = [
        EnergyPeriod(start=iso(from_ms), end=iso(to_ms), wh={name: round(wh, 1) for name, wh in sorted(one.items())})
        for (from_ms, to_ms), one in zip(pairwise(edges), told, strict=True)
    ]
    return EnergyPeriods(device=device, by=by, timezone=str(zone), periods=periods)


def _zone(name: str) -> ZoneInfo:
    """The site's zone; UTC where it did not say, or says one that is not known here."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


class MaintenanceOut(BaseModel):
    """What will need somebody. Both days are null once it is no longer to be expected."""

    at: str
    code: str
    value: float
    limit: float
    per_day: float
    days_low: float | None = Field(description="Days from `at` until the limit is reached, at the earliest")
    days_high: float | None


class MaintenanceList(BaseModel):
    items: list[MaintenanceOut]


@router.get("/maintenance", openapi_extra={"x-example": "/maintenance?device={device}"})
def maintenance(device: Device, reader: Reader, limit: Limit = 100) -> MaintenanceList:
    """What a device expects to need somebody, newest first."""
    known(reader, device)
    items = []
    for at_ms, raw in reader.others(device, MAINTENANCE, limit):
        try:
            told = maintenance_of(raw)
        except BadMessage:
            continue
        items.append(
            MaintenanceOut(
                at=iso(at_ms), code=told.code, value=told.value, limit=told.limit, per_day=told.per_day,
                days_low=told.days_low, days_high=told.days_high,
            )
        )  # fmt: skip
    return MaintenanceList(items=items)
