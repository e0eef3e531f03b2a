"""Power cuts at random instants, under the aggregator's database."""

import asyncio
import os
import random
import signal
import sqlite3
import time
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiomqtt
import httpx
import msgspec

from agent.domain.wire import ACK, UP, Batch, decode_ack, encode_batch, parse_topic, topic
from bench.ingest import START_MS, WINDOW_S, RealClock, batches
from bench.soak.case import Context, Outcome, Skipped, require
from bench.soak.disk import Disk, Step, lay_out, steps, strace
from bench.soak.stack import needs_mosquitto
from cloud.store.database import Database
from tests.helpers.broker import MosquittoBroker, free_port
from tests.helpers.programs import Program, answers, wait_for

_DATABASE: Final = "fleet.db"
_HOMES: Final = 8
_ALIEN: Final = 7  # every so many batches one names another device: it is put aside
_WISH: Final = 5  # every so many acknowledgements there is a wish
_ROWS: Final = (
    "SELECT start_ms, signal, window_s, mean, low, high, last, n FROM summaries WHERE device = ? "
    "ORDER BY start_ms, signal"
)


@dataclass(slots=True)
class _Told:
    """What the aggregator said, with the Unix time at which it was heard."""

    through: list[tuple[float, str, int]] = field(default_factory=list)
    rejected: list[tuple[float, str, int]] = field(default_factory=list)
    wishes: list[tuple[float, str, int]] = field(default_factory=list)


def run(context: Context) -> Outcome:
    """The aggregator's side: 100 cuts of one run, each laid out as files and opened again."""
    needs_mosquitto()
    cuts, hours = (12, 12) if context.short else (100, 48)
    told, taken = _record(context, hours)
    folder, place = context.folder / "cloud", context.folder / "found"
    final = _rows(folder / _DATABASE)
    chance = random.Random(context.seed)
    heard = [step.at_s for step in taken]
    begun = bisect_right(heard, told.through[0][0])
    disk, at = Disk(), 0
    for number, instant in enumerate(sorted(chance.sample(range(begun, len(taken)), cuts)), 1):
        for step in taken[at:instant]:
            disk.take(step)
        at = instant
        lay_out(disk.after_cut(chance), folder, place)
        _check(place / _DATABASE, told, taken[instant - 1].at_s, final)
        if number % 20 == 0:
            context.say(f"cuts of the aggregator: {number} of {cuts}")
    happened = (
        f"all of {len(told.through):,} acknowledgements, {len(told.rejected)} quarantined batches and "
        f"{len(told.wishes)} wishes that had been told were in the database, rows exactly those of the numbers "
        "acknowledged; no database was damaged"
    )
    return Outcome(f"{cuts} cuts", happened)


def _record(context: Context, hours: int) -> tuple[_Told, list[Step]]:
    """A real aggregator over devices that wait for each answer; what it told and what it wrote."""
    folder, log = context.folder / "cloud", context.folder / "trace"
    folder.mkdir()
    with MosquittoBroker(context.folder / "broker") as broker:
        http_port = free_port()
        (folder / "cloud.toml").write_text(f"[broker]\nport = {broker.port}\n[http]\nport = {http_port}\n")
        program = Program("cloud", ["serve", "--config", folder / "cloud.toml"], context.folder / "cloud.log")
        command = strace(log, program.command)
        if command is None:
            raise Skipped("there is no strace: apt-get install strace")
        program.command = command
        with program:
            api = f"http://127.0.0.1:{http_port}/api/v1"
            wait_for("the aggregator", lambda: answers(f"{api}/health") or _failed(program), 60)
            told = asyncio.run(_Homes(broker.port, api, hours, context.seed).run())
            _end(program)
    return told, list(steps(log, folder))


def _failed(program: Program) -> bool:
    """Raises `Skipped` where strace may not look."""
    if program.ended() and "ptrace" in program.said():
        raise Skipped("this machine does not let strace look")
    return False


def _end(program: Program) -> None:
    """Stop the aggregator itself; strace ends with it."""
    assert program.process is not None
    pid = program.process.pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGTERM)
    program.process.wait(30)


