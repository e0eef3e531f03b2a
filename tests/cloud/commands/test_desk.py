from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.commands import Outcome, Reply, decode_command, encode_reply
from agent.domain.errors import BadInput, BadMessage
from cloud.commands.desk import Desk, payload_of
from tests.helpers.command_book import Book
from tests.helpers.uplinks import START_MS, SetClock

LEAF = "cmd/{}/reply"


@pytest.fixture
def book() -> Book:
    return Book()


def test_an_order_is_kept_before_anybody_is_woken(book: Book) -> None:
    woken: list[int] = []
    desk = Desk(book, SetClock(), lambda: woken.append(len(book.rows)))
    row = desk.order("home-1", "interval", {"interval_s": 5}, "anna", 60)
    assert woken == [1]
    assert (row.state, row.created_ms, row.expires_ms) == ("queued", START_MS, START_MS + 60_000)
    assert desk.command(row.id) == desk.commands("home-1")[0] == row
    command = decode_command(payload_of(row))
    assert (command.name, command.by, command.args, command.expires_ms) == (
        "interval",
        "anna",
        {"interval_s": 5},
        row.expires_ms,
    )


@pytest.mark.parametrize(
    ("name", "args", "who", "life_s"),
    [
        ("explode", {}, "anna", 60),
        ("interval", {}, "anna", 60),
        ("logs", {}, "", 60),
        ("logs", {}, "a" * 101, 60),
        ("logs", {}, "anna", 0),
        ("logs", {}, "anna", 400 * 86_400),
        ("logs", {}, "anna", float("nan")),
    ],
)
def test_what_cannot_be_ordered(book: Book, name: str, args: dict[str, Any], who: str, life_s: float) -> None:
    with pytest.raises(BadInput):
        Desk(book, SetClock()).order("home-1", name, args, who, life_s)
    assert book.rows == {}


def test_a_reply_is_heard(book: Book) -> None:
    desk = Desk(book, SetClock())
    row = desk.order("home-1", "identify", {}, "anna")
    reply = Reply(Outcome.DONE, 5, "", {"a": 1})
    desk.hear("home-1", LEAF.format(row.id), encode_reply(reply))
    assert book.replies == [("home-1", row.id, reply)]
    with pytest.raises(BadMessage, match="never given"):
        desk.hear("home-1", LEAF.format("feedbeef99"), encode_reply(reply))
    with pytest.raises(BadMessage, match="does not name"):
        desk.hear("home-1", "cmd/X/reply", encode_reply(reply))


@given(st.text(max_size=60), st.binary(max_size=100))
def test_any_message_is_a_reply_or_refused(leaf: str, payload: bytes) -> None:
    with pytest.raises(BadMessage):
        Desk(Book(), SetClock()).hear("home-1", leaf, payload)
