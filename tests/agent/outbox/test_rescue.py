"""Damage of every kind: recognised, set aside, and the journal goes on with what was saved."""

import os
import random
import shutil
from pathlib import Path

import pytest

from agent.domain.wire import Event, Record, decode_body
from agent.outbox.rescue import ASIDE, DAMAGED_EVENT
from agent.outbox.rows import beside
from agent.outbox.schema import PAGE_BYTES
from agent.outbox.sqlite import LEFT_OUT, OutboxSettings, SqliteOutbox
from tests.helpers.uplinks import START_MS, SetClock, summary

COUNT = 300


def journal(path: Path) -> SqliteOutbox:
    return SqliteOutbox(OutboxSettings(path), SetClock())


async def fill(path: Path, count: int = COUNT) -> bytes:
    async with journal(path) as outbox:
        for number in range(count):
            await outbox.append([(START_MS + number, summary(number))], checkpoint=b"state %d" % number)
        return (await outbox.position()).epoch


async def held(path: Path, most: int = 10_000) -> tuple[bytes, list[Record]]:
    async with journal(path) as outbox:
        return (await outbox.position()).epoch, await outbox.after(0, limit=most)


def check(records: list[Record], least: int) -> None:
    """Nothing wrong in them: every summary is the one that was written, and an event says what happened."""
    told = [decode_body(record.kind, record.body) for record in records if record.kind == "event"]
    assert [body.name for body in told if isinstance(body, Event)] == [DAMAGED_EVENT]
    summaries = [record for record in records if record.kind == "summary"]
    assert len(summaries) >= least
    for record in summaries:
        assert decode_body(record.kind, record.body) == summary(record.seq - 1)


@pytest.fixture
async def full(tmp_path: Path) -> Path:
    path = tmp_path / "j.db"
    await fill(path)
    return path


def tear(path: Path) -> None:
    """Of one page in the middle only the beginning reached the disk."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // PAGE_BYTES // 2 * PAGE_BYTES + 300)
        file.write(os.urandom(PAGE_BYTES - 300))


async def test_a_torn_page_costs_what_stood_on_it(full: Path) -> None:
    epoch = (await held(full))[0]
    tear(full)
    after, records = await held(full)
    assert after != epoch
    check(records, COUNT * 7 // 10)
    assert beside(full, ASIDE).exists()
    async with journal(full) as outbox:
        assert await outbox.checkpoint() == b"state %d" % (COUNT - 1)
        assert await outbox.append([(1, Event(1, "start"))]) == records[-1].seq + 1


def flip(path: Path) -> None:
    """A number of a window in the middle: SQLite itself would never notice."""
    content = bytearray(path.read_bytes())
    content[content.find(b"pv_power", len(content) // 2) + len(b"pv_power") + 2] ^= 0x40
    path.write_bytes(content)


async def test_a_flipped_bit_in_a_record_is_noticed_when_it_is_read(full: Path) -> None:
    flip(full)
    _, records = await held(full)
    check(records, COUNT - 1)
    assert len([record for record in records if record.kind == "summary"]) == COUNT - 1


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_is_damaged_the_journal_opens_and_says_nothing_wrong(full: Path, seed: int) -> None:
    maul(full, random.Random(seed))
    _, records = await held(full)
    for record in records:
        if record.kind == "summary":
            assert decode_body(record.kind, record.body) == summary(record.seq - 1)
    async with journal(full) as outbox:
        last = await outbox.append([(1, Event(1, "start"))])
        assert (await outbox.after(last - 1, limit=9))[0].kind == "event"


def maul(path: Path, chance: random.Random) -> None:
    """Flipped bits, in the header more often than elsewhere, and sometimes the end is missing."""
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 1, 3, 40))):
        place = chance.randrange(len(content)) if chance.random() < 0.7 else chance.randrange(200)
        content[place] ^= 1 << chance.randrange(8)
    if chance.random() < 0.3:
        del content[chance.randrange(len(content)) :]
    path.write_bytes(content)


@pytest.mark.parametrize("content", [b"not a database at all, " * 100, b"\0" * 8192], ids=["text", "zeros"])
async def test_a_file_that_is_no_journal_at_all_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "j.db"
    path.write_bytes(content)
    _, records = await held(path)
    check(records, 0)
    assert beside(path, ASIDE).read_bytes() == content


async def test_damage_while_running_is_survived_by_the_same_call(tmp_path: Path) -> None:
    path, many = tmp_path / "j.db", 20_000
    async with journal(path) as outbox:
        await outbox.append([(START_MS, summary(number)) for number in range(many)])
    async with journal(path) as outbox:
        before = await outbox.position()
        spoil(path)
        assert len(await outbox.after(0, limit=many)) > many // 2
        position = await outbox.position()
        assert position.epoch != before.epoch
        assert await outbox.append([(1, Event(1, "later"))]) == position.last + 1
    _, records = await held(path, many)
    check([record for record in records if record.at_ms != 1], many // 2)


def spoil(path: Path) -> None:
    """Every tenth page is rubbish."""
    with path.open("r+b") as file:
        for page in range(20, path.stat().st_size // PAGE_BYTES, 10):
            file.seek(page * PAGE_BYTES)
            file.write(os.urandom(PAGE_BYTES))


async def crash(path: Path, copy: Path) -> None:
    """The files as a power cut leaves them, at `copy`."""
    async with journal(path) as outbox:
        for number in range(COUNT):
            await outbox.append([(START_MS + number, summary(number))])
        for ending in ("", "-wal"):
            shutil.copy(beside(path, ending), beside(copy, ending))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.77, 1.0])
async def test_after_a_cut_no_number_is_given_twice(tmp_path: Path, share: float) -> None:
    copy = tmp_path / "copy.db"
    await crash(tmp_path / "j.db", copy)
    log = beside(copy, "-wal")
    os.truncate(log, int(log.stat().st_size * share))
    async with journal(copy) as outbox:
        kept = await outbox.after(0, limit=10_000)
        assert len(kept) == COUNT if share == 1.0 else len(kept) < COUNT
        first = await outbox.append([(1, Event(1, "start"))])
        assert first == (kept[-1].seq if kept else 0) + LEFT_OUT + 1
        assert first > COUNT
        assert await outbox.append([(1, Event(1, "start"))]) == first + 1
    async with journal(copy) as outbox:
        assert await outbox.append([(1, Event(1, "start"))]) == first + 2


async def test_an_interrupted_rescue_is_taken_up_again(full: Path) -> None:
    shutil.move(full, beside(full, ASIDE))
    beside(full, ".new").write_bytes(b"half of it")
    _, records = await held(full)
    check(records, COUNT)
    assert not beside(full, ".new").exists()


async def test_a_journal_of_version_1_is_saved_too(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    shutil.copy(Path(__file__).with_name("journal_v1.db"), beside(path, ASIDE))
    _, records = await held(path)
    assert [record.kind for record in records] == ["summary", "fault", "event", "event"]
