"""Runs that end well, badly, too late, or not at all."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.domain.errors import Transient
from cloud.jobs.registry import Registry
from tests.cloud.jobs.conftest import Bench, job
from tests.helpers.gone import wait_until_gone

WRITE = "open('{out}/a.txt', 'w').write('whole')"


async def test_a_run_that_ends_well_leaves_its_results_and_its_log(bench: Bench) -> None:
    run = await bench.runner.run(job("j", f"print('working'); print('all good'); {WRITE}"), "manual", "anna")
    assert (run.state, run.exit, run.message, run.who, run.reason) == ("done", 0, "all good", "anna", "manual")
    assert bench.folder.files("j", run.id) == [("a.txt", 5)]
    assert bench.folder.log("j", run.id, 100) == "working\nall good\n"


async def test_what_a_job_carries_on_survives_a_run_that_fails(bench: Bench) -> None:
    """Each good run counts on from the last good one; one that fails half way changes nothing."""
    count = (
        "p = '{out}/n'; import os; n = int(open(p).read()) if os.path.exists(p) else 0; open(p, 'w').write(str(n + 1))"
    )
    good = job("j", count, carries=("n", "not-there"))
    bad = job("j", f"{count}; raise SystemExit(1)", carries=("n",))
    states = [(await bench.runner.run(one, "schedule")).state for one in (good, bad, good, good)]
    assert states == ["done", "failed", "done", "done"]
    newest = bench.folder.path("j", 4, "n")
    assert newest is not None
    assert newest.read_text() == "3"


KILLED = "import os; os.kill(os.getpid(), 9)"


@pytest.mark.parametrize(("code", "status"), [("import sys; sys.exit(3)", 3), (KILLED, -9)])
async def test_a_run_that_fails_leaves_no_result(bench: Bench, code: str, status: int) -> None:
    run = await bench.runner.run(job("j", f"{WRITE}; print('why', flush=True); {code}"), "schedule")
    assert (run.state, run.exit, run.message) == ("failed", status, "why")
    assert bench.folder.files("j", run.id) == []
    assert not bench.folder.work("j", run.id).exists()
    assert bench.folder.log("j", run.id, 100) == "why\n"


async def test_a_run_that_takes_too_long_is_ended_with_all_it_started(bench: Bench, tmp_path: Path) -> None:
    code = (
        f"import subprocess, sys; child = subprocess.Popen(['sleep', '60']); "
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid)); child.wait()"
    )
    run = await bench.runner.run(job("j", code, timeout_s=1.5), "schedule")
    assert run.state == "failed"
    assert "longer than 1.5 s" in run.message
    assert wait_until_gone(int((tmp_path / "pid").read_text()))


async def test_only_one_run_of_a_job_lives(bench: Bench) -> None:
    slow = job("j", "import time; time.sleep(30)")
    first = asyncio.create_task(bench.runner.run(slow, "schedule"))
    while not bench.book.runs(state="running"):
        await asyncio.sleep(0.01)
    with pytest.raises(Transient, match="running already"):
        await bench.runner.run(slow, "manual")
    other = await bench.runner.run(job("other", WRITE), "manual")
    assert other.state == "done"
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    ended = bench.book.runs("j")
    assert [run.state for run in ended] == ["stopped"]
    assert not bench.folder.work("j", ended[0].id).exists()


async def test_a_command_with_a_gap_that_nothing_fills_fails_and_says_so(bench: Bench) -> None:
    run = await bench.runner.run(job("j", "{lake}"), "manual")
    assert (run.state, run.exit) == ("failed", 2)
    assert "{lake} has no value" in run.message


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from cloud.clock import SystemClock
from cloud.jobs.folder import RunFolder
from cloud.jobs.registry import Job
from cloud.jobs.runner import Runner, RunnerSettings
from cloud.store.database import Database
from cloud.store.jobs import SqlRuns
root = Path(sys.argv[1])
code = "open('{out}/half.txt', 'w').write('half'); open(%r, 'w').write('x'); import time; time.sleep(60)"
with Database(f"sqlite:///{root / 'fleet.db'}", SystemClock()) as database:
    runner = Runner(SqlRuns(database), RunFolder(root / "jobs"), SystemClock(),
                    settings=RunnerSettings((sys.executable, "-c")))
    asyncio.run(runner.run(Job("j", "", (code % str(root / "begun"),)), "schedule"))
"""


async def test_a_program_that_is_killed_leaves_no_half_result(bench: Bench, tmp_path: Path) -> None:
    killed = await asyncio.to_thread(subprocess.Popen, [sys.executable, "-c", SUPERVISOR, str(tmp_path)])
    deadline = time.monotonic() + 30
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    registry = Registry([job("j", WRITE)])
    bench.runner.recover(registry)
    assert [run.state for run in bench.book.runs()] == ["running"], "it lives, in another program"
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    while bench.book.runs()[0].state == "running":
        assert time.monotonic() < deadline
        bench.runner.recover(registry)
        await asyncio.sleep(0.02)
    (run,) = bench.book.runs()
    assert (run.state, run.message) == ("crashed", "its process has gone")
    assert bench.folder.files("j", run.id) == []
    assert not bench.folder.work("j", run.id).exists()
    again = await bench.runner.run(job("j", WRITE), "retry")
    assert (again.state, again.id) == ("done", run.id + 1)


async def test_a_run_whose_results_were_complete_when_the_power_went_is_done(bench: Bench, tmp_path: Path) -> None:
    run = await bench.runner.run(job("j", WRITE), "schedule")
    database = sqlite3.connect(tmp_path / "fleet.db")
    database.execute("UPDATE job_runs SET state = 'running', ended_ms = NULL")
    database.commit()
    database.close()
    bench.runner.recover(Registry([job("j", WRITE)]))
    assert [one.state for one in bench.book.runs()] == ["done"]
    assert bench.folder.files("j", run.id) == [("a.txt", 5)]
