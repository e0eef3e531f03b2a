"""Modbus TCP on a real socket: what is the answer, what is passed over, what ends the connection."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.exceptions import ModbusException

from agent.sources.serial_settings import LineLost
from agent.sources.tcp_client import TcpClient

Reply = Callable[[int, int, bytes], bytes]


def framed(transaction: int, unit: int, body: bytes, *, protocol: int = 0, size: int | None = None) -> bytes:
    return struct.pack(">HHHB", transaction, protocol, len(body) + 1 if size is None else size, unit) + body


@asynccontextmanager
async def device(reply: Reply, heard: list[bool] | None = None) -> AsyncIterator[TcpClient]:
    """A client at a device that answers each request with whatever bytes `reply` makes of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                transaction, _, size, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                writer.write(reply(transaction, unit, await reader.readexactly(size - 1)))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = TcpClient("127.0.0.1", server.sockets[0].getsockname()[1], 5.0, ([] if heard is None else heard).append)
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()
        server.close()


SEVEN = b"\x03\x02\x00\x07"


async def words(client: TcpClient) -> list[int]:
    async with asyncio.timeout(5):
        return list((await client.read(3, 0, 1, 1)).registers)


async def test_each_request_has_its_own_number() -> None:
    seen: list[int] = []

    def reply(transaction: int, unit: int, body: bytes) -> bytes:
        seen.append(transaction)
        return framed(transaction, unit, SEVEN)

    async with device(reply) as client:
        assert [await words(client) for _ in range(3)] == [[7]] * 3
    assert seen == [1, 2, 3]


@pytest.mark.parametrize(
    "before",
    [
        lambda number: framed(number - 1, 1, b"\x03\x02\x00\x09"),
        lambda number: framed(number, 2, b"\x03\x02\x00\x09"),
        lambda number: framed(number + 1, 1, b"\x83\x02"),
    ],
    ids=["late", "another unit", "early"],
)
async def test_what_is_not_the_answer_is_passed_over(before: Callable[[int], bytes]) -> None:
    async with device(lambda number, unit, body: before(number) + framed(number, unit, SEVEN)) as client:
        assert await words(client) == [7]


async def test_what_came_before_the_request_is_forgotten() -> None:
    async with device(lambda number, unit, body: framed(number, unit, SEVEN) + b"\xff\xff\xff") as client:
        assert await words(client) == [7]
        await asyncio.sleep(0.05)
        assert await words(client) == [7]


async def test_a_refusal_whose_code_was_not_counted() -> None:
    async with device(lambda number, unit, body: framed(number, unit, b"\x83\x02", size=2)) as client:
        assert (await client.read(3, 0, 1, 1)).exception_code == 2


@pytest.mark.parametrize(
    "nonsense",
    [
        lambda number: framed(number, 1, SEVEN, protocol=7),
        lambda number: framed(number, 1, SEVEN, size=0),
        lambda number: framed(number, 1, SEVEN, size=300),
        lambda number: framed(number, 1, b"\x55\x01"),
    ],
    ids=["protocol", "too short", "too long", "unknown function"],
)
async def test_nonsense_ends_the_connection(nonsense: Callable[[int], bytes]) -> None:
    heard: list[bool] = []
    async with device(lambda number, unit, body: nonsense(number), heard) as client:
        with pytest.raises(ModbusException, match="cannot be understood"):
            await client.read(3, 0, 1, 1)
        assert heard == [True, False]
        assert not client.connected
        with pytest.raises(LineLost, match="is closed"):
            await client.read(3, 0, 1, 1)


async def test_nobody_there() -> None:
    async with device(lambda *_: b"") as client:
        pass
    assert not await client.connect()
    assert not client.connected


@given(cuts=st.lists(st.integers(0, 40), max_size=6))
def test_pieces_are_put_together(cuts: list[int]) -> None:
    """However the network cuts them, two strange frames and the answer are read as such."""

    async def story() -> list[int]:
        async with device(lambda number, unit, body: b"") as client:
            stream = client._stream
            assert stream is not None
            asked = asyncio.ensure_future(client.read(3, 0, 1, 1))
            await asyncio.sleep(0)
            data = framed(9, 1, SEVEN) + framed(1, 9, SEVEN) + framed(1, 1, SEVEN)
            edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
            for start, end in pairwise(edges):
                stream.data_received(data[start:end])
            return list((await asked).registers)

    assert asyncio.run(story()) == [7]


async def test_more_than_the_buffer_holds_is_read_in_turns() -> None:
    """A gateway that sends fifty late answers first."""

    def reply(number: int, unit: int, body: bytes) -> bytes:
        return framed(number + 1, unit, b"\x03\x28" + bytes(40)) * 50 + framed(number, unit, SEVEN)

    async with device(reply) as client:
        assert [await words(client) for _ in range(3)] == [[7]] * 3
