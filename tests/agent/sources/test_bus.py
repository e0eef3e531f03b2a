"""Several devices on one wire that has noise, echo, gaps and late answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.domain.errors import SourceUnavailable
from agent.sources.bus import Bus, Damaged, Exchange
from agent.sources.in_turn import InTurn
from agent.sources.line import SerialPort
from agent.sources.links import RtuLink
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import load_profile
from agent.sources.serial_settings import LineLost, SerialSettings
from tests.helpers.rtu_slaves import RtuSlaves
from tests.helpers.serial_line import Wire
from tests.helpers.sources import SteppedClock

NOW_MS = 1_700_000_000_000
BAUD = 115_200


class Cellar:
    """A wire with slaves, each holding its unit's number times 100 plus the address."""

    def __init__(self, wire: Wire, slaves: RtuSlaves, bus: Bus) -> None:
        self.wire = wire
        self.slaves = slaves
        self.bus = bus

    async def ask(self, unit: int, address: int = 0, count: int = 2, *, timeout_s: float = 1.0, late_s: float = 0.3):
        client = RtuLink(self.bus, late_s=late_s).client(timeout_s, lambda _: None)
        try:
            assert await client.connect()
            async with asyncio.timeout(timeout_s):
                return (await client.read(3, address, count, unit)).registers
        finally:
            client.close()


@pytest.fixture
async def cellar(tmp_path: Path) -> AsyncIterator[Cellar]:
    async with Wire(tmp_path, baud=BAUD) as wire:
        slaves = RtuSlaves(wire)
        for unit in range(1, 11):
            slaves.put(0, [100 * unit + address for address in range(20)], unit=unit)
        bus = Bus(SerialPort(SerialSettings(str(wire.path), baud=BAUD)))
        bus_open = object()
        await bus.join(bus_open, 1)
        yield Cellar(wire, slaves, bus)
        bus.leave(bus_open)


async def test_each_gets_its_own_answer_when_all_ask_at_once(cellar: Cellar) -> None:
    answers = await asyncio.gather(*(cellar.ask(unit, timeout_s=3) for unit in range(1, 11)))
    assert answers == [[100 * unit, 100 * unit + 1] for unit in range(1, 11)]
    assert cellar.slaves.bad_requests == 0


async def test_an_echoing_adapter_is_read_as_any_other(cellar: Cellar) -> None:
    cellar.wire.faults.echo = True
    for address in range(10):
        assert await cellar.ask(3, address) == [300 + address, 301 + address]


async def test_an_answer_in_pieces_is_put_together(cellar: Cellar) -> None:
    cellar.wire.faults.chunk = 3
    cellar.wire.faults.chunk_gap_s = 0.02
    assert await cellar.ask(1, count=10, timeout_s=1) == list(range(100, 110))


async def test_noise_before_and_behind_costs_nothing(cellar: Cellar) -> None:
    cellar.wire.faults.before = b"\x00\xff"
    cellar.wire.faults.behind = b"\xff\x01\x03"
    for _ in range(5):
        assert await cellar.ask(1, timeout_s=1) == [100, 101]


async def test_a_damaged_answer_is_asked_for_again_and_never_believed(cellar: Cellar) -> None:
    cellar.wire.faults.flip = 0.4
    right = wrong = none = 0
    for turn in range(40):
        unit = 1 + turn % 3
        try:
            answer = await cellar.ask(unit, turn % 10, timeout_s=1, late_s=0.1)
        except OSError:
            none += 1
            continue
        right += answer == [100 * unit + turn % 10, 100 * unit + turn % 10 + 1]
        wrong += answer != [100 * unit + turn % 10, 100 * unit + turn % 10 + 1]
    assert wrong == 0
    assert right >= 30


async def test_what_has_something_behind_it_must_come_twice(cellar: Cellar) -> None:
    cellar.wire.faults.behind = b"\xff"
    assert await cellar.ask(1, timeout_s=2) == [100, 101]
    assert len(cellar.slaves.requests) == 2
    cellar.wire.faults.behind = b""
    assert await cellar.ask(1, timeout_s=2) == [100, 101]
    assert len(cellar.slaves.requests) == 3


async def test_a_request_that_is_answered_twice_spoils_no_other(cellar: Cellar) -> None:
    """Noise looked like its answer, it was sent again, and then both are answered."""
    cellar.slaves.late_s[1] = 0.12

    def noise() -> None:
        cellar.wire.send(b"\x01\x03\x55\x55\x55\x55")
        cellar.slaves.on_request = lambda: None

    cellar.slaves.on_request = noise
    assert await cellar.ask(1, 0, timeout_s=2) == [100, 101]
    assert len(cellar.slaves.requests) == 2
    # The second answer to the first request would come while this one is waited for.
    assert await cellar.ask(1, 8, timeout_s=2) == [108, 109]


