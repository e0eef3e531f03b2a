"""What jobs need of the store, and API and pages of jobs."""

from typing import Protocol

import msgspec


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
