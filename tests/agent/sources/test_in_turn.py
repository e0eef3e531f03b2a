"""A source that waits for its turn is the source itself in everything else."""

import asyncio
from pathlib import Path

import pytest

from agent.domain.signals import FLOW_TEMPERATURE, RETURN_TEMPERATURE
from agent.sources.bus import Bus
from agent.sources.in_turn import InTurn, ModbusInTurn
from agent.sources.line import SerialPort
from agent.sources.links import RtuLink
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import load_profile
from agent.sources.serial_settings import SerialSettings
from tests.helpers.rtu_slaves import RtuSlaves, framed
from tests.helpers.serial_line import Wire
from tests.helpers.sources import MemorySource, SteppedClock, settle

NOW_MS = 1_700_000_000_000


def bus() -> Bus:
    return Bus(SerialPort(SerialSettings("/dev/null")))


async def test_it_says_what_the_source_says() -> None:
    inner = MemorySource("unit", {FLOW_TEMPERATURE: 50.0}, clock=SteppedClock(NOW_MS))
    async with InTurn(inner, bus(), [1]) as source:
        assert inner.open
        assert (source.name, source.signals) == ("unit", {FLOW_TEMPERATURE})
        assert (await source.read()).values == {FLOW_TEMPERATURE: 50.0}
        assert await source.identify() == await inner.identify()
    assert not inner.open


async def test_only_one_at_a_time_and_in_the_order_they_came() -> None:
    shared = bus()
    clock = SteppedClock(NOW_MS)
    inners = [MemorySource(f"unit {n}", {RETURN_TEMPERATURE: 1.0 * n}, clock=clock) for n in range(3)]
    for inner in inners:
        inner.gate = asyncio.Event()
    reads = [asyncio.create_task(InTurn(inner, shared, [n]).read()) for n, inner in enumerate(inners)]
    for turn, inner in enumerate(inners):
        await settle()
        assert [len(other.reads) for other in inners] == [1] * (turn + 1) + [0] * (2 - turn)
        assert inner.gate is not None
        inner.gate.set()
        await reads[turn]


async def test_whoever_gives_up_gives_the_line_back() -> None:
    shared = bus()
    clock = SteppedClock(NOW_MS)
    hung = MemorySource("hung", {FLOW_TEMPERATURE: 1.0}, clock=clock)
    hung.hang = True
    other = MemorySource("other", {RETURN_TEMPERATURE: 1.0}, clock=clock)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(InTurn(hung, shared, [1]).read(), 0.05)
    assert (await asyncio.wait_for(InTurn(other, shared, [2]).read(), 1)).values


async def test_another_master_waits_for_its_turn_too(tmp_path: Path) -> None:
    async with Wire(tmp_path) as wire:
        slaves = RtuSlaves(wire)
        slaves.put(0, [7, 8])
        shared = Bus(SerialPort(SerialSettings(str(wire.path))))
        profile = load_profile("sunspec")
        inner = ModbusSource("unit", profile, RtuLink(shared), clock=SteppedClock(NOW_MS), timeout_s=1)
        source = ModbusInTurn(inner, shared, [1])
        assert source.timeout_s == 1
        async with source, shared.turn([2]):
            asking = asyncio.create_task(source.raw_read(1, 3, 0, 2))
            await settle()
            assert not asking.done()
        async with source:
            assert list(await asyncio.wait_for(asking, 5)) == [7, 8]
            wire.device = lambda data: wire.send(framed(1, data[1:6]))
            await source.raw_write(1, 16, 0, [1, 2])