async def test_always_damaged_is_said_to_be_so(cellar: Cellar) -> None:
    cellar.wire.faults.drop = 1
    with pytest.raises(Damaged, match="baud rate"):
        await cellar.ask(1, timeout_s=2)
    assert len(cellar.slaves.requests) == 3


async def test_a_late_answer_is_never_taken_for_the_next_request(cellar: Cellar) -> None:
    cellar.slaves.late_s[1] = 0.25
    with pytest.raises(TimeoutError):
        await cellar.ask(1, 0, timeout_s=0.1)
    cellar.slaves.late_s.clear()
    # The same length, another address; the late answer comes while another device is asked.
    others = [await cellar.ask(2, address) for address in range(8)]
    assert others == [[200 + address, 201 + address] for address in range(8)]
    assert await cellar.ask(1, 8, timeout_s=1) == [108, 109]


async def test_a_late_answer_does_not_answer_the_same_devices_next_request(cellar: Cellar) -> None:
    cellar.slaves.late_s[1] = 0.25
    with pytest.raises(TimeoutError):
        await cellar.ask(1, 0, timeout_s=0.1, late_s=0.3)
    assert await cellar.ask(1, 8, timeout_s=2) == [108, 109]


async def test_a_device_that_owes_an_answer_holds_nobody_else_up(cellar: Cellar) -> None:
    cellar.slaves.dead.add(1)
    with pytest.raises(TimeoutError):
        await cellar.ask(1, timeout_s=0.1, late_s=5)
    started = time.monotonic()
    assert await cellar.ask(2) == [200, 201]
    assert time.monotonic() - started < 1


async def test_who_waits_for_a_turn_does_not_spend_its_own_time(cellar: Cellar) -> None:
    clock = SteppedClock(NOW_MS)
    for unit in range(1, 5):
        cellar.slaves.put(1000, [0] * 200, unit=unit)
    cellar.slaves.dead.add(1)
    profile = load_profile("sunspec")

    def source(unit: int, timeout_s: float) -> InTurn:
        link = RtuLink(cellar.bus, late_s=0.1)
        return InTurn(
            ModbusSource(f"unit {unit}", profile, link, clock=clock, unit=unit, timeout_s=timeout_s), cellar.bus, [unit]
        )

    # The dead one takes longer than the other's whole time-out.
    dead, alive = source(1, 0.8), source(2, 0.3)

    async def reason(of: InTurn) -> str:
        with pytest.raises(SourceUnavailable) as caught:
            await of.read()
        return caught.value.reason

    reasons = await asyncio.gather(reason(dead), reason(alive))
    assert reasons[0] == "no answer within 0.8 s"
    # It was read: it has no SunSpec map, and says so.
    assert reasons[1].startswith(("no SunSpec marker", "refused"))


async def test_a_line_that_is_never_silent_is_said_to_be_so(cellar: Cellar) -> None:
    async def chatter() -> None:
        while True:
            cellar.wire.send(b"\x55")
            await asyncio.sleep(0.01)

    task = asyncio.create_task(chatter())
    await asyncio.sleep(0.03)
    with pytest.raises(LineLost, match="another master"):
        await cellar.ask(1, timeout_s=4)
    task.cancel()


async def test_a_mute_line_is_opened_anew(cellar: Cellar) -> None:
    user = object()
    line = await cellar.bus.join(user, 1)
    cellar.wire.faults.cut = True
    for unit in (1, 2):
        with pytest.raises(TimeoutError):
            await cellar.ask(unit, timeout_s=0.1, late_s=0.1)
    assert not line.is_open
    cellar.wire.faults.cut = False
    assert await cellar.ask(3) == [300, 301]
    cellar.bus.leave(user)


async def test_a_pulled_adapter_ends_a_request_at_once(cellar: Cellar) -> None:
    cellar.slaves.dead.add(1)
    asked = asyncio.Event()
    cellar.slaves.on_request = asked.set
    asking = asyncio.create_task(cellar.ask(1, timeout_s=10))
    await asked.wait()
    started = time.monotonic()
    await cellar.wire.unplug()
    with pytest.raises(LineLost, match="gone"):
        await asking
    assert time.monotonic() - started < 1
    await cellar.wire.plug()
    assert await cellar.ask(2) == [200, 201]


async def test_the_line_is_closed_behind_the_last_user(tmp_path: Path) -> None:
    async with Wire(tmp_path) as wire:
        bus = Bus(SerialPort(SerialSettings(str(wire.path))))
        first, second = object(), object()
        line = await bus.join(first, 1)
        assert await bus.join(second, 1) is line
        bus.leave(first)
        assert line.is_open
        bus.leave(second)
        assert not line.is_open
        with pytest.raises(LineLost):
            line.write(b"x")
        with pytest.raises(LineLost):
            await bus.exchange(line, Exchange(1, b"x", lambda _: None, lambda _, alone: False))
