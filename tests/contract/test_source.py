"""What every `Source` keeps, the one in memory included."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import SIGNALS, Quality
from tests.helpers.source_benches import BENCHES, NOW_MS, Bench


@pytest.fixture(params=BENCHES)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with BENCHES[request.param](tmp_path) as ready:
        yield ready


async def test_a_reading_holds_good_values_of_its_own_signals_only(bench: Bench) -> None:
    reading = await bench.source.read()
    assert reading.values
    assert set(reading.values) | set(reading.bad) == bench.source.signals
    assert not set(reading.values) & set(reading.bad)
    assert all(isinstance(value, float) for value in reading.values.values())


async def test_it_is_stamped_by_the_given_clock(bench: Bench) -> None:
    first = await bench.source.read()
    await bench.clock.move_to(NOW_MS + 60_000)
    second = await bench.source.read()
    assert (first.at_ms, second.at_ms) == (NOW_MS, NOW_MS + 60_000)


async def test_one_signal_without_a_value_costs_no_other(bench: Bench) -> None:
    before = await bench.source.read()
    spoilt = bench.spoil()
    after = await bench.source.read()
    assert spoilt in before.values
    assert after.bad[spoilt] is Quality.INVALID
    lost = set(before.values) - set(after.values)
    # What is computed from it has none either, everything else is as before.
    assert spoilt in lost
    assert len(lost) <= 2
    assert all(after.values[name] == before.values[name] for name in after.values)


async def test_a_dead_device_is_unavailable_and_comes_back(bench: Bench) -> None:
    before = await bench.source.read()
    await bench.power_off()
    for _ in range(2):
        with pytest.raises(SourceUnavailable) as caught:
            await bench.source.read()
        assert caught.value.source == "unit"
    await bench.power_on()
    assert (await bench.source.read()).values == before.values


async def test_dead_from_the_start_then_alive(bench: Bench) -> None:
    await bench.power_off()
    with pytest.raises(SourceUnavailable):
        await bench.source.read()
    with pytest.raises(SourceUnavailable):
        await bench.source.identify()
    await bench.power_on()
    assert (await bench.source.read()).values


async def test_a_silent_device_is_given_up_and_asked_again(bench: Bench) -> None:
    await bench.source.read()
    bench.fall_silent(True)
    with pytest.raises(SourceUnavailable):
        await asyncio.wait_for(bench.source.read(), 5)
    bench.fall_silent(False)
    assert (await bench.source.read()).values


async def test_a_cancelled_read_spoils_nothing(bench: Bench) -> None:
    before = await bench.source.read()
    bench.fall_silent(True)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bench.source.read(), 0.05)
    bench.fall_silent(False)
    assert (await bench.source.read()).values == before.values


async def test_reads_at_once_are_served_one_by_one(bench: Bench) -> None:
    readings = await asyncio.gather(*(bench.source.read() for _ in range(5)))
    assert all(reading.values == readings[0].values for reading in readings)


async def test_it_says_what_it_is(bench: Bench) -> None:
    equipment = await bench.source.identify()
    assert equipment.maker
    assert equipment.serial


async def test_it_has_a_name_and_known_signals(bench: Bench) -> None:
    assert bench.source.name == "unit"
    assert bench.source.signals <= set(SIGNALS)
    async with bench.source as opened:
        assert opened is bench.source
