"""10,000 wrong messages to a running aggregator, between the messages of devices that are well."""

import asyncio
import json
import math
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import aiomqtt
import httpx

from agent.domain.wire import STATUS, TWIN_REPORTED, UP, encode_batch, topic
from bench.ingest import batches
from bench.soak import mutate
from bench.soak.case import Context, Outcome, require
from bench.soak.stack import Stack, needs_mosquitto
from tests.helpers.programs import wait_for

_WELL: Final = 10
_WELL_HOURS: Final = 48
_TABLES: Final = ("summaries", "energy", "faults", "reliability", "events", "others")
_LATEST_MS: Final = 4_102_444_800_000
_ONE_SEEN_OF: Final = 30


@dataclass(frozen=True, slots=True)
class _Sent:
    """One message. `rows` are the tables in which a row of it must be, and no others; None: whatever is lawful.

    `aside` is how often it must be put aside; None: as it may be.
    """

    device: str
    leaf: str
    payload: bytes
    rows: frozenset[str] | None
    aside: int | None


def run(context: Context) -> Outcome:
    """A device of its own for each wrong message, so that each can be held to account."""
    needs_mosquitto()
    count = 300 if context.short else 10_000
    sent = list(_wrong(random.Random(context.seed), count))
    with Stack(context.folder / "fuzzed").running() as stack:
        asyncio.run(_send(stack, sent))
        known = {f"well-{number}" for number in range(_WELL)}
        wait_for("the devices that are well", lambda: _through(stack) >= known, 120)
        require(not stack.cloud.ended(), stack.cloud.said()[-500:])
        seen = asyncio.run(_look(stack, [each.device for each in sent if each.rows is None][: count // _ONE_SEEN_OF]))
        said = stack.cloud.said()
    require("Traceback" not in said and "ERROR" not in said, said[-1000:])
    told = _judge(context.folder / "fuzzed" / "fleet.db", sent)
    happened = (
        f"no crash; {told['aside']:,} put aside with their reason, exactly the {told['wrong']:,} that had to be and "
        f"{told['aside'] - told['wrong']:,} of the {told['odd']:,} that could be; the right records beside a wrong one "
        f"were kept, no row broke a limit; {_WELL} devices between them lost nothing; {seen} of their pages were shown"
    )
    return Outcome(f"{count:,} messages", happened)


def _wrong(chance: random.Random, count: int) -> Iterator[_Sent]:
    for number in range(count):
        device = f"fuzz-{number}"
        share = chance.random()
        if share < 0.35:
            payload = mutate.damaged(mutate.batch(device), chance)
            yield _Sent(device, UP, payload, frozenset(), 1)
        elif share < 0.6:
            made = mutate.wrong(device, chance)
            yield _Sent(device, UP, made.payload, frozenset(_TABLES[place] for place in made.kept), 1)
        elif share < 0.75:
            yield _Sent(device, UP, mutate.resealed(mutate.batch(device), chance), None, None)
        elif share < 0.9:
            yield _Sent(device, UP, mutate.odd(device, chance), None, None)
        elif share < 0.97:
            yield _Sent(device, TWIN_REPORTED, mutate.twin(chance), frozenset(), 1)
        else:
            payload = chance.choice((b"", b"{}", b'{"state": "away"}', b'{"state": 1}', b"\xff", b"[" * 5000))
            yield _Sent(device, STATUS, payload or b"-", frozenset(), 1)


async def _send(stack: Stack, sent: list[_Sent]) -> None:
    """The wrong ones in their order, the right ones of the others anywhere between them."""
    right = [
        _Sent(f"well-{number}", UP, payload, None, 0) for number in range(_WELL) for payload in _well(f"well-{number}")
    ]
    step = max(1, len(sent) // len(right))
    async with aiomqtt.Client("127.0.0.1", stack.broker.port, max_inflight_messages=100) as client:
        places = chain.from_iterable([*sent[at * step : (at + 1) * step], each] for at, each in enumerate(right))
        for each in chain(places, sent[len(right) * step :]):
            await client.publish(topic(each.device, each.leaf), each.payload, qos=1, timeout=60)


def _well(device: str) -> list[bytes]:
    return [encode_batch(batch) for batch in batches(device, _WELL_HOURS, 1)]


def _through(stack: Stack) -> set[str]:
    """The devices that have everything acknowledged."""
    with closing(sqlite3.connect(stack.folder / "fleet.db", timeout=30)) as db:
        query = "SELECT device FROM positions WHERE through >= ?"
        return {device for (device,) in db.execute(query, (_WELL_HOURS * 4,))}


async def _look(stack: Stack, devices: list[str]) -> int:
    """Ask the API and the pages for them: nothing that was stored may break them."""
    shown = 0
    site = stack.url.removesuffix("/api/v1")
    async with httpx.AsyncClient(timeout=30) as web:
        for device in devices:
            for address in (
                f"{stack.url}/devices/{device}",
                f"{site}/sites/{device}",
                f"{stack.url}/events?device={device}",
            ):
                answer = await web.get(address)
                require(answer.status_code in (200, 404), f"{address}: {answer.status_code}")
                shown += answer.status_code == 200
    return shown


def _judge(database: Path, sent: list[_Sent]) -> Counter[str]:
    """Hold every message to account."""
    told = Counter[str](odd=sum(each.rows is None for each in sent))
    with closing(sqlite3.connect(database)) as db:
        there = {
            table: {device for (device,) in db.execute(f"SELECT DISTINCT device FROM {table}")} for table in _TABLES
        }
        aside = dict(db.execute("SELECT device, count(*) FROM quarantine GROUP BY device").fetchall())
        twins = {device for (device,) in db.execute("SELECT device FROM twins")}
        for each in sent:
            told["aside"] += aside.get(each.device, 0)
            told["wrong"] += each.aside or 0
            require(each.device not in twins, f"{each.device}: a wrong twin was taken: {each.payload[:80]!r}")
            if each.aside is not None:
                found = aside.get(each.device, 0)
                require(found == each.aside, f"{each.device}: put aside {found} times: {each.payload[:80]!r}")
            if each.rows is not None:
                rows = {table for table in _TABLES if each.device in there[table]}
                require(rows == each.rows, f"{each.device}: rows in {sorted(rows)}, expected {sorted(each.rows)}")
        require(None not in aside, "a message without a device came through")
        strangers = set().union(*there.values()) - {each.device for each in sent}
        require(strangers == {f"well-{number}" for number in range(_WELL)}, f"rows of {sorted(strangers)[:5]}")
        _check_rows(db)
    return told


def _check_rows(db: sqlite3.Connection) -> None:
    """Whatever was taken is within the limits of the contract."""
    windows = "SELECT signal, start_ms, window_s, mean, low, high, last, n, stale, missing, invalid FROM summaries"
    for signal, start_ms, window_s, *values in db.execute(windows):
        require(0 < len(signal) <= 100 and signal.isprintable(), f"signal {signal!r}")
        require(0 <= start_ms <= _LATEST_MS and 0 < window_s <= 400 * 86_400, f"window {start_ms}, {window_s}")
        require(all(value is None or math.isfinite(value) for value in values), f"{signal}: {values}")
        require(all(0 <= count <= 10**9 for count in values[4:]), f"{signal}: counts {values[4:]}")
    for table, column in (
        ("energy", "counters"),
        ("faults", "evidence"),
        ("reliability", "state"),
        ("events", "detail"),
    ):
        for (text,) in db.execute(f"SELECT {column} FROM {table}"):
            require(isinstance(json.loads(text, parse_constant=_refuse), dict), f"{table}: {text[:80]}")
    for start_ms, end_ms, step in db.execute("SELECT start_ms, end_ms, step FROM faults"):
        require(0 <= start_ms <= _LATEST_MS and (end_ms is None or 0 <= end_ms <= _LATEST_MS), f"fault {start_ms}")
        require(step in (0, 1, 2), f"step {step}")


def _refuse(word: str) -> Any:
    raise AssertionError(f"{word} was stored")
