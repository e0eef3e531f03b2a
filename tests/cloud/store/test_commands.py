"""Commands in the store: what is open, what ended them, and that the first end counts."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from agent.domain.commands import Outcome, Reply
from agent.domain.errors import BadInput
from agent.domain.wire import Status, encode_status
from cloud.ports import Arrival, CommandRow
from cloud.store.commands import SqlCommands
from cloud.store.database import Database
from cloud.store.writer import SqlFleetWriter
from tests.helpers.uplinks import START_MS, SetClock

DEVICE = "home-1"
ROW = CommandRow("feedbeef01", DEVICE, "logs", {"lines": 5}, "anna", "queued", 10, 1000, 0, None, None, None, "", {})
DONE = Reply(Outcome.DONE, 500, "", {"log": ["a"]})


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url, SetClock()) as database:
        status = encode_status(Status("online", 7))
        SqlFleetWriter(database).statuses([Arrival(DEVICE, status, START_MS)])
        yield database


@pytest.fixture
def book(database: Database) -> SqlCommands:
    book = SqlCommands(database)
    book.add(ROW)
    return book


def row(book: SqlCommands, **expected: Any) -> CommandRow:
    found = book.command(ROW.id)
    assert found == msgspec.structs.replace(ROW, **expected)
    return ROW


def test_what_is_open_and_whether_its_device_is_there(book: SqlCommands) -> None:
    (one,) = book.open()
    assert (one.row, one.online, one.since_ms) == (ROW, True, 7)
    assert book.commands(DEVICE) == book.commands() == [ROW]
    assert book.commands("home-2") == []
    assert book.command("nothing") is None


def test_a_reply_ends_it_and_the_first_one_counts(book: SqlCommands) -> None:
    book.sent(ROW.id, 7, 20)
    book.sent(ROW.id, 7, 30)
    row(book, state="sent", sends=2, sent_ms=30, sent_since_ms=7)
    assert book.replied(DEVICE, ROW.id, DONE, 40)
    assert book.replied(DEVICE, ROW.id, Reply(Outcome.FAILED, 500, "later"), 50)
    book.sent(ROW.id, 7, 60)
    row(book, state="done", sends=2, sent_ms=30, sent_since_ms=7, ended_ms=40, result={"log": ["a"]})
    assert book.open() == []


def test_it_expires_and_a_late_reply_is_truer(book: SqlCommands) -> None:
    assert book.expire(999) == 0
    assert book.expire(1000) == 1
    assert book.expire(2000) == 0
    row(book, state="expired", ended_ms=1000, reason="no reply before it expired")
    assert book.replied(DEVICE, ROW.id, DONE, 3000)
    row(book, state="done", ended_ms=3000, result={"log": ["a"]})


def test_a_reply_to_what_was_never_asked(book: SqlCommands) -> None:
    assert not book.replied(DEVICE, "other-id-1", DONE, 5)
    assert not book.replied("home-2", ROW.id, DONE, 5)
    row(book)


def test_a_device_that_nobody_knows(book: SqlCommands) -> None:
    with pytest.raises(BadInput, match="never been heard of"):
        book.add(msgspec.structs.replace(ROW, id="feedbeef02", device="nobody"))
