"""One run of a job: lock, temporary folder, child process, log, results."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.errors import BadSetup, Transient
from cloud.jobs.folder import RunFolder
from cloud.jobs.registry import Job, Registry, filled
from cloud.ports import Clock, JobRun, RunBook

log = logging.getLogger("emberwatt.jobs")
RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
CRASHED: Final = "crashed"
STOPPED: Final = "stopped"
# Exit status of something that a person must put right first: trying again is no use.
FOR_A_PERSON: Final = 2
_GRACE_S: Final = 5.0
Values = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """`program` starts this program again, for the job's command. `keep` results of each job are kept."""

    program: tuple[str, ...] = (sys.executable, "-m", "cloud")
    keep: int = 30


class Runner:
    """`values` gives what fills the gaps of commands, beside `{out}`; it is asked at each run."""

    def __init__(
        self,
        book: RunBook,
        folder: RunFolder,
        clock: Clock,
        values: Callable[[], Values] = dict,
        settings: RunnerSettings = RunnerSettings(),
    ) -> None:
        self._book = book
        self._folder = folder
        self._clock = clock
        self._values = values
        self._settings = settings

    async def run(self, job: Job, reason: str, who: str = "", attempt: int = 1) -> JobRun:
        """The run as it ended. Raises `Transient` when one of this job is alive; `BadSetup` for an unusable folder."""
        with self._folder.lock(job.name) as lock:
            await asyncio.to_thread(self._bury, job.name)
            begun = await asyncio.to_thread(self._book.begin_run, job.name, reason, who, attempt, self._clock.now_ms())
            state, status, message = STOPPED, None, "ended with the program that started it"
            try:
                state, status, message = await self._attempt(job, begun, lock)
            except (BadSetup, OSError) as error:
                state, status, message = FAILED, FOR_A_PERSON, str(error)
            finally:
                self._folder.drop(job.name, begun.id)
                self._book.end_run(begun.id, state, status, message, self._clock.now_ms())
            log.info("job %s, run %d: %s %s", job.name, begun.id, state, message)
        return self._book.run(begun.id) or begun

    def recover(self, registry: Registry) -> None:
        """Mark runs whose process has gone. Those that live, in this program or another, hold their lock."""
        for name in sorted({run.job for run in self._book.runs(state=RUNNING)}):
            if registry.get(name) is None:
                continue
            try:
                with self._folder.lock(name):
                    self._bury(name)
            except Transient:
                continue

    def _bury(self, job: str) -> None:
        """With the lock in hand: whatever of this job is called running is dead."""
        for run in self._book.runs(job, state=RUNNING):
            if self._folder.results(job, run.id).is_dir():
                self._book.end_run(run.id, DONE, 0, "", self._clock.now_ms())
            else:
                self._book.end_run(run.id, CRASHED, None, "its process has gone", self._clock.now_ms())
        self._folder.sweep(job, self._settings.keep)

    async def _attempt(self, job: Job, run: JobRun, lock: int) -> tuple[str, int | None, str]:
        work = self._folder.begin(job.name, run.id, job.carries)
        command = [*self._settings.program, *filled(job.command, {**self._values(), "out": str(work)})]
        status = await self._spawn(job, run, command, lock)
        last = _last_line(self._folder.log(job.name, run.id, 4096))
        if status is None:
            return FAILED, None, f"took longer than {job.timeout_s:g} s"
        if status != 0:
            return FAILED, status, last or f"ended with status {status}"
        await asyncio.to_thread(self._folder.finish, job.name, run.id)
        return DONE, 0, last

    async def _spawn(self, job: Job, run: JobRun, command: Sequence[str], lock: int) -> int | None:
        """Exit status; None when it took too long."""
        start = (sys.executable, "-m", "cloud.jobs.child", str(os.getpid()), *command)
        with self._folder.log_file(job.name, run.id).open("wb") as output:
            child = await asyncio.create_subprocess_exec(
                *start,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lock,),
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            return await asyncio.wait_for(child.wait(), job.timeout_s)
        except TimeoutError:
            return None
        finally:
            if child.returncode is None:
                await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    """The child and all it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            await asyncio.wait_for(child.wait(), _GRACE_S)
        except ProcessLookupError:
            return
        except TimeoutError:
            continue
        return


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
