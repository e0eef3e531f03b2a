"""What the homes did before the demo begins: simulated, and judged as a gateway would have, both once.

It is judged before the clock of the demo starts: at sixty times the speed of life the seconds that it takes would be
minutes in which nobody reads the home.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from firmware_sim.clock import instant_text
from firmware_sim.demo.stage import HISTORY_DAYS, World
from firmware_sim.scenario import Scenario

HISTORY = "history.csv"
JUDGED = "judged"
_BIN = Path(sys.executable).parent


class PastFailed(Exception):
    """A history could not be made or judged; the text says which and what was said."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command of one home, what it says, and the file that stands as `made`.new while it works."""

    title: str
    command: Sequence[str | Path]
    made: Path
    log: Path


def make(homes: Sequence[tuple[Scenario, Path]], world: World, site: Callable[[Scenario], str]) -> None:
    """Fill each home's folder with its history and an agent's state that knows it; `site`: its site file's text."""
    start, end = instant_text(world.origin_ms), instant_text(world.now_ms)
    todo = [(scenario, folder) for scenario, folder in homes if not (folder / JUDGED).exists()]
    _play(f"history of {HISTORY_DAYS} days", [_simulated(scenario, folder, start, end) for scenario, folder in todo])
    for scenario, folder in todo:
        (folder / "site.toml").write_text(site(scenario), encoding="utf-8")
    _play("an agent looks back on it", [_judged(scenario, folder) for scenario, folder in todo])


def _simulated(scenario: Scenario, folder: Path, start: str, end: str) -> Job:
    command: list[str | Path] = [_BIN / "emberwatt-sim", "history", scenario.name, "--origin", start, "--until", end]
    command += ["--out", folder / f"{HISTORY}.new"]
    return Job(scenario.title, command, folder / HISTORY, folder / "history.log")


def _judged(scenario: Scenario, folder: Path) -> Job:
    command: list[str | Path] = [_BIN / "emberwatt-agent", "run", "--config", folder / "site.toml", "--until-drained"]
    command += ["--history", folder / HISTORY]
    return Job(scenario.title, command, folder / JUDGED, folder / f"{JUDGED}.new")


def _play(what: str, jobs: Iterable[Job]) -> None:
    """As many at a time as there are cores."""
    todo = [job for job in jobs if not job.made.exists()]
    running: list[tuple[Job, subprocess.Popen[bytes]]] = []
    with _none_left(running):
        for count, job in enumerate(todo, 1):
            print(f"{what}, {count} of {len(todo)}: {job.title}", flush=True)
            with job.log.open("wb") as said:
                command = [str(part) for part in job.command]
                running.append((job, subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)))
            if len(running) >= (os.cpu_count() or 1):
                _end(*running[0])
                del running[0]
        for job, process in running:
            _end(job, process)


@contextmanager
def _none_left(running: Sequence[tuple[Job, subprocess.Popen[bytes]]]) -> Iterator[None]:
    try:
        yield
    finally:
        for _, process in running:
            process.terminate()
            process.wait()


def _end(job: Job, process: subprocess.Popen[bytes]) -> None:
    if process.wait() != 0:
        said = job.log.read_text(errors="replace").strip()
        raise PastFailed(f"{job.command[1]} of {job.title} failed with status {process.returncode}: {said}")
    job.made.with_name(f"{job.made.name}.new").rename(job.made)
