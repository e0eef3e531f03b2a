"""Jobs: what runs at night, how it went, and what it wrote."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import FileResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from cloud.api.params import By, Limit, Person, iso, iso_or_none, signed
from cloud.api.problems import ApiProblem
from cloud.ports import JobDesk, JobInfo, JobRun

router = APIRouter(tags=["jobs"])


async def _desk(request: Request) -> Any:
    return request.app.state.jobs


Desk = Annotated[JobDesk, Depends(_desk)]
JobName = Annotated[str, Path(description="Job name", min_length=1, max_length=40)]
RunNumber = Annotated[int, Path(description="Run number", ge=1, le=2**31 - 1)]


class RunOut(BaseModel):
    """One run. `exit` is its exit status; null while it runs, and where it was killed."""

    id: int
    job: str
    state: Literal["running", "done", "failed", "crashed", "stopped"]
    reason: Literal["schedule", "manual", "retry"]
    who: str
    attempt: int
    started: str
    ended: str | None
    duration_s: float | None
    exit: int | None
    message: str

    @classmethod
    def of(cls, one: JobRun) -> "RunOut":
        fields = {name: getattr(one, name) for name in cls.model_fields if hasattr(one, name)}
        took = None if one.ended_ms is None else (one.ended_ms - one.started_ms) / 1000
        return cls(**fields, started=iso(one.started_ms), ended=iso_or_none(one.ended_ms), duration_s=took)


class JobOut(BaseModel):
    name: str
    purpose: str
    schedule: str
    next: str | None = Field(description="When it is due; null for one that is only started by hand")
    last: RunOut | None

    @classmethod
    def of(cls, one: JobInfo) -> "JobOut":
        last = None if one.last is None else RunOut.of(one.last)
        return cls(name=one.name, purpose=one.purpose, schedule=one.schedule, next=iso_or_none(one.next_ms), last=last)


class JobList(BaseModel):
    items: list[JobOut]


class RunList(BaseModel):
    items: list[RunOut]


class ResultOut(BaseModel):
    name: str
    size: int = Field(description="Bytes")


class RunDetail(BaseModel):
    run: RunOut
    files: list[ResultOut]


class StartRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: By = None


@router.get("/jobs", openapi_extra={"x-example": "/jobs"})
def jobs(desk: Desk) -> JobList:
    """Every job with its schedule and its last run."""
    return JobList(items=[JobOut.of(one) for one in desk.jobs()])


@router.get("/jobs/{job}/runs")
def runs(job: JobName, desk: Desk, limit: Limit = 50) -> RunList:
    """The runs of a job, newest first."""
    _known_job(desk, job)
    return RunList(items=[RunOut.of(one) for one in desk.runs(job, limit)])


@router.post("/jobs/{job}/runs", status_code=202)
def start(job: JobName, desk: Desk, person: Person, request: StartRequest | None = None) -> JobOut:
    """Start a job now; 503 while it is running. Who is logged in needs no body, anybody else `{"by": "anna"}`."""
    _known_job(desk, job)
    desk.start(job, signed(person, request.by if request is not None else None))
    return JobOut.of(_known_job(desk, job))


@router.get("/runs/{run}")
def run(run: RunNumber, desk: Desk) -> RunDetail:
    """One run and the files it wrote. They appear when it has ended well."""
    found = _known_run(desk, run)
    return RunDetail(run=RunOut.of(found), files=[ResultOut(name=name, size=size) for name, size in desk.files(run)])


@router.get("/runs/{run}/log", response_class=PlainTextResponse)
def log(run: RunNumber, desk: Desk) -> PlainTextResponse:
    """The end of what the run printed."""
    _known_run(desk, run)
    return PlainTextResponse(desk.log(run))


@router.get("/runs/{run}/files/{name:path}", response_class=FileResponse)
def file(run: RunNumber, name: str, desk: Desk) -> FileResponse:
    """A result, to be kept."""
    _known_run(desk, run)
    path = desk.path(run, name)
    if path is None:
        raise ApiProblem(404, "name", name, f"a file that /runs/{run} lists", "no such file")
    return FileResponse(path, filename=name.rpartition("/")[2], headers={"X-Content-Type-Options": "nosniff"})


def _known_job(desk: JobDesk, name: str) -> JobInfo:
    for one in desk.jobs():
        if one.name == name:
            return one
    raise ApiProblem(404, "job", name, "a job that /jobs lists", "no such job")


def _known_run(desk: JobDesk, number: int) -> JobRun:
    found = desk.run(number)
    if found is None:
        raise ApiProblem(404, "run", number, "a run that /jobs/{job}/runs lists", "no such run")
    return found
