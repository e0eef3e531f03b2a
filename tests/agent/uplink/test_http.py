"""The HTTPS carrier against far ends that misbehave; what it must do for all is in the contract of carriers."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.domain import wire
from agent.domain.envelope import CONTENT_TYPE, Envelope, Letter, encode_envelope
from agent.domain.errors import BadMessage, BadSetup, UplinkUnavailable
from agent.ports import BrokerSession, Message
from agent.uplink.http import HttpBroker, HttpSettings
from agent.uplink.tls import ClockTrust, Tls, TlsFiles
from tests.helpers.broker_benches import DEVICE, HttpsBench
from tests.helpers.http_talk import head, serving
from tests.helpers.pki import Pki

UP = wire.topic(DEVICE, wire.UP)
ACK = wire.topic(DEVICE, wire.ACK)


def settings(port: int, **more: object) -> HttpSettings:
    return HttpSettings("127.0.0.1", DEVICE, port, plain=True, timeout_s=2, **more)  # type: ignore[arg-type]


def reply(envelope: Envelope) -> bytes:
    body = encode_envelope(envelope)
    return f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def plain(status: str, text: str, *headers: str) -> bytes:
    more = "".join(f"{header}\r\n" for header in ("Content-Type: text/plain; charset=utf-8", *headers))
    return f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(text.encode())}\r\n\r\n{text}".encode()


def far_end(answer: Callable[[bytes], bytes]) -> AbstractAsyncContextManager[int]:
    """A server that answers each request line; its first line is `GET /path HTTP/1.1`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(answer((await head(reader)).split(b"\r\n")[0]))

    return serving(talk)


def opened(port: int, **more: object) -> AbstractAsyncContextManager[BrokerSession]:
    return HttpBroker(settings(port, **more)).connect()


async def test_what_was_not_heard_of_an_answer_is_asked_for_again_and_told_once() -> None:
    asked: list[bytes] = []

    def answer(request: bytes) -> bytes:
        asked.append(request)
        if len(asked) == 1:
            return reply(Envelope("b1", []))
        if len(asked) < 4:
            return reply(Envelope("b1", [Letter("ack", b"1", number=1), Letter("ack", b"2", number=2)]))
        return reply(Envelope("b1", [Letter("ack", b"2", number=2), Letter("ack", b"3", number=3)]))

    async with far_end(answer) as port, opened(port, poll_s=0.01) as session:
        await session.subscribe(ACK)
        await session.publish(UP, b"")
        found = []
        async for message in session.messages():
            found.append(message)
            if len(found) == 3:
                break
    assert found == [Message(ACK, payload, False) for payload in (b"1", b"2", b"3")]
    assert asked[0] == b"GET /device/1/site-01/messages?again=0.01 HTTP/1.1"
    assert asked[1] == b"POST /device/1/site-01/up?box=b1&after=0 HTTP/1.1"
    assert asked[2] == b"GET /device/1/site-01/messages?again=0.01&box=b1&after=2 HTTP/1.1"


async def test_the_far_end_can_ask_for_longer_pauses() -> None:
    asked = 0

    def answer(request: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return reply(Envelope("b1", [], again_s=60.0 if asked >= 3 else 0.0))

    async with far_end(answer) as port, opened(port, poll_s=0.01) as session:
        await session.subscribe(ACK)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(aiter(session.messages())), 0.5)
        assert asked == 3


@pytest.mark.parametrize(
    ("answer", "words", "retry_after_s"),
    [
        (plain("503 Busy", "5000 messages wait already\n", "Retry-After: 30"), "503: 5000 messages wait", 30.0),
        (plain("503 Busy", "later", "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT"), "503: later", 0.0),
        (plain("429 Slow", "slowly", "Retry-After: 999999"), "429: slowly", 3600.0),
        (plain("410 Gone", "connect again"), "410: connect again", 0.0),
        (plain("302 Found", "", "Location: http://hotel.example/login"), "302: Found", 0.0),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nHi", "text/html; a login page", 0.0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "nothing; a login page", 0.0),
    ],
)
async def test_every_other_answer_means_not_now(answer: bytes, words: str, retry_after_s: float) -> None:
    good = True

    def either(request: bytes) -> bytes:
        return reply(Envelope("b1")) if good else answer

    async with far_end(either) as port, opened(port) as session:
        good = False
        with pytest.raises(UplinkUnavailable, match=words) as at_first:
            await opened(port).__aenter__()
        assert at_first.value.retry_after_s == retry_after_s
        with pytest.raises(UplinkUnavailable, match=words):
            await session.publish(UP, b"")
        with pytest.raises(UplinkUnavailable, match=words) as at_last:
            await anext(aiter(session.messages()))
        assert at_last.value.retry_after_s == retry_after_s


