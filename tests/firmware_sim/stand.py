"""A served device on a real line, and a reader by hand: what is sent and received is plain bytes."""

import asyncio
import os
import struct
import termios
import tty
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path

from firmware_sim.cellar import Cellar, cellar_of, open_line
from firmware_sim.clock import StillClock
from firmware_sim.families.speech import Speech, speech_of
from firmware_sim.scenario import Scenario, load_scenario
from firmware_sim.site import Site
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS

DAY_MS, NIGHT_MS = ORIGIN_MS + 120 * MINUTE_MS, ORIGIN_MS + 14 * 60 * MINUTE_MS
PATIENCE_S = 0.35


@cache
def plant(scenario: str, family: str, options: tuple[tuple[str, str], ...]) -> tuple[Scenario, Site]:
    whole = load_scenario(scenario)
    speech: Speech = speech_of(family, dict(options))
    return whole, Site(whole, ORIGIN_MS, speech)


@asynccontextmanager
async def stand(
    family: str = "huawei-sun2000",
    carrier: str = "tcp",
    *,
    scenario: str = "home-healthy",
    at_ms: int = DAY_MS,
    folder: Path | None = None,
    settings: str | None = None,
    **options: str,
) -> AsyncIterator[Cellar]:
    """A device whose plant is computed once for all tests; its clock stands still."""
    whole, site = plant(scenario, family, tuple(sorted(options.items())))
    cellar = cellar_of(whole, site, StillClock(at_ms))
    async with AsyncExitStack() as stack:
        await open_line(stack, [cellar], carrier, settings, folder, ("127.0.0.1", 0))
        try:
            yield cellar
        finally:
            site.wiring.clear()


def move(cellar: Cellar, at_ms: int) -> None:
    """Sets the simulated now."""
    assert isinstance(cellar.live.clock, StillClock)
    cellar.live.clock.at_ms = at_ms


def read(first: int, count: int, function: int = 3) -> bytes:
    return struct.pack(">BHH", function, first, count)


def crc(data: bytes) -> bytes:
    """CRC-16 of Modbus, bit by bit, written apart from the simulator's."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            carry, register = register & 1, register >> 1
            register ^= 0xA001 * carry
    return bytes([register & 0xFF, register >> 8])


class Tcp:
    """One connection of Modbus TCP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, unit_id: int) -> None:
        self.reader, self.writer, self.unit_id = reader, writer, unit_id
        self.transaction = 0

    async def send(self, pdu: bytes) -> int:
        self.transaction += 1
        self.writer.write(struct.pack(">HHHB", self.transaction, 0, len(pdu) + 1, self.unit_id) + pdu)
        await self.writer.drain()
        return self.transaction

    async def receive(self, seconds: float = PATIENCE_S) -> tuple[int, bytes] | None:
        """Transaction and PDU of the next answer; None when nothing came in time. `b""` where it was closed."""
        try:
            async with asyncio.timeout(seconds):
                header = await self.reader.readexactly(7)
                transaction, protocol, length, unit_id = struct.unpack(">HHHB", header)
                assert (protocol, unit_id) == (0, self.unit_id)
                return transaction, await self.reader.readexactly(length - 1)
        except TimeoutError:
            return None
        except (asyncio.IncompleteReadError, ConnectionError):
            return -1, b""

    async def ask(self, pdu: bytes, seconds: float = 5.0) -> bytes | None:
        await self.send(pdu)
        got = await self.receive(seconds)
        return None if got is None else got[1]

    async def words(self, first: int, count: int, function: int = 3) -> list[int]:
        pdu = await self.ask(read(first, count, function))
        assert pdu, "no answer"
        assert pdu[0] == function, pdu.hex()
        return list(struct.unpack(f">{(len(pdu) - 2) // 2}H", pdu[2:]))

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def client(cellar: Cellar, unit_id: int | None = None) -> AsyncIterator[Tcp]:
    reader, writer = await asyncio.open_connection("127.0.0.1", cellar.port)
    connection = Tcp(reader, writer, cellar.unit_id if unit_id is None else unit_id)
    try:
        yield connection
    finally:
        connection.close()


@asynccontextmanager
async def port(path: Path, baud: int = termios.B9600) -> AsyncIterator[int]:
    """A serial port opened by hand."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    tty.setraw(descriptor)
    settings = termios.tcgetattr(descriptor)
    settings[4] = settings[5] = baud
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


async def heard(descriptor: int, quiet_s: float = 0.15, patience_s: float = 1.0) -> bytes:
    """All bytes that come until the line is quiet; empty when none came in time."""
    loop, received = asyncio.get_running_loop(), b""
    deadline = loop.time() + patience_s
    while loop.time() < deadline:
        try:
            part = os.read(descriptor, 512)
        except BlockingIOError:
            await asyncio.sleep(0.003)
            continue
        received += part
        deadline = loop.time() + quiet_s
    return received


async def ask_rtu(descriptor: int, unit_id: int, pdu: bytes, patience_s: float = 1.0) -> bytes:
    """Sends a frame by hand and returns what comes back, raw."""
    body = bytes([unit_id]) + pdu
    os.write(descriptor, body + crc(body))
    return await heard(descriptor, patience_s=patience_s)


def signed32(words: list[int]) -> int:
    (value,) = struct.unpack(">i", struct.pack(">2H", *words))
    return int(value)
