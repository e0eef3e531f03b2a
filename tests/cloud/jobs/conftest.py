"""Jobs that are one line of Python, over a real database and a real folder."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud.jobs.folder import RunFolder
from cloud.jobs.registry import Job
from cloud.jobs.runner import Runner, RunnerSettings
from cloud.jobs.schedule import ByHand, Schedule
from cloud.store.database import Database
from cloud.store.jobs import SqlRuns
from tests.helpers.fleet import HandClock

PYTHON = (sys.executable, "-c")


def job(name: str, code: str, schedule: Schedule | None = None, **more: float) -> Job:
    """A job that runs `code`; braces in it are gaps."""
    return Job(name, f"what {name} is for", (code,), schedule or ByHand(), **more)  # type: ignore[arg-type]


@dataclass
class Bench:
    book: SqlRuns
    folder: RunFolder
    clock: HandClock
    runner: Runner


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock = HandClock()
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", clock) as database:
        book, folder = SqlRuns(database), RunFolder(tmp_path / "jobs")
        yield Bench(book, folder, clock, Runner(book, folder, clock, settings=RunnerSettings(PYTHON, keep=3)))
