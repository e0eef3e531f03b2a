"""Incidents: what to do about the fleet, and what people did."""

from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cloud.api.devices import Expected, IfMatch, version_of
from cloud.api.models import Page
from cloud.api.params import By, Limit, Offset, Person, Reader, iso, iso_or_none, known, signed
from cloud.api.problems import ApiProblem
from cloud.ports import Incident, IncidentChange, IncidentDesk, IncidentEntry, IncidentSite

router = APIRouter(tags=["incidents"])
State = Literal["new", "acknowledged", "visit_planned", "fixed", "dismissed"]
Kind = Literal["site", "equipment", "region", "clock"]
Action = Literal["visit", "remote", "maker", "wait"]


async def _desk(request: Request) -> Any:
    return request.app.state.incidents


Desk = Annotated[IncidentDesk, Depends(_desk)]
IncidentId = Annotated[str, Path(description="Incident id", min_length=1, max_length=40)]


class IncidentOut(BaseModel):
    """One cause. `subject` is the device, the equipment, the region, or the night of a change of clocks."""

    id: str
    kind: Kind
    code: str = Field(description="The fault code nearest to the cause")
    codes: list[str]
    subject: str
    maker: str
    model: str
    firmware: str
    severity: str
    action: Action = Field(description="Go there, put it right from a desk, ask the maker, or wait")
    first: str
    last: str
    active: bool
    sites: int
    active_sites: int
    cost_per_day: float = Field(description="€")
    certainty: float = Field(description="0…1")
    score: float = Field(description="€ a day that looking at it is worth: the order of the list")
    why: str
    note: str = Field(description="What a dismissal has taught about it")
    state: State
    owner: str
    comment: str
    version: int
    opened: str
    reopened: int = Field(description="How often it came back")
    quiet_until: str | None = Field(description="How long its dismissal holds")
    merged_into: str

    @classmethod
    def of(cls, one: Incident) -> "IncidentOut":
        fields = {name: getattr(one, name) for name in cls.model_fields if hasattr(one, name)}
        times = {"first": iso(one.first_ms), "last": iso(one.last_ms), "opened": iso(one.opened_ms)}
        return cls.model_validate({**fields, **times, "quiet_until": iso_or_none(one.quiet_until_ms)})


class IncidentSiteOut(BaseModel):
    device: str
    code: str
    first: str
    last: str
    active: bool
    episodes: int
    cost_per_day: float
    certainty: float
    why: str

    @classmethod
    def of(cls, one: IncidentSite) -> "IncidentSiteOut":
        fields = {name: getattr(one, name) for name in cls.model_fields if hasattr(one, name)}
        return cls(**fields, first=iso(one.first_ms), last=iso(one.last_ms))


class IncidentEntryOut(BaseModel):
    at: str
    who: str
    what: str
    detail: str

    @classmethod
    def of(cls, one: IncidentEntry) -> "IncidentEntryOut":
        return cls(at=iso(one.at_ms), who=one.who, what=one.what, detail=one.detail)


class IncidentPage(Page):
    total: int
    items: list[IncidentOut]


class IncidentDetail(BaseModel):
    incident: IncidentOut
    next_states: list[State]
    sites: list[IncidentSiteOut]
    history: list[IncidentEntryOut]


class IncidentPatch(BaseModel):
    """What is left out stays. `quiet_days` belongs to a dismissal: how long the pattern is no news."""

    model_config = ConfigDict(extra="forbid")

    by: By = None
    state: State | None = None
    owner: str | None = Field(default=None, max_length=100)
    comment: str | None = Field(default=None, max_length=2000)
    quiet_days: int = Field(default=30, ge=1, le=3650)


@router.get("/incidents", openapi_extra={"x-example": "/incidents"})
def incidents(
    desk: Desk,
    reader: Reader,
    state: Annotated[list[State] | None, Query(description="Instead of those that are open")] = None,
    kind: Annotated[Kind | None, Query(description="Only of this kind")] = None,
    action: Annotated[Action | None, Query(description="Only where this is to be done")] = None,
    device: Annotated[str | None, Query(max_length=128, description="Only those that this site is part of")] = None,
    merged: Annotated[bool, Query(description="Also those that have become part of a wider one")] = False,
    limit: Limit = 100,
    offset: Offset = 0,
) -> IncidentPage:
    """Incidents, the most urgent first."""
    if device is not None:
        known(reader, device)
    found = [
        one
        for one in desk.incidents(tuple(state or ()), device, merged)
        if kind in (None, one.kind) and action in (None, one.action)
    ]
    part = [IncidentOut.of(one) for one in found[offset : offset + limit]]
    following = offset + limit if offset + limit < len(found) else None
    return IncidentPage(total=len(found), limit=limit, offset=offset, next=following, items=part)


@router.get("/incidents/{incident}")
def incident(incident: IncidentId, desk: Desk, response: Response) -> IncidentDetail:
    """One incident with its sites and its history. The ETag is its version."""
    one, sites, history = _known(desk, incident)
    response.headers["ETag"] = f'"{one.version}"'
    return IncidentDetail(
        incident=IncidentOut.of(one),
        next_states=[state for state in get_args(State) if state in desk.next_states(one.state)],
        sites=[IncidentSiteOut.of(row) for row in sites],
        history=[IncidentEntryOut.of(entry) for entry in history],
    )


@router.patch("/incidents/{incident}")
def patch_incident(
    incident: IncidentId,
    patch: IncidentPatch,
    desk: Desk,
    person: Person,
    response: Response,
    if_match: IfMatch = None,
    expected: Expected = None,
) -> IncidentOut:
    """Change state, owner or comment.

    `If-Match` or `expected` names the version that the change was made on; 409 with the present one when it is stale.
    """
    _known(desk, incident)
    change = IncidentChange(patch.state, patch.owner, patch.comment, patch.quiet_days)
    one = desk.change(incident, change, signed(person, patch.by), version_of(if_match, expected))
    response.headers["ETag"] = f'"{one.version}"'
    return IncidentOut.of(one)


def _known(desk: IncidentDesk, name: str) -> tuple[Incident, list[IncidentSite], list[IncidentEntry]]:
    found = desk.incident(name)
    if found is None:
        raise ApiProblem(404, "incident", name, "an incident that /incidents lists", "no such incident")
    return found