async def test_an_answer_that_is_no_envelope_means_not_now() -> None:
    for body in (b"\xff", b"", b"\x93\xa1b\xc0\xc0"):
        text = f"HTTP/1.1 200 OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        async with far_end(lambda request, text=text: text) as port:  # type: ignore[misc]
            with pytest.raises(UplinkUnavailable, match="envelope"):
                await opened(port).__aenter__()


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
async def test_who_is_not_let_in_is_told_why(status: str) -> None:
    async with far_end(lambda request: plain(status, "the certificate of site-01 is revoked\n")) as port:
        with pytest.raises(BadSetup, match="refuses site-01: the certificate of site-01 is revoked") as caught:
            await opened(port).__aenter__()
    assert caught.value.hint == "check the certificate of this device"


async def test_without_tls_only_this_machine_is_talked_to() -> None:
    elsewhere = HttpSettings("cloud.example.org", DEVICE, plain=True)
    with pytest.raises(BadSetup, match="without TLS only addresses of this machine"):
        await HttpBroker(elsewhere).connect().__aenter__()


async def test_a_topic_of_another_device_is_not_sent() -> None:
    async with far_end(lambda request: reply(Envelope("b1"))) as port, opened(port) as session:
        with pytest.raises(BadMessage, match="is not one of site-01"):
            await session.publish(wire.topic("site-02", wire.UP), b"")


async def test_a_connection_made_in_doubt_about_the_time_ends_when_the_clock_is_right(tmp_path: Path) -> None:
    right, bench = False, HttpsBench(Pki(tmp_path))
    await bench.rise()
    files = bench.settings.tls.files
    doubting = HttpSettings(
        "127.0.0.1", DEVICE, bench.port, Tls(files, ClockTrust(lambda: right, lambda: 0)), poll_s=0.02
    )
    async with HttpBroker(doubting).connect() as session:
        await session.publish(UP, b"1")
        right = True
        with pytest.raises(UplinkUnavailable, match="the clock is right now"):
            await session.publish(UP, b"2")
    async with HttpBroker(doubting).connect() as session:
        await session.publish(UP, b"3")
    await bench.fall()
    assert [payload for leaf, payload in bench.heard if leaf == wire.UP] == [b"1", b"3"]


async def test_a_device_with_another_authoritys_certificate_is_not_let_in(tmp_path: Path) -> None:
    bench, other = HttpsBench(Pki(tmp_path / "ours")), Pki(tmp_path / "theirs", "theirs").issue(DEVICE)
    await bench.rise()
    ours = bench.settings.tls.files
    stranger = HttpSettings(
        "127.0.0.1", DEVICE, bench.port, Tls(TlsFiles(ours.ca_file, other.certificate, other.key)), timeout_s=2
    )
    with pytest.raises(UplinkUnavailable, match=r"https 127\.0\.0\.1"):
        await HttpBroker(stranger).connect().__aenter__()
    await bench.fall()
    assert bench.heard == []


@pytest.mark.parametrize("wait_s", [0.0, 5.0])
async def test_nothing_is_asked_any_more_once_nobody_listens(wait_s: float) -> None:
    async with far_end(lambda request: reply(Envelope("b1"))) as port, opened(port, wait_s=wait_s) as session:
        await session.subscribe(ACK)
        before = asyncio.all_tasks()
        task = asyncio.create_task(_first(session))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0)
        mine = [left for left in asyncio.all_tasks() - before if "HttpSession" in str(left.get_coro())]
        assert mine == []


async def _first(session: BrokerSession) -> Message:
    async for message in session.messages():
        return message
    raise AssertionError("no message")


async def test_a_large_message_gets_the_time_that_a_slow_line_needs() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            if b"POST" in await head(reader):
                await asyncio.sleep(0.5)
            writer.write(reply(Envelope("b1")))

    hurried = HttpSettings("127.0.0.1", DEVICE, 0, plain=True, timeout_s=0.2)
    async with serving(talk) as port, HttpBroker(replace(hurried, port=port)).connect() as session:
        await session.publish(UP, bytes(2048))
        with pytest.raises(UplinkUnavailable, match=r"no answer within 0\.2"):
            await session.publish(UP, bytes(10))
