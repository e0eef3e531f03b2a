"""What starts when: schedules, wishes, retries, what was missed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from agent.domain.errors import BadInput, Transient
from cloud.jobs.registry import Job, Registry
from cloud.jobs.schedule import Daily, Every
from cloud.jobs.scheduler import Scheduler
from cloud.ports import JobRun
from tests.cloud.jobs.conftest import Bench, job

HOUR_MS = 3_600_000


def scheduler(bench: Bench, *jobs: Job, at_once: int = 1, rest_s: float = 0.0) -> Scheduler:
    return Scheduler(
        Registry(jobs), bench.runner, bench.book, bench.folder, bench.clock, at_once, look_every_s=0.02, rest_s=rest_s
    )


@asynccontextmanager
async def running(found: Scheduler, bench: Bench | None = None) -> AsyncIterator[None]:
    """With `bench`, a minute passes once it has begun: then jobs that run every so often are due."""
    task = asyncio.create_task(found.run_forever())
    try:
        if bench is not None:
            await until(lambda: all(one.next_ms is not None for one in found.jobs()))
            bench.clock.at_ms += 60_000
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.02)


def ended(bench: Bench, count: int) -> bool:
    return sum(run.state != "running" for run in bench.book.runs()) >= count


def told(runs: list[JobRun]) -> list[tuple[str, str, int]]:
    return [(run.reason, run.state, run.attempt) for run in reversed(runs)]


async def test_a_job_runs_at_its_times_and_not_between(bench: Bench) -> None:
    found = scheduler(bench, job("j", "pass", Every(600)))
    async with running(found):
        await until(lambda: found.jobs()[0].next_ms == bench.clock.at_ms + 60_000)
        assert bench.book.runs() == [], "a program that has just started has better things to do"
        bench.clock.at_ms += 60_000
        await until(lambda: ended(bench, 1))
        await asyncio.sleep(0.2)
        assert len(bench.book.runs()) == 1
        (info,) = found.jobs()
        assert (info.schedule, info.next_ms) == ("every 10 min", bench.clock.at_ms + 600_000)
        bench.clock.at_ms += 600_000
        await until(lambda: ended(bench, 2))
    assert told(bench.book.runs()) == [("schedule", "done", 1)] * 2


async def test_a_job_rests_however_fast_the_clock_runs(bench: Bench) -> None:
    found = scheduler(bench, job("j", "pass", Every(1)), rest_s=1.0)
    async with running(found):
        for _ in range(30):
            bench.clock.at_ms += 86_400_000
            await asyncio.sleep(0.02)
        await until(lambda: ended(bench, 1))
        assert len(bench.book.runs()) == 1
        found.start("j", "anna")
        await until(lambda: ended(bench, 2))


async def test_a_daily_job_waits_for_its_time_and_makes_up_for_a_missed_one_once(bench: Bench) -> None:
    night = job("j", "pass", Daily(2, 0, "UTC"))
    async with running(scheduler(bench, night)):
        await asyncio.sleep(0.2)
        assert bench.book.runs() == []
    bench.book.end_run(bench.book.begin_run("j", "schedule", "", 1, bench.clock.at_ms).id, "done", 0, "", 0)
    bench.clock.at_ms += 5 * 24 * HOUR_MS
    async with running(scheduler(bench, night)):
        await until(lambda: ended(bench, 2))
        await asyncio.sleep(0.2)
    assert len(bench.book.runs()) == 2


async def test_a_failed_run_is_tried_again_after_longer_and_longer_pauses(bench: Bench) -> None:
    failing = job("j", "import sys; sys.exit(1)", Every(86_400), retries=2, backoff_s=60)
    found = scheduler(bench, failing)
    async with running(found, bench):
        await until(lambda: ended(bench, 1))
        await until(lambda: found.jobs()[0].next_ms == bench.clock.at_ms + 60_000)
        bench.clock.at_ms += 60_000
        await until(lambda: ended(bench, 2))
        await until(lambda: found.jobs()[0].next_ms == bench.clock.at_ms + 120_000)
        bench.clock.at_ms += 120_000
        await until(lambda: ended(bench, 3))
        await until(lambda: found.jobs()[0].next_ms == bench.clock.at_ms + 86_400_000)
    assert told(bench.book.runs()) == [("schedule", "failed", 1), ("retry", "failed", 2), ("retry", "failed", 3)]


async def test_what_a_person_must_put_right_is_not_tried_again(bench: Bench) -> None:
    found = scheduler(bench, job("j", "import sys; sys.exit(2)", Every(86_400)))
    async with running(found, bench):
        await until(lambda: ended(bench, 1))
        await until(lambda: found.jobs()[0].next_ms == bench.clock.at_ms + 86_400_000)


async def test_a_wish_starts_at_once_and_says_whose_it_was(bench: Bench) -> None:
    found = scheduler(bench, job("j", "pass"))
    async with running(found):
        await asyncio.to_thread(found.start, "j", "anna")
        await until(lambda: ended(bench, 1))
        (run,) = found.runs("j")
        assert (run.reason, run.who, run.state) == ("manual", "anna", "done")
        assert found.jobs()[0].next_ms is None
    with pytest.raises(BadInput, match="expected one of j"):
        found.start("k", "anna")


async def test_a_job_that_runs_is_not_started_twice_and_ends_with_the_program(bench: Bench) -> None:
    found = scheduler(bench, job("j", "import time; time.sleep(60)", Every(60)))
    async with running(found, bench):
        await until(lambda: bool(bench.book.runs(state="running")))
        with pytest.raises(Transient, match="running already"):
            found.start("j", "anna")
        bench.clock.at_ms += HOUR_MS
        await asyncio.sleep(0.1)
    assert told(bench.book.runs()) == [("schedule", "stopped", 1)]
    with bench.folder.lock("j"):
        pass


async def test_a_run_of_another_program_is_respected(bench: Bench) -> None:
    found = scheduler(bench, job("j", "pass"))
    bench.book.begin_run("j", "manual", "anna", 1, 0)
    with bench.folder.lock("j"), pytest.raises(Transient, match="running already"):
        found.start("j", "ben")


async def test_no_more_jobs_than_allowed_run_side_by_side(bench: Bench) -> None:
    slow = "import time; time.sleep(0.3)"
    found = scheduler(bench, *(job(name, slow, Every(86_400)) for name in "abc"), at_once=2)
    most = 0
    async with running(found, bench):
        while not ended(bench, 3):
            most = max(most, len(bench.book.runs(state="running")))
            await asyncio.sleep(0.01)
    assert most == 2


async def test_a_crashed_run_is_marked_and_tried_again_at_the_next_start(bench: Bench) -> None:
    bench.book.begin_run("j", "schedule", "", 1, bench.clock.at_ms)
    async with running(scheduler(bench, job("j", "pass", Daily(2, 0, "UTC")))):
        await until(lambda: ended(bench, 2))
    assert told(bench.book.runs()) == [("schedule", "crashed", 1), ("retry", "done", 2)]


async def test_results_and_logs_by_the_runs_number(bench: Bench) -> None:
    mine = job("j", "print('hi'); open('{out}/a.txt', 'w').write('x')")
    found = scheduler(bench, mine)
    run = await bench.runner.run(mine, "manual")
    assert found.run(run.id) == run
    assert found.files(run.id) == [("a.txt", 1)]
    assert found.path(run.id, "a.txt") is not None
    assert found.path(run.id, "b.txt") is None
    assert found.log(run.id) == "hi\n"
    assert (found.files(99), found.path(99, "a.txt"), found.log(99), found.run(99)) == ([], None, "", None)
