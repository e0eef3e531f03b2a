"""When which job runs: by its schedule, by hand, and again after a failure."""

import asyncio
import logging
from dataclasses import dataclass
from threading import Lock
from typing import Final

from agent.domain.errors import BadInput, BadSetup, EmberwattError, Transient
from cloud.jobs.folder import RunFolder
from cloud.jobs.registry import Job, Registry
from cloud.jobs.runner import CRASHED, FAILED, FOR_A_PERSON, RUNNING, STOPPED, Runner
from cloud.jobs.schedule import Every, due_after
from cloud.ports import Clock, JobInfo, JobRun, RunBook

log = logging.getLogger("emberwatt.jobs")
SCHEDULE: Final = "schedule"
MANUAL: Final = "manual"
RETRY: Final = "retry"
_BUSY_MS: Final = 60_000
# A program that has just started has better things to do.
_FIRST_MS: Final = 60_000
# However fast the clock runs: a job rests for so many times as long as it took.
_REST: Final = 5


@dataclass(frozen=True, slots=True)
class _Due:
    at_ms: int
    reason: str
    who: str = ""
    attempt: int = 1


class Scheduler:
    """`cloud.ports.JobDesk`, and the task that starts what is due. At most `at_once` jobs run side by side.

    A scheduled job rests for `rest_s` real seconds at least, and for longer when it took long: under a clock that runs
    fast nothing else would.
    """

    def __init__(
        self,
        registry: Registry,
        runner: Runner,
        book: RunBook,
        folder: RunFolder,
        clock: Clock,
        at_once: int = 1,
        look_every_s: float = 1.0,
        rest_s: float = 20.0,
    ) -> None:
        self._registry = registry
        self._runner = runner
        self._book = book
        self._folder = folder
        self._clock = clock
        self._at_once = at_once
        self._look_every_s = look_every_s
        self._rest_s = rest_s
        self._rests_until: dict[str, float] = {}
        self._guard = Lock()
        self._due: dict[str, _Due] = {}
        self._running: set[str] = set()
        self._wishes: list[tuple[str, str]] = []

    async def run_forever(self) -> None:
        """Until it is cancelled; then the runs that live are ended and marked. One task of the program."""
        await asyncio.to_thread(self._prepare)
        async with asyncio.TaskGroup() as group:
            while True:
                for job, due in self._ready(asyncio.get_running_loop().time()):
                    group.create_task(self._run(job, due), name=f"job {job.name}")
                await asyncio.sleep(self._look_every_s)

    def _prepare(self) -> None:
        self._runner.recover(self._registry)
        now_ms = self._clock.now_ms()
        for job in self._registry.jobs():
            last = next(iter(self._book.runs(job.name, limit=1)), None)
            self._plan(job, now_ms, last)

    def _plan(self, job: Job, now_ms: int, last: JobRun | None) -> None:
        """Its next time. One that fell into a time when nothing ran is made up for, once."""
        due = None
        if last is not None and last.state in (CRASHED, STOPPED) and last.attempt <= job.retries:
            due = _Due(now_ms, RETRY, last.who, last.attempt + 1)
        elif last is None and isinstance(job.schedule, Every):
            due = _Due(now_ms + min(_FIRST_MS, 1000 * job.schedule.seconds), SCHEDULE)
        else:
            at_ms = due_after(job.schedule, now_ms if last is None else last.started_ms)
            due = None if at_ms is None else _Due(at_ms, SCHEDULE)
        if due is not None:
            with self._guard:
                self._due[job.name] = due

    def _ready(self, time_s: float) -> list[tuple[Job, _Due]]:
        """What is to be started now: wishes first, then the longest due that has rested."""
        now_ms, found = self._clock.now_ms(), []
        with self._guard:
            for name, who in self._wishes:
                self._due[name] = _Due(0, MANUAL, who)
            self._wishes.clear()
            for name, due in sorted(self._due.items(), key=lambda item: (item[1].at_ms, item[0])):
                room = len(self._running) < self._at_once
                rested = due.reason == MANUAL or time_s >= self._rests_until.get(name, time_s)
                if due.at_ms <= now_ms and room and rested and name not in self._running:
                    self._running.add(name)
                    del self._due[name]
                    found.append((self._registry.known(name), due))
        return found

    async def _run(self, job: Job, due: _Due) -> None:
        began_ms, loop = self._clock.now_ms(), asyncio.get_running_loop()
        began_s = loop.time()
        try:
            run = await self._runner.run(job, due.reason, due.who, due.attempt)
        except (EmberwattError, OSError) as error:
            log.error("job %s cannot be started: %s", job.name, error)
            with self._guard:
                self._due[job.name] = _Due(self._clock.now_ms() + _BUSY_MS, due.reason, due.who, due.attempt)
        else:
            self._follow(job, due, run, began_ms)
        finally:
            with self._guard:
                self._running.discard(job.name)
                self._rests_until[job.name] = loop.time() + max(self._rest_s, _REST * (loop.time() - began_s))

    def _follow(self, job: Job, due: _Due, run: JobRun, began_ms: int) -> None:
        """What comes after a run: another try, or the next time."""
        failed = run.state == FAILED and run.exit != FOR_A_PERSON
        next_ms = due_after(job.schedule, began_ms)
        if failed and due.attempt <= job.retries:
            pause_ms = round(job.backoff_s * 1000 * 2 ** (due.attempt - 1))
            again = _Due(self._clock.now_ms() + pause_ms, RETRY, due.who, due.attempt + 1)
        elif next_ms is not None:
            again = _Due(next_ms, SCHEDULE)
        else:
            return
        with self._guard:
            self._due.setdefault(job.name, again)

    def jobs(self) -> list[JobInfo]:
        """See `cloud.ports.JobDesk`."""
        with self._guard:
            due = {name: one.at_ms for name, one in self._due.items()}
        return [
            JobInfo(
                name=job.name,
                purpose=job.purpose,
                schedule=str(job.schedule),
                next_ms=due.get(job.name),
                last=next(iter(self._book.runs(job.name, limit=1)), None),
            )
            for job in self._registry.jobs()
        ]

    def runs(self, job: str | None = None, limit: int = 50) -> list[JobRun]:
        """See `cloud.ports.JobDesk`."""
        return self._book.runs(job, limit=limit)

    def run(self, number: int) -> JobRun | None:
        """See `cloud.ports.JobDesk`."""
        return self._book.run(number)

    def start(self, job: str, who: str) -> None:
        """See `cloud.ports.JobDesk`. May be called from any thread."""
        if self._registry.get(job) is None:
            names = ", ".join(one.name for one in self._registry.jobs())
            raise BadInput(f"job {job[:40]!r} is not known, expected one of {names}")
        with self._guard:
            wished = any(name == job for name, _ in self._wishes)
            if job in self._running or wished or self._lives(job):
                raise Transient(f"job {job} is running already")
            self._wishes.append((job, who))

    def _lives(self, job: str) -> bool:
        """Whether another program runs it: who runs a job holds its lock, whatever the book says."""
        if not self._book.runs(job, state=RUNNING, limit=1):
            return False
        try:
            with self._folder.lock(job):
                return False
        except Transient:
            return True
        except BadSetup:
            return False

    def files(self, number: int) -> list[tuple[str, int]]:
        """See `cloud.ports.JobDesk`."""
        run = self._book.run(number)
        return [] if run is None else self._folder.files(run.job, number)

    def path(self, number: int, name: str) -> str | None:
        """See `cloud.ports.JobDesk`."""
        run = self._book.run(number)
        path = None if run is None else self._folder.path(run.job, number, name)
        return None if path is None else str(path)

    def log(self, number: int, limit: int = 65_536) -> str:
        """See `cloud.ports.JobDesk`."""
        run = self._book.run(number)
        return "" if run is None else self._folder.log(run.job, number, limit)
