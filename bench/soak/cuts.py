"""Power cuts at random instants, under the agent's journal."""

import asyncio
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.diagnosis.settings import settings_from
from agent.domain.wire import Record
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.pipeline import Pipeline
from agent.steering.command_log import CommandLog
from agent.steering.vault import Vault
from bench.journal import ReadingsClock
from bench.soak.case import Context, Outcome, Skipped, require
from bench.soak.disk import Disk, Step, lay_out, steps, strace
from bench.soak.scribe import AT_RISK_S, SITE, command_name, readings
from tests.helpers.histories import write_home_history

_JOURNAL: Final = "journal.db"
_EVERYTHING: Final = 1_000_000
_AFTERWARDS: Final = 30


@dataclass(slots=True)
class _Promised:
    """What the agent had promised when the power went; times are readings'."""

    last: int = 0
    acknowledged: int = 0
    taken_ms: int = 0
    faults: int = 0
    wish: int = 0
    began: list[int] = field(default_factory=list)

    def hear(self, line: str) -> None:
        what, *numbers = line.split()
        number = int(numbers[-1])
        if what == "acked":
            self.acknowledged = number
        elif what == "began":
            self.began.append(number)
        elif what == "wish":
            self.wish = number
        if what in ("acked", "began", "wish"):
            return
        self.last = max(self.last, number)
        self.faults += what == "fault"
        if what == "taken":
            self.taken_ms = int(numbers[0])


def run(context: Context) -> Outcome:
    """The agent's side: 100 cuts of one run, each laid out as files and opened by the agent again."""
    cuts, days = (12, 2) if context.short else (200, 6)
    history, folder = context.folder / "home.csv", context.folder / "agent"
    write_home_history(history, days=days + 1, seed=context.seed)
    taken = _record(context.folder / "trace", folder, history)
    written = asyncio.run(_records(folder / _JOURNAL))
    chance = random.Random(context.seed)
    # Not during the first moments, when there is no journal yet: nothing was promised.
    instants = sorted(chance.sample(range(len(taken) // 100, len(taken)), cuts))
    disk, promised, at, lost_ms = Disk(), _Promised(), 0, 0
    for number, instant in enumerate(instants, 1):
        for step in taken[at:instant]:
            disk.take(step)
            if step.verb == "say":
                for line in step.data.decode().splitlines():
                    promised.hear(line)
        at = instant
        place = context.folder / "found"
        lay_out(disk.after_cut(chance), folder, place)
        lost_ms = max(lost_ms, asyncio.run(_check(place, promised, written, history)))
        _check_steering(place, promised)
        require(not list(place.glob("*.damaged*")), "the journal was found damaged")
        if number % 20 == 0:
            context.say(f"cuts of the agent: {number} of {cuts}")
    happened = (
        f"all {promised.last:,} records promised were there ({promised.faults} with faults, every event and "
        f"acknowledgement), {len(promised.began)} commands begun and the wishes of the fleet too; at most "
        f"{lost_ms / 60_000:.0f} min of plain samples gone; no journal was damaged"
    )
    return Outcome(f"{cuts} cuts", happened)


def _record(log: Path, folder: Path, history: Path) -> list[Step]:
    """One undisturbed run, as steps."""
    folder.mkdir()
    command = strace(log, [sys.executable, "-m", "bench.soak.scribe", str(folder), str(history)])
    if command is None:
        raise Skipped("there is no strace: apt-get install strace")
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if "ptrace" in done.stderr:
        raise Skipped(f"this machine does not let strace look: {done.stderr.splitlines()[0]}")
    require(done.returncode == 0, done.stderr[-500:])
    return list(steps(log, folder))


async def _records(journal: Path) -> dict[int, Record]:
    async with SqliteOutbox(OutboxSettings(journal), ReadingsClock()) as outbox:
        return {record.seq: record for record in await outbox.after(0, limit=_EVERYTHING)}


def _check_steering(place: Path, promised: _Promised) -> None:
    """A command that had begun is known, so that it never runs again; so is the fleet's wish."""
    commands = CommandLog(place)
    for number in promised.began:
        require(commands.seen(command_name(number), promised.taken_ms) is not None, f"command {number} would run again")
    commands.close()
    require(Vault(place).load().good.version >= promised.wish, "a wish of the fleet is forgotten")


async def _check(place: Path, promised: _Promised, written: dict[int, Record], history: Path) -> int:
    """Open what was found and go on; returns how many ms of plain samples are gone."""
    clock = ReadingsClock(max(promised.taken_ms, 1))
    async with SqliteOutbox(OutboxSettings(place / _JOURNAL), clock) as outbox:
        found = await outbox.after(0, limit=_EVERYTHING)
        require([record.seq for record in found] == list(range(1, len(found) + 1)), "numbers are missing")
        require(len(found) >= promised.last, f"{promised.last - len(found)} promised records are gone")
        require(all(record == written[record.seq] for record in found), "a record is not as it was written")
        position = await outbox.position()
        require(position.acknowledged >= promised.acknowledged, "an acknowledgement is forgotten")
        pipeline = await Pipeline.resume(settings_from({"site": SITE}), outbox)
        require(not pipeline.reset, pipeline.reset)
        lost_ms = max(0, promised.taken_ms - pipeline.at_ms) if promised.taken_ms else 0
        require(lost_ms <= AT_RISK_S * 1000, f"{lost_ms} ms of samples are gone")
        before = position.last
        left = [each for each in readings(history) if each.at_ms > promised.taken_ms][:_AFTERWARDS]
        for reading in left:
            await pipeline.take(reading, {"inverter": True})
        position = await outbox.position()
        require(position.last > before or len(left) < _AFTERWARDS, "the journal takes nothing after the cut")
        for record in await outbox.after(before, limit=1):
            require(record.seq > len(written), "a number was given twice")
    return lost_ms
