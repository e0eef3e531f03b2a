"""Other masters read through the agent's one connection, and nobody writes unless it is allowed."""

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest
from pymodbus.client import AsyncModbusTcpClient

from agent.clock import SystemClock
from agent.domain.errors import BadSetup, SourceUnavailable
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import load_profile
from agent.sources.proxy import Proxy
from agent.sources.proxy_table import ProxySettings, UnitMap
from agent.sources.sunspec import Refused
from agent.sources.tcp_client import TcpLink
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.sunspec_device import hybrid, serve


@dataclass
class Meter:
    """A device that holds its own address in every register."""

    away: bool = False
    slow: asyncio.Event | None = None
    asked: list[tuple[int, int, int, int]] = field(default_factory=list)
    written: list[tuple[int, int, Sequence[int]]] = field(default_factory=list)

    async def raw_read(self, unit: int, function: int, address: int, count: int) -> Sequence[int]:
        self.asked.append((unit, function, address, count))
        if self.slow is not None:
            await self.slow.wait()
        if self.away:
            raise SourceUnavailable("meter", "switched off")
        if address >= 9000:
            raise Refused(2)
        return [(address + i) % 2 if function < 3 else address + i for i in range(count)]

    async def raw_write(self, unit: int, function: int, address: int, values: Sequence[int]) -> None:
        if self.away:
            raise SourceUnavailable("meter", "switched off")
        self.written.append((unit, address, list(values)))


SETTINGS = ProxySettings(unit=[UnitMap(1, "meter"), UnitMap(7, "meter", 3)], port=0, max_age_s=60.0)


def settings(**other: object) -> ProxySettings:
    return ProxySettings(**{name: getattr(SETTINGS, name) for name in SETTINGS.__struct_fields__} | other)


