"""An agent's diagnosis and journal over a recording, which says aloud what it has promised.

    python -m bench.soak.scribe FOLDER HISTORY

For `bench.soak.cuts`, which records what this process writes. A line on standard output comes after each promise:
`taken AT_MS LAST` once a reading is judged and its records up to number LAST are in the journal, `fault LAST` once a
fault is, `acked THROUGH` once an acknowledgement is noted, `event LAST` once an event is; `began N` once command N may
run, `wish N` once the fleet's wish of version N is kept.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from agent.diagnosis.settings import settings_from
from agent.domain.commands import Command, CommandName, Outcome, Reply
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, Reading
from agent.domain.wire import Event
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.pipeline import Pipeline
from agent.sources.recording import ColumnMapping, read_recording
from agent.steering.command_log import CommandLog
from agent.steering.vault import Kept, Vault, Wish
from bench.journal import ReadingsClock

SITE: Final = {"timezone": "Europe/Berlin", "latitude": 48.1, "longitude": 11.6}
AT_RISK_S: Final = 900.0
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_BOOT: Final = b"one-boot"


def readings(history: Path) -> Iterator[Reading]:
    """The home's minutes, with a battery that stands still from 8 to 10 every day: a fault a day begins and ends."""
    for reading in read_recording(history, ColumnMapping()):
        hour = reading.at_ms % _DAY_MS // _HOUR_MS
        if 8 <= hour < 10:
            values = dict(reading.values) | {BATTERY_POWER: 0.0}
            values[GRID_POWER] = values[LOAD_POWER] - values[PV_POWER]
            reading = Reading(reading.at_ms, values, reading.bad)
        yield reading


async def open_and_run(journal: Path, history: Path) -> None:
    """Judge all of it; every two hours what is known is acknowledged, every six there is an event."""
    clock, commands = ReadingsClock(), CommandLog(journal.parent)
    async with SqliteOutbox(OutboxSettings(journal, boot=_BOOT), clock) as outbox:
        pipeline = await Pipeline.resume(settings_from({"site": SITE}), outbox, at_risk_s=AT_RISK_S)
        for reading in readings(history):
            clock.at_ms = reading.at_ms
            fault = await pipeline.take(reading, {"inverter": True})
            position = await outbox.position()
            say("fault" if fault else f"taken {reading.at_ms}", position.last)
            if reading.at_ms % (2 * _HOUR_MS) == 0:
                await outbox.acknowledge(position.epoch, position.last)
                say("acked", position.last)
            if reading.at_ms % (6 * _HOUR_MS) == 0:
                await pipeline.note([(reading.at_ms, Event(reading.at_ms, "config_applied", {"version": 1}))])
                say("event", (await outbox.position()).last)
            if reading.at_ms % _HOUR_MS == 0:
                steer(journal.parent, commands, reading.at_ms)


def steer(state: Path, commands: CommandLog, at_ms: int) -> None:
    """A command, and a wish of the fleet that becomes the one in force."""
    number = at_ms // _HOUR_MS
    command = Command(CommandName.IDENTIFY, "soak", at_ms, at_ms + _DAY_MS)
    commands.begin(command_name(number), command, at_ms)
    say("began", number)
    commands.end(command_name(number), Reply(Outcome.DONE, at_ms))
    Vault(state).save(Kept(good=Wish(number, {"poll": {"interval_s": 60}})))
    say("wish", number)


def command_name(number: int) -> str:
    """The id of a command."""
    return f"command-{number}"


def say(what: str, number: int) -> None:
    """One line, at once."""
    os.write(1, f"{what} {number}\n".encode())


if __name__ == "__main__":
    asyncio.run(open_and_run(Path(sys.argv[1]).resolve() / "journal.db", Path(sys.argv[2])))
