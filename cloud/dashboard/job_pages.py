"""The addresses of jobs: what runs at night, how it went, what it wrote, and starting it now."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from agent.domain.errors import BadInput, Transient
from cloud.dashboard import formats, forms
from cloud.dashboard.pages import Now
from cloud.dashboard.rendering import rendered
from cloud.ports import JobDesk, JobRun

router = APIRouter()
RUNS_SHOWN: Final = 50
_YEAR_S: Final = 365 * 86_400
# A report draws itself with styles of its own; it may do nothing else, and is kept apart from these pages.
_APART: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_TEXT: Final = frozenset({".csv", ".json", ".log", ".txt", ".toml", ".md"})
_SEEN: Final = frozenset({".html", ".png", ".svg", *_TEXT})


async def _desk(request: Request) -> Any:
    return request.app.state.jobs


Desk = Annotated[JobDesk, Depends(_desk)]


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in words."""

    id: int
    job: str
    state: str
    state_text: str
    started: str
    started_full: str
    took: str
    reason: str
    message: str


_STATES: Final[dict[str, str]] = {
    "running": "running",
    "done": "done",
    "failed": "failed",
    "crashed": "crashed",
    "stopped": "stopped",
}
_REASONS: Final[dict[str, str]] = {"schedule": "by schedule", "manual": "by hand", "retry": "another try"}


def run_line(run: JobRun, now_ms: int) -> RunLine:
    """In UTC, as schedules may name any zone."""
    zone = formats.zone_of("UTC")
    reason = _REASONS.get(run.reason, run.reason)
    return RunLine(
        id=run.id,
        job=run.job,
        state=run.state,
        state_text=_STATES.get(run.state, run.state),
        started=formats.clock_text(run.started_ms, zone, now_ms),
        started_full=formats.full_time(run.started_ms, zone),
        took=formats.duration((now_ms if run.ended_ms is None else run.ended_ms) - run.started_ms),
        reason=f"{reason}, {run.who}" if run.who else reason,
        message=run.message,
    )


@router.get("/jobs")
def jobs(request: Request, desk: Desk, clock: Now, job: Annotated[str, Query(max_length=40)] = "") -> HTMLResponse:
    """Every job, and the newest runs, of all or of one."""
    return _jobs(request, desk, clock.now_ms(), job=job)


def _jobs(
    request: Request, desk: JobDesk, now_ms: int, *, job: str = "", problem: str = "", status: int = 200
) -> HTMLResponse:
    zone = formats.zone_of("UTC")
    rows = [
        {
            "name": one.name,
            "purpose": one.purpose,
            "schedule": one.schedule,
            "next": "" if one.next_ms is None else formats.clock_text(max(one.next_ms, now_ms), zone, now_ms),
            "last": None if one.last is None else run_line(one.last, now_ms),
        }
        for one in desk.jobs()
    ]
    runs = [run_line(run, now_ms) for run in desk.runs(job or None, RUNS_SHOWN)]
    content = {"jobs": rows, "runs": runs, "job": job, "problem": problem, "name": forms.name_in(request)}
    return rendered(request, "jobs.html", content, status=status)


@router.post("/jobs/{job}/run", response_class=RedirectResponse)
def start(request: Request, job: str, form: forms.Form, desk: Desk, clock: Now) -> Response:
    """Start it now."""
    who = forms.signed(request, form)
    try:
        desk.start(job, who)
    except BadInput:
        raise HTTPException(404) from None
    except Transient as error:
        return _jobs(request, desk, clock.now_ms(), problem=f"Not started: {error}.", status=409)
    answer = RedirectResponse(f"{request.scope.get('root_path', '')}/jobs", status_code=303)
    if who:
        answer.set_cookie(forms.NAME_COOKIE, quote(who), max_age=_YEAR_S, httponly=True, samesite="strict")
    return answer


@router.get("/runs/{run}")
def run(request: Request, run: int, desk: Desk, clock: Now) -> HTMLResponse:
    """One run: its results and what it printed."""
    found = _known(desk, run)
    files = [
        {
            "name": name,
            "size": _size(size),
            "seen": _can_be_seen(name),
            "picture": name.endswith(".png"),
        }
        for name, size in desk.files(run)
    ]
    content = {"run": run_line(found, clock.now_ms()), "files": files, "log": desk.log(run)}
    return rendered(request, "run.html", content)


@router.get("/runs/{run}/files/{name:path}", response_class=FileResponse)
def file(run: int, name: str, desk: Desk, keep: Annotated[bool, Query()] = False) -> FileResponse:
    """A result: to look at, or with `keep` to take away."""
    _known(desk, run)
    path = desk.path(run, name)
    if path is None:
        raise HTTPException(404)
    suffix = Path(name).suffix.lower()
    if keep or not _can_be_seen(name):
        return FileResponse(path, filename=name.rpartition("/")[2])
    kind = "text/plain" if suffix in _TEXT else (mimetypes.guess_type(name)[0] or "text/plain")
    return FileResponse(path, media_type=kind, headers={"Content-Security-Policy": _APART})


def _can_be_seen(name: str) -> bool:
    return Path(name).suffix.lower() in _SEEN


def _known(desk: JobDesk, number: int) -> JobRun:
    found = desk.run(number) if 0 < number < 2**31 else None
    if found is None:
        raise HTTPException(404)
    return found


def _size(count: int) -> str:
    """
    >>> _size(2_345_678)
    '2.3 MB'
    """
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{formats.number(count / 1000, 1)} kB"
    return f"{formats.number(count / 1e6, 1)} MB"
