"""A source that waits for its turn is the source itself in everything else."""

import asyncio

import pytest

from agent.domain.signals import FLOW_TEMPERATURE, RETURN_TEMPERATURE
from agent.sources.bus import Bus
from agent.sources.in_turn import InTurn
from agent.sources.line import SerialPort, SerialSettings
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
