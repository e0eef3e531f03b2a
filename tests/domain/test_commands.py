import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.commands import (
    MAX_REPLY_BYTES,
    Command,
    CommandName,
    Outcome,
    Reply,
    check_command,
    command_of,
    command_topic,
    decode_command,
    decode_reply,
    encode_command,
    encode_reply,
    parse_reply_topic,
    replied_of,
    reply_topic,
)
from agent.domain.errors import BadInput, BadMessage

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=8), json_values, max_size=4)
times = st.integers(0, 2**53)


@given(st.text(max_size=30), st.text(min_size=1, max_size=100), times, times, objects)
def test_a_command_comes_back_as_it_was(name: str, by: str, issued: int, expires: int, args: dict[str, object]) -> None:
    command = Command(name, by, issued, expires, args)
    assert decode_command(encode_command(command)) == command


@given(st.sampled_from(list(Outcome)), times, st.text(max_size=60), objects)
def test_a_reply_comes_back_as_it_was(state: Outcome, at: int, reason: str, result: dict[str, object]) -> None:
    reply = Reply(state, at, reason, result)
    assert decode_reply(encode_reply(reply)) == reply


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    for decode in (decode_command, decode_reply):
        try:
            decode(data)
        except BadMessage:
            continue


@given(st.data())
def test_damaged_replies_are_refused_or_are_replies(data: st.DataObject) -> None:
    whole = bytearray(encode_reply(Reply(Outcome.DONE, 5, "", {"log": ["one", "two"] * 9})))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadMessage):
        assert isinstance(decode_reply(bytes(whole)), Reply)


def test_a_reply_that_inflates_without_end_is_refused() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"\x01" + packer.compress(b'{"state": "done", "at_ms": 1}' + b" " * 2_000_000) + packer.flush()
    assert len(bomb) < MAX_REPLY_BYTES
    with pytest.raises(BadMessage, match="at most"):
        decode_reply(bomb)


def test_a_result_too_large_to_send_is_left_out_and_said() -> None:
    told = decode_reply(encode_reply(Reply(Outcome.DONE, 1, "", {"log": "x" * 2_000_000})))
    assert (told.result, "too large" in told.reason) == ({}, True)
    numbers = {"log": [str(n * 7919 % 1_000_003) for n in range(60_000)]}
    told = decode_reply(encode_reply(Reply(Outcome.DONE, 1, "", numbers)))
    assert told.result == {}
    assert "too large" in told.reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"name": "logs"}',
        b'{"name": 5, "by": "a", "issued_ms": 1, "expires_ms": 2}',
        b'{"name": "logs", "by": "", "issued_ms": 1, "expires_ms": 2}',
        b'{"name": "logs", "by": "a", "issued_ms": -1, "expires_ms": 2}',
        b'{"name": "logs", "by": "a", "issued_ms": 1, "expires_ms": 99999999999999999999}',
        b'{"name": "logs", "by": "a", "issued_ms": 1, "expires_ms": 2, "args": []}',
        b"{" * 5000,
        b" " * 9000,
    ],
)
def test_what_is_no_command(data: bytes) -> None:
    with pytest.raises(BadMessage):
        decode_command(data)


def test_topics() -> None:
    assert command_of(command_topic("home-1", "abcd-1234").split("/", 3)[3]) == "abcd-1234"
    assert parse_reply_topic(reply_topic("home-1", "abcd-1234")) == ("home-1", "abcd-1234")
    assert [command_of("cmd/UP-1234567"), command_of("cmd/short"), replied_of("cmd/abcd-1234")] == [None, None, None]
    with pytest.raises(BadMessage):
        parse_reply_topic(command_topic("home-1", "abcd-1234"))


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("reboot", {}, "read-now"),
        ("restart", {"now": True}, "unknown argument 'now'"),
        ("interval", {}, "interval_s is missing"),
        ("interval", {"interval_s": 0.1}, "1 to 3600"),
        ("interval", {"interval_s": True}, "1 to 3600"),
        ("interval", {"interval_s": "5"}, "1 to 3600"),
        ("resend", {"from_ms": 5, "to_ms": 5}, "more than from_ms"),
        ("resend", {"from_ms": 0, "to_ms": 40 * 86_400_000}, "31 days"),
        ("logs", {"lines": 0}, "1 to 2000"),
        ("read-now", {"source": ""}, "source"),
    ],
)
def test_arguments_are_checked(name: str, args: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        check_command(name, args)


def test_right_arguments_pass() -> None:
    assert check_command("interval", {"interval_s": 5, "for_s": 600}) is CommandName.INTERVAL
    assert check_command("resend", {"from_ms": 0, "to_ms": 86_400_000}) is CommandName.RESEND
