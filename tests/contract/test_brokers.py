"""What every carrier must do, whatever the bytes travel in: `agent.ports.Broker` and `BrokerSession`."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.domain import wire
from agent.domain.errors import BadSetup, UplinkUnavailable
from agent.ports import BrokerSession, Message
from tests.helpers.broker_benches import BENCHES, DEVICE, Bench
from tests.helpers.uplinks import until

pytestmark = pytest.mark.broker
ACK = wire.topic(DEVICE, wire.ACK)
DESIRED = wire.topic(DEVICE, wire.TWIN_DESIRED)
COMMANDS = wire.topic(DEVICE, "cmd/+")
BINARY = bytes(range(256))


@pytest.fixture(params=BENCHES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with BENCHES[request.param](tmp_path) as opened:
        yield opened


async def receive(session: BrokerSession, count: int) -> list[Message]:
    found: list[Message] = []
    async with asyncio.timeout(10):
        async for message in session.messages():
            found.append(message)
            if len(found) == count:
                break
    return found


async def test_what_is_published_is_there_in_its_order_and_to_the_byte(bench: Bench) -> None:
    async with bench.broker().connect() as session:
        for number in range(5):
            await session.publish(wire.topic(DEVICE, wire.UP), bytes([number]) + BINARY)
        await session.publish(wire.topic(DEVICE, wire.TWIN_REPORTED), b"")
        await until(lambda: len(bench.heard) == 6)
    assert bench.heard[:5] == [(wire.UP, bytes([number]) + BINARY) for number in range(5)]
    assert bench.heard[5] == (wire.TWIN_REPORTED, b"")


async def test_large_messages_pass(bench: Bench) -> None:
    payload = BINARY * (wire.MAX_BATCH_BYTES // 256)
    async with bench.broker().connect() as session:
        await session.publish(wire.topic(DEVICE, wire.UP), payload)
        await until(lambda: bench.heard == [(wire.UP, payload)])


async def test_what_is_addressed_to_the_device_comes_in_its_order(bench: Bench) -> None:
    async with bench.broker().connect() as session:
        await session.subscribe(ACK, COMMANDS)
        task = asyncio.create_task(receive(session, 4))
        await bench.say(wire.ACK, b"1")
        await bench.say("cmd/3f2a9c1e", BINARY)
        await bench.say(wire.ACK, b"3")
        await bench.say(wire.ACK, b"4")
        assert await task == [
            Message(ACK, b"1", False),
            Message(wire.topic(DEVICE, "cmd/3f2a9c1e"), BINARY, False),
            Message(ACK, b"3", False),
            Message(ACK, b"4", False),
        ]


async def test_it_comes_while_the_device_publishes(bench: Bench) -> None:
    async with bench.broker().connect() as session:
        await session.subscribe(ACK)
        task = asyncio.create_task(receive(session, 20))
        for number in range(20):
            await bench.say(wire.ACK, bytes([number]))
            await session.publish(wire.topic(DEVICE, wire.UP), bytes([number]))
        assert [message.payload for message in await task] == [bytes([number]) for number in range(20)]
    await until(lambda: len(bench.heard) >= 20)
    assert bench.heard[:20] == [(wire.UP, bytes([number])) for number in range(20)]


async def test_what_is_retained_comes_at_every_connection_and_only_the_newest(bench: Bench) -> None:
    await bench.say(wire.TWIN_DESIRED, b"old", retain=True)
    await bench.say(wire.TWIN_DESIRED, b"new", retain=True)
    for _ in range(2):
        async with bench.broker().connect() as session:
            await session.subscribe(ACK, DESIRED)
            assert await receive(session, 1) == [Message(DESIRED, b"new", True)]
            await bench.say(wire.ACK, b"after")
            assert await receive(session, 1) == [Message(ACK, b"after", False)]


async def test_an_orderly_end_says_offline(bench: Bench) -> None:
    async with bench.broker().connect() as session:
        online = wire.encode_status(wire.Status("online", 5))
        await session.publish(wire.topic(DEVICE, wire.STATUS), online, retain=True)
    offline = wire.encode_status(wire.Status("offline"))
    await until(lambda: bench.heard == [(wire.STATUS, online), (wire.STATUS, offline)])


async def test_a_refused_login_is_a_setup_error(bench: Bench) -> None:
    with pytest.raises(BadSetup, match="refuses"):
        await bench.broker(refused=True).connect().__aenter__()
    async with bench.broker().connect() as session:
        await session.publish(wire.topic(DEVICE, wire.UP), b"")


async def test_a_far_end_that_dies_breaks_every_call_and_can_be_met_again(bench: Bench) -> None:
    async with bench.broker().connect() as session:
        await session.subscribe(ACK)
        await bench.fall()
        with pytest.raises(UplinkUnavailable):
            await receive(session, 1)
        with pytest.raises(UplinkUnavailable):
            await session.publish(wire.topic(DEVICE, wire.UP), b"lost")
    with pytest.raises(UplinkUnavailable):
        await bench.broker().connect().__aenter__()
    await bench.rise()
    async with bench.broker().connect() as session:
        await session.publish(wire.topic(DEVICE, wire.UP), b"found")
        await until(lambda: (wire.UP, b"found") in bench.heard)
    assert (wire.UP, b"lost") not in bench.heard


async def test_a_connection_is_left_at_once_when_its_task_is_cancelled(bench: Bench) -> None:
    async def work() -> None:
        async with bench.broker().connect() as session:
            await session.subscribe(ACK)
            inside.set()
            await receive(session, 1)

    for _ in range(3):
        inside = asyncio.Event()
        task = asyncio.create_task(work())
        await asyncio.wait_for(inside.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