class _Homes:
    """Devices that send a batch, wait for its acknowledgement, and send the next."""

    def __init__(self, port: int, api: str, hours: int, seed: int) -> None:
        self._port = port
        self._api = api
        self._batches = list(batches("home-0", hours, seed))
        self._told = _Told()
        self._versions: dict[str, int] = {}

    async def run(self) -> _Told:
        async with aiomqtt.Client("127.0.0.1", self._port) as client, httpx.AsyncClient() as web:
            await client.subscribe(topic("+", ACK), qos=1)
            homes = {f"home-{number}": iter(self._messages(f"home-{number}")) for number in range(_HOMES)}
            for home, messages in homes.items():
                await client.publish(topic(home, UP), next(messages), qos=1)
            waiting, last = dict.fromkeys(homes, 0), self._batches[-1].last
            async for message in client.messages:
                at_s, ack = time.time(), decode_ack(bytes(message.payload))
                home, _ = parse_topic(message.topic.value)
                self._told.through.append((at_s, home, ack.through))
                self._told.rejected += [(at_s, home, each.last - each.first + 1) for each in ack.rejected]
                if ack.through == last:
                    waiting.pop(home, None)
                elif ack.through > waiting[home]:
                    waiting[home] = ack.through
                    await client.publish(topic(home, UP), next(homes[home]), qos=1)
                if not waiting:
                    return self._told
                if len(self._told.through) % _WISH == 0:
                    await self._wish(web, home)
        return self._told

    def _messages(self, home: str) -> list[bytes]:
        def name(number: int) -> str:
            return "another-home" if number % _ALIEN == _ALIEN - 1 else home

        return [encode_batch(_renamed(batch, name(number))) for number, batch in enumerate(self._batches)]

    async def _wish(self, web: httpx.AsyncClient, home: str) -> None:
        version = self._versions.get(home, 0)
        address = f"{self._api}/devices/{home}/twin/desired"
        answer = await web.patch(
            address, json={"poll": {"interval_s": version + 1}}, headers={"If-Match": f'"{version}"'}
        )
        require(answer.status_code == 200, f"{address}: {answer.status_code} {answer.text}")
        self._versions[home] = version + 1
        self._told.wishes.append((time.time(), home, version + 1))


def _renamed(batch: Batch, name: str) -> Batch:
    return msgspec.structs.replace(batch, device=name)


def _rows(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(database)) as db:
        return {home: db.execute(_ROWS, (home,)).fetchall() for home in _names()}


def _names() -> list[str]:
    return [f"home-{number}" for number in range(_HOMES)]


def _check(database: Path, told: _Told, cut_s: float, final: dict[str, list[tuple[Any, ...]]]) -> None:
    """Open what was found, as the aggregator does, and hold it against what was told before the cut."""
    with Database(f"sqlite:///{database}", RealClock()) as opened, opened.read() as connection:
        sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
        require(sound == "ok", f"the database was found damaged: {sound}")
    with closing(sqlite3.connect(database)) as db:
        positions = dict(db.execute("SELECT device, max(through) FROM positions GROUP BY device").fetchall())
        aside = dict(db.execute("SELECT device, count(*) FROM quarantine GROUP BY device").fetchall())
        wishes = dict(db.execute("SELECT device, version FROM twins WHERE side = 'desired'").fetchall())
        for home in _names():
            through, present = positions.get(home, 0), db.execute(_ROWS, (home,)).fetchall()
            require(through >= _highest(told.through, home, cut_s), f"{home}: an acknowledgement is forgotten")
            expected = [row for row in final[home] if row[0] < _end_of(through)]
            require(present == expected, f"{home}: rows are not those of the numbers up to {through}")
            rejected = sum(1 for at_s, name, _ in told.rejected if name == home and at_s < cut_s)
            require(aside.get(home, 0) >= rejected, f"{home}: a quarantined batch is gone")
            require(wishes.get(home, 0) >= _highest(told.wishes, home, cut_s), f"{home}: a wish is forgotten")


def _highest(told: Sequence[tuple[float, str, int]], home: str, before_s: float) -> int:
    return max((number for at_s, name, number in told if name == home and at_s < before_s), default=0)


def _end_of(through: int) -> int:
    """When the window of that number ends."""
    return START_MS + through * WINDOW_S * 1000
