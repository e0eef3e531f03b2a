"""Commands to devices: ask, and see what came of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from agent.domain.commands import CommandName
from cloud.api.params import By, DeviceId, Limit, Person, Reader, iso, iso_or_none, known, signed
from cloud.api.problems import ApiProblem
from cloud.ports import CommandDesk, CommandRow

router = APIRouter(tags=["commands"])
_DAY_S = 86_400


async def _desk(request: Request) -> Any:
    return request.app.state.commands


Desk = Annotated[CommandDesk, Depends(_desk)]
CommandId = Annotated[str, Path(description="Command id", min_length=8, max_length=40)]


class CommandOut(BaseModel):
    """`state` is queued until the device is there, sent until it replies, then how it ended."""

    id: str
    device: str
    name: str
    args: dict[str, Any]
    by: str
    state: str
    created: str
    expires: str
    sends: int = Field(description="How often it was sent; a device runs it once all the same")
    sent: str | None
    ended: str | None
    reason: str
    result: dict[str, Any]

    @classmethod
    def of(cls, row: CommandRow) -> "CommandOut":
        return cls(
            id=row.id,
            device=row.device,
            name=row.name,
            args=row.args,
            by=row.who,
            state=row.state,
            created=iso(row.created_ms),
            expires=iso(row.expires_ms),
            sends=row.sends,
            sent=iso_or_none(row.sent_ms),
            ended=iso_or_none(row.ended_ms),
            reason=row.reason,
            result=row.result,
        )


class CommandList(BaseModel):
    items: list[CommandOut]


class CommandRequest(BaseModel):
    """What to do. Times in `args` are milliseconds since 1970, durations seconds."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=40, description=f"One of {', '.join(CommandName)}")
    args: dict[str, Any] = Field(default_factory=dict)
    by: By = None
    expires_in_s: float = Field(default=_DAY_S, gt=0, le=366 * _DAY_S, description="Not begun after so many seconds")


@router.post("/devices/{device}/commands", status_code=201)
def order(device: DeviceId, request: CommandRequest, reader: Reader, desk: Desk, person: Person) -> CommandOut:
    """Ask a device to do something. It is kept until the device is there, runs at most once, and always ends."""
    known(reader, device)
    who = signed(person, request.by)
    return CommandOut.of(desk.order(device, request.name, request.args, who, request.expires_in_s))


@router.get("/devices/{device}/commands", openapi_extra={"x-example": "/devices/{device}/commands?limit=20"})
def commands(device: DeviceId, reader: Reader, desk: Desk, limit: Limit = 100) -> CommandList:
    """What the device was asked, newest first."""
    known(reader, device)
    return CommandList(items=[CommandOut.of(row) for row in desk.commands(device, limit=limit)])


@router.get("/devices/{device}/commands/{command}")
def command(device: DeviceId, command: CommandId, desk: Desk) -> CommandOut:
    """One command and what came of it."""
    row = desk.command(command)
    if row is None or row.device != device:
        raise ApiProblem(404, "command", command, f"a command that /devices/{device}/commands lists", "no such command")
    return CommandOut.of(row)
