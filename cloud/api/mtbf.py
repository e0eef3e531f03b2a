"""Reliability: per device and fault code, and over the fleet."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from agent.domain.reliability import EpisodeReliability, PublishedMtbf
from cloud.api.asked import known_code
from cloud.api.params import MAX_ROWS, Reader, iso, iso_or_none, known
from cloud.ports import FleetReader, ReliabilityRow

router = APIRouter(tags=["reliability"])

Group = Literal["none", "code", "device"]


class Figures(BaseModel):
    """Episodes over observed exposure. What cannot be told is null: without a failure there is a lower bound only.

    Intervals are 95 %; hours.
    """

    failures: int
    exposure_hours: float | None = None
    up_hours: float | None = None
    down_hours: float | None = None
    mtbf_hours: float | None = None
    mtbf_low_hours: float | None = None
    mtbf_high_hours: float | None = None
    mttr_hours: float | None = None
    availability: float | None = None
    availability_low: float | None = None
    availability_high: float | None = None


class Published(BaseModel):
    """The published figure: every failing minute is a failure."""

    minutes: int
    failures: int
    mtbf_minutes: float


class ReliabilityOut(BaseModel):
    """One group: `device` is null when it spans the fleet, `code` when it spans all codes."""

    device: str | None
    code: str | None
    devices: int
    at: str | None = Field(description="When the newest of its states was reported")
    figures: Figures
    published: Published | None


class ReliabilityList(BaseModel):
    items: list[ReliabilityOut]


@router.get("/mtbf", openapi_extra={"x-example": "/mtbf?group=code"})
def mtbf(
    reader: Reader,
    device: Annotated[str | None, Query(max_length=128, description="Device id")] = None,
    code: Annotated[str | None, Query(max_length=64, description="Fault code")] = None,
    group: Annotated[
        Group,
        Query(description="none: each device and code; code: over the fleet; device: over all codes, as on its page"),
    ] = "none",
) -> ReliabilityList:
    """Failures, exposure, MTBF with its interval, MTTR and availability."""
    if device is not None:
        known(reader, device)
    if code is not None:
        known_code(reader, "code", code)
    if group == "device":
        return ReliabilityList(items=_by_device(reader, device))
    rows = [row for row in reader.reliability(device=device, code=code) if _usable(row.state)]
    if group == "code":
        return ReliabilityList(items=_by_code(rows, device))
    return ReliabilityList(items=[_one(row) for row in rows[:MAX_ROWS]])


def _usable(state: Mapping[str, float | int | None]) -> bool:
    return all(value is None or 0 <= value < 2**63 for value in state.values())


def _one(row: ReliabilityRow) -> ReliabilityOut:
    return ReliabilityOut(
        device=row.device,
        code=row.code,
        devices=1,
        at=iso(row.at_ms),
        figures=_figures(EpisodeReliability.from_state(row.state)),
        published=_published(row.state),
    )


def _figures(estimate: EpisodeReliability) -> Figures:
    return Figures.model_validate(estimate.report())


def _published(state: Mapping[str, float | int | None]) -> Published | None:
    if "published_failures" not in state:
        return None
    return Published.model_validate(PublishedMtbf.from_state(state).report())


def _by_code(rows: list[ReliabilityRow], device: str | None) -> list[ReliabilityOut]:
    """The codes in order, the devices of each taken together."""
    found: dict[str, list[ReliabilityRow]] = {}
    for row in rows:
        found.setdefault(row.code, []).append(row)
    items = []
    for code, members in sorted(found.items()):
        pooled = EpisodeReliability()
        for row in members:
            pooled.merge(EpisodeReliability.from_state(row.state))
        newest = max(row.at_ms for row in members)
        count = len({row.device for row in members})
        items.append(
            ReliabilityOut(
                device=device, code=code, devices=count, at=iso(newest), figures=_figures(pooled), published=None
            )
        )
    return items


def _by_device(reader: FleetReader, device: str | None) -> list[ReliabilityOut]:
    """The figure over all codes that the fleet table shows."""
    sites = [site for site in reader.sites() if device in (None, site.device)]
    return [
        ReliabilityOut(
            device=site.device,
            code=None,
            devices=1,
            at=iso_or_none(site.last_at_ms),
            figures=Figures(failures=site.failures, mtbf_hours=site.mtbf_hours, mtbf_low_hours=site.mtbf_low_hours),
            published=None,
        )
        for site in sorted(sites, key=lambda site: site.device)[:MAX_ROWS]
    ]