async def ask(port: int, body: bytes, unit: int = 1) -> bytes:
    """One request by hand; what came back behind the unit number, empty when it hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(struct.pack(">HHHB", 77, 0, len(body) + 1, unit) + body)
        try:
            head = await reader.readexactly(7)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        transaction, protocol, length, echoed = struct.unpack(">HHHB", head)
        assert (transaction, protocol, echoed) == (77, 0, unit)
        return await reader.readexactly(length - 1)
    finally:
        writer.close()


def read(address: int, count: int, function: int = 3) -> bytes:
    return struct.pack(">BHH", function, address, count)


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
async def proxy(meter: Meter) -> AsyncIterator[Proxy]:
    async with Proxy(SETTINGS, {"meter": meter}) as proxy:
        yield proxy


async def test_words_and_bits_come_through_and_units_are_mapped(proxy: Proxy, meter: Meter) -> None:
    assert await ask(proxy.port, read(10, 2)) == struct.pack(">BBHH", 3, 4, 10, 11)
    assert await ask(proxy.port, read(1, 9, 2), unit=7) == bytes((2, 2, 0b01010101, 1))
    assert meter.asked == [(1, 3, 10, 2), (3, 2, 1, 9)]


async def test_what_was_just_answered_is_not_asked_again(proxy: Proxy, meter: Meter) -> None:
    answers = await asyncio.gather(*(ask(proxy.port, read(5, 1)) for _ in range(4)))
    assert set(answers) == {struct.pack(">BBH", 3, 2, 5)}
    assert len(meter.asked) == 1


async def test_an_old_answer_is_asked_again(meter: Meter) -> None:
    async with Proxy(settings(max_age_s=0.0), {"meter": meter}) as proxy:
        await ask(proxy.port, read(5, 1))
        await ask(proxy.port, read(5, 1))
    assert len(meter.asked) == 2


@pytest.mark.parametrize(
    ("body", "unit", "code"),
    [
        (struct.pack(">BHH", 6, 1, 2), 1, 1),
        (struct.pack(">BHHBH", 16, 1, 1, 2, 5), 1, 1),
        (b"\x2b\x0e\x01\x00", 1, 1),
        (read(9000, 1), 1, 2),
        (read(0, 126), 1, 3),
        (read(0, 0), 1, 3),
        (read(65535, 2), 1, 3),
        (b"\x03\x00", 1, 3),
        (read(0, 1), 9, 10),
    ],
)
async def test_what_cannot_be_is_refused(proxy: Proxy, meter: Meter, body: bytes, unit: int, code: int) -> None:
    assert await ask(proxy.port, body, unit) == bytes((body[0] | 0x80, code))
    assert meter.written == []


async def test_a_device_that_is_away_is_left_alone_for_a_while(proxy: Proxy, meter: Meter) -> None:
    meter.away = True
    assert await ask(proxy.port, read(1, 1)) == bytes((0x83, 11))
    assert await ask(proxy.port, read(2, 1)) == bytes((0x83, 11))
    assert len(meter.asked) == 1


async def test_who_waits_too_long_for_its_turn_is_told_so(meter: Meter) -> None:
    meter.slow = asyncio.Event()
    async with Proxy(settings(answer_s=0.05), {"meter": meter}) as proxy:
        assert await ask(proxy.port, read(1, 1)) == bytes((0x83, 6))


async def test_writes_pass_where_they_are_allowed_and_end_what_was_kept(meter: Meter) -> None:
    async with Proxy(settings(writes=True), {"meter": meter}) as proxy:
        await ask(proxy.port, read(5, 1))
        body = struct.pack(">BHHBHH", 16, 1, 2, 4, 5, 6)
        assert await ask(proxy.port, body, unit=7) == body[:5]
        one = struct.pack(">BHH", 6, 9, 8)
        assert await ask(proxy.port, one) == one
        await ask(proxy.port, read(5, 1))
        assert await ask(proxy.port, struct.pack(">BHHBH", 16, 1, 2, 4, 5)) == bytes((0x90, 3))
    assert meter.written == [(3, 1, [5, 6]), (1, 9, [8])]
    assert len(meter.asked) == 2


async def test_no_more_clients_than_allowed(meter: Meter) -> None:
    async with Proxy(settings(clients=1), {"meter": meter}) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(struct.pack(">HHHB", 1, 0, 6, 1) + read(1, 1))
        await reader.readexactly(11)
        assert await ask(proxy.port, read(1, 1)) == b""
        writer.close()


async def test_only_networks_that_may(meter: Meter) -> None:
    async with Proxy(settings(allow=["192.0.2.0/24"]), {"meter": meter}) as proxy:
        assert await ask(proxy.port, read(1, 1)) == b""


async def test_what_is_not_modbus_is_hung_up_on(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await reader.read() == b""
    writer.close()


def test_a_wrong_table_is_refused(meter: Meter) -> None:
    with pytest.raises(BadSetup, match="boiler"):
        Proxy(settings(unit=[UnitMap(1, "boiler")]), {"meter": meter})
    with pytest.raises(BadSetup, match="twice"):
        Proxy(settings(unit=[UnitMap(1, "meter"), UnitMap(1, "meter", 2)]), {"meter": meter})
    with pytest.raises(BadSetup, match="allow"):
        Proxy(settings(allow=["house"]), {"meter": meter})


async def test_a_taken_port_is_told(proxy: Proxy, meter: Meter) -> None:
    with pytest.raises(BadSetup, match=r"^127\.0\.0\.1:[0-9]+: cannot listen: "):
        async with Proxy(settings(port=proxy.port), {"meter": meter}):
            pass


async def test_a_real_master_and_the_agent_share_one_connection() -> None:
    async with ModbusServer() as server:
        serve(server, hybrid())
        link = TcpLink("127.0.0.1", server.port)
        async with ModbusSource("inverter", load_profile("sunspec"), link, clock=SystemClock()) as source:
            await source.read()
            table = settings(unit=[UnitMap(1, "inverter")], max_age_s=0.0)
            async with Proxy(table, {"inverter": source}) as proxy, asyncio.TaskGroup() as group:
                master = AsyncModbusTcpClient("127.0.0.1", port=proxy.port)
                await master.connect()
                reads = [group.create_task(source.read()) for _ in range(3)]
                for _ in range(3):
                    answer = await master.read_holding_registers(40000, count=2, device_id=1)
                    assert answer.registers == [0x5375, 0x6E53]
                refused = await master.write_register(40000, 1, device_id=1)
                assert refused.exception_code == 1
                await asyncio.gather(*reads)
                master.close()
        assert server.connections == 1


async def test_a_write_reaches_the_device_when_it_is_allowed() -> None:
    async with ModbusServer() as server:
        link = TcpLink("127.0.0.1", server.port)
        async with ModbusSource("inverter", load_profile("sunspec"), link, clock=SystemClock()) as source:
            with pytest.raises(Refused):
                await source.raw_write(1, 6, 5, [7])
        assert server.requests == [(1, 6, 5, 7)]
