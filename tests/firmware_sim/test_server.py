import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.errors import PortInUse
from firmware_sim.failures import Silence
from firmware_sim.registers import COILS, HOLDING, Image
from firmware_sim.server import ModbusServer, answer
from tests.firmware_sim.support import RawClient

WORDS = {address: address * 3 & 0xFFFF for address in [*range(100, 300), *range(310, 320)]}
BITS = {address: int(address % 3 == 0) for address in range(50)}
IMAGE = Image({HOLDING: WORDS, COILS: BITS}, max_words=124, unit_ids=frozenset({7}))


class Switch:
    """A device whose silence a test can set."""

    def __init__(self) -> None:
        self.silence: Silence | None = None

    def __call__(self) -> Silence | None:
        return self.silence


@asynccontextmanager
async def served(switch: Switch | None = None, port: int = 0) -> AsyncIterator[ModbusServer]:
    async with ModbusServer("127.0.0.1", port, lambda: IMAGE, switch or Switch()) as server:
        yield server


def read(function: int, first: int, count: int) -> bytes:
    return struct.pack(">BHH", function, first, count)


@given(st.integers(90, 330), st.integers(0, 130))
def test_a_read_is_whole_or_refused(first: int, count: int) -> None:
    reply = answer(IMAGE, 7, read(HOLDING, first, count))
    if not 1 <= count <= 124:
        assert reply == bytes([0x83, 3])
    elif any(address not in WORDS for address in range(first, first + count)):
        assert reply == bytes([0x83, 2])
    else:
        assert reply[:2] == bytes([3, 2 * count])
        assert struct.unpack(f">{count}H", reply[2:]) == tuple(WORDS[a] for a in range(first, first + count))


@given(st.integers(0, 49), st.integers(1, 50))
def test_bits_are_packed_low_bit_first(first: int, count: int) -> None:
    reply = answer(IMAGE, 7, read(COILS, first, count))
    if first + count > 50:
        assert reply == bytes([0x81, 2])
        return
    bits = int.from_bytes(reply[2:], "little")
    assert [(bits >> place) & 1 for place in range(count)] == [BITS[first + place] for place in range(count)]
    assert bits >> count == 0


@pytest.mark.parametrize(
    ("unit_id", "pdu", "reply"),
    [
        (7, read(4, 100, 1), "8401"),
        (7, read(2, 0, 1), "8201"),
        (7, bytes([6, 0, 100, 0, 1]), "8601"),
        (7, bytes([43, 14, 1, 0]), "ab01"),
        (7, bytes([3, 0, 100]), "8303"),
        (7, read(3, 100, 0), "8303"),
        (7, read(3, 100, 125), "8303"),
        (7, read(1, 0, 2001), "8103"),
        (7, read(3, 299, 2), "8302"),
        (7, read(3, 65535, 2), "8302"),
        (1, read(3, 100, 1), "830b"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_its_number(unit_id: int, pdu: bytes, reply: str) -> None:
    assert answer(IMAGE, unit_id, pdu).hex() == reply


async def test_several_clients_are_served_at_once() -> None:
    async with served() as server:

        def ask() -> None:
            with RawClient(server.port, 7) as one, RawClient(server.port, 7) as two:
                for first in range(100, 110):
                    assert one.words(first, 3) == [WORDS[a] for a in range(first, first + 3)]
                    assert two.words(first + 5, 1) == [WORDS[first + 5]]

        await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(4)))


async def test_requests_sent_in_one_go_are_answered_in_order() -> None:
    async with served() as server:

        def ask() -> None:
            with RawClient(server.port, 7) as client:
                frames = [struct.pack(">HHHB", number, 0, 6, 7) + read(3, 100 + number, 1) for number in range(5)]
                client.send(b"".join(frames))
                for number in range(5):
                    transaction, _, length, _ = struct.unpack(">HHHB", client.exactly(7))
                    assert transaction == number
                    assert client.exactly(length - 1)[2:] == struct.pack(">H", WORDS[100 + number])

        await asyncio.to_thread(ask)


@pytest.mark.parametrize("raw", ["0001000100060700030001", "000100000001ff", "0001ffff", "00010000ffff0703"])
async def test_what_is_not_modbus_ends_the_connection_and_nothing_else(raw: str) -> None:
    async with served() as server:

        def ask() -> None:
            with RawClient(server.port, 7) as bad, RawClient(server.port, 7) as good:
                bad.send(bytes.fromhex(raw))
                assert good.words(100, 1) == [300]
                if len(raw) >= 14:
                    with pytest.raises(ConnectionError):
                        bad.exactly(1)

        await asyncio.to_thread(ask)


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


async def until(holds: object) -> None:
    assert callable(holds)
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.02)


async def test_a_device_that_refuses_closes_its_port_and_comes_back_on_it() -> None:
    switch = Switch()
    async with served(switch) as server:
        client = await asyncio.to_thread(RawClient, server.port, 7)
        switch.silence = Silence.REFUSE
        await until(lambda: refused(server.port))
        with client, pytest.raises(OSError):  # noqa: PT011 - closed or reset, as the system likes
            await asyncio.to_thread(client.words, 100, 1)
        switch.silence = None
        await until(lambda: not refused(server.port))

        def ask() -> list[int]:
            with RawClient(server.port, 7) as again:
                return again.words(100, 1)

        assert await asyncio.to_thread(ask) == [300]


async def test_a_silent_device_takes_the_request_and_says_nothing() -> None:
    switch = Switch()
    switch.silence = Silence.SILENT
    async with served(switch) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        frame = struct.pack(">HHHB", 1, 0, 6, 7) + read(3, 100, 1)
        writer.write(frame)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.3)
        switch.silence = None
        writer.write(frame)
        assert (await asyncio.wait_for(reader.readexactly(11), 10))[7:] == bytes.fromhex("0302012c")
        writer.close()


async def test_a_port_in_use_is_one_clear_line() -> None:
    async with served() as server:
        with pytest.raises(
            PortInUse, match=rf"port {server.port} on 127\.0\.0\.1 is in use; choose another --port or 0"
        ):
            async with served(port=server.port):
                pass


async def test_an_address_that_is_not_ours_is_one_clear_line() -> None:
    server = ModbusServer("192.0.2.1", 0, lambda: IMAGE, Switch())
    with pytest.raises(PortInUse, match=r"cannot listen on 192\.0\.2\.1:0"):
        async with server:
            pass


async def test_stopping_ends_connections_that_are_open() -> None:
    async with served() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert await asyncio.wait_for(reader.read(1), 10) == b""
    writer.close()
    assert refused(server.port)


IDENTIFIED = Image({HOLDING: WORDS}, identity={0: "Maker", 1: "M-1", 2: "V1.2"})


@pytest.mark.parametrize(
    ("pdu", "reply"),
    [
        ("2b0e0100", "2b0e0181000003" + "0005" + b"Maker".hex() + "0103" + b"M-1".hex() + "0204" + b"V1.2".hex()),
        ("2b0e0102", "2b0e0181000001" + "0204" + b"V1.2".hex()),
        ("2b0e0401", "2b0e0481000001" + "0103" + b"M-1".hex()),
        ("2b0e0407", "ab02"),
        ("2b0e0500", "ab03"),
        ("2b0d0000", "ab03"),
    ],
)
def test_a_device_that_identifies_itself(pdu: str, reply: str) -> None:
    assert answer(IDENTIFIED, 1, bytes.fromhex(pdu)).hex() == reply
