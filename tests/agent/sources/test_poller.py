"""The poller on a clock moved by hand: cadence, back-off, and that nobody waits for the dead."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadSetup
from agent.domain.signals import GRID_POWER, LOAD_POWER, PV_POWER, Quality, Reading
from agent.sources.poller import BACKOFF_CAP_S, Poller, backoff_s, next_tick
from tests.helpers.sources import MemorySource, SteppedClock, settle

STEP_MS = 60_000
START_MS = 1_700_000_040_000 // STEP_MS * STEP_MS + 12_345
FIRST_MS = (START_MS // STEP_MS + 1) * STEP_MS
MISSING = Quality.MISSING


class Site:
    """A poller under way, and its readings one by one."""

    def __init__(self, sources: Sequence[MemorySource], clock: SteppedClock, budget_s: float = 0.1) -> None:
        self.clock = clock
        self.poller = Poller(sources, interval_s=60, clock=clock, budget_s=budget_s, random=Random(1))
        self._readings = self.poller.readings()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Site"]:
        tasks = [asyncio.create_task(work, name=name) for name, work in self.poller.tasks()]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(self) -> asyncio.Future[tuple[Reading, Mapping[str, bool]]]:
        """The next reading, under way; the clock stands still."""
        pending = asyncio.ensure_future(anext(self._readings))
        await settle()
        return pending

    async def next(self) -> tuple[Reading, Mapping[str, bool]]:
        """Move on by one interval and take what comes."""
        pending = await self.ask()
        await self.clock.move_to(self.clock.now_ms() // STEP_MS * STEP_MS + STEP_MS)
        return await asyncio.wait_for(pending, 10)


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock(START_MS)


@pytest.fixture
def pv(clock: SteppedClock) -> MemorySource:
    return MemorySource("inverter", {PV_POWER: 700.0}, clock=clock)


@pytest.fixture
def meter(clock: SteppedClock) -> MemorySource:
    return MemorySource("meter", {GRID_POWER: -100.0, LOAD_POWER: 600.0}, clock=clock)


async def test_one_reading_per_tick_joins_all_sources(
    clock: SteppedClock, pv: MemorySource, meter: MemorySource
) -> None:
    async with Site([pv, meter], clock).running() as site:
        for n in range(5):
            pv.values[PV_POWER] = float(n)
            reading, reachable = await site.next()
            assert reading == Reading(
                FIRST_MS + n * STEP_MS, {PV_POWER: float(n), GRID_POWER: -100.0, LOAD_POWER: 600.0}
            )
            assert reachable == {"inverter": True, "meter": True}
    assert pv.reads == meter.reads == [FIRST_MS + n * STEP_MS for n in range(5)]


async def test_a_bad_signal_keeps_its_quality(clock: SteppedClock, pv: MemorySource, meter: MemorySource) -> None:
    meter.bad[GRID_POWER] = Quality.INVALID
    async with Site([pv, meter], clock).running() as site:
        reading, _ = await site.next()
    assert reading.bad == {GRID_POWER: Quality.INVALID}
    assert set(reading.values) == {PV_POWER, LOAD_POWER}


async def test_a_dead_source_costs_the_others_nothing(
    clock: SteppedClock, pv: MemorySource, meter: MemorySource
) -> None:
    meter.dead = True
    async with Site([pv, meter], clock).running() as site:
        for _ in range(30):
            reading, reachable = await site.next()
            assert reading.values == {PV_POWER: 700.0}
            assert reading.bad == {GRID_POWER: MISSING, LOAD_POWER: MISSING}
            assert reachable == {"inverter": True, "meter": False}
    assert len(pv.reads) == 30
    assert len(meter.reads) < 15


async def test_a_hanging_source_is_given_up_after_its_budget(
    clock: SteppedClock, pv: MemorySource, meter: MemorySource
) -> None:
    meter.hang = True
    async with Site([pv, meter], clock, budget_s=0.05).running() as site:
        reading, _ = await site.next()
        assert reading.values == {PV_POWER: 700.0}
        assert reading.at_ms == FIRST_MS
        await asyncio.sleep(0.1)  # the budget is real time
        assert site.poller.states()["meter"].reachable is False
        assert "0.05 s" in site.poller.states()["meter"].reason
        reading, _ = await site.next()
        assert reading.values == {PV_POWER: 700.0}


async def test_a_slow_source_holds_no_reading_back_into_the_next_tick(
    clock: SteppedClock, pv: MemorySource, meter: MemorySource
) -> None:
    meter.hang = True
    async with Site([pv, meter], clock, budget_s=1000).running() as site:
        pending = await site.ask()
        assert not pending.done()
        await clock.move_to(FIRST_MS + STEP_MS - 1)
        reading, _ = await asyncio.wait_for(pending, 10)
        assert reading == Reading(FIRST_MS, {PV_POWER: 700.0}, {GRID_POWER: MISSING, LOAD_POWER: MISSING})


async def test_an_answer_that_came_late_is_used_once(
    clock: SteppedClock, pv: MemorySource, meter: MemorySource
) -> None:
    async with Site([pv, meter], clock, budget_s=1000).running() as site:
        await site.next()
        release = asyncio.Event()
        meter.gate = release
        pending = await site.ask()
        await clock.move_to(FIRST_MS + STEP_MS + 50_000)
        reading, _ = await asyncio.wait_for(pending, 10)
        assert GRID_POWER in reading.bad
        release.set()
        await settle()
        reading, _ = await site.next()
        assert reading.values[GRID_POWER] == -100.0
        assert reading.at_ms == FIRST_MS + 2 * STEP_MS


async def test_what_was_used_is_not_used_again(clock: SteppedClock, pv: MemorySource) -> None:
    async with Site([pv], clock).running() as site:
        pv.gate = asyncio.Event()
        pending = await site.ask()
        await clock.move_to(FIRST_MS + 10_000)
        pv.gate.set()
        reading, _ = await asyncio.wait_for(pending, 10)
        assert reading == Reading(FIRST_MS + 10_000, {PV_POWER: 700.0})
        pv.dead = True
        reading, _ = await site.next()
        assert reading == Reading(FIRST_MS + STEP_MS, {}, {PV_POWER: MISSING})


async def test_after_a_pause_of_the_reader_old_values_are_missing(clock: SteppedClock, pv: MemorySource) -> None:
    async with Site([pv], clock).running() as site:
        await site.next()
        await clock.move_to(FIRST_MS + STEP_MS)
        pv.dead = True
        await clock.move_to(FIRST_MS + 4 * STEP_MS)
        reading, _ = await site.next()
        assert reading == Reading(FIRST_MS + 5 * STEP_MS, {}, {PV_POWER: MISSING})


async def test_back_from_the_dead(clock: SteppedClock, pv: MemorySource) -> None:
    async with Site([pv], clock).running() as site:
        await site.next()
        pv.dead = True
        await site.next()
        died = site.poller.states()["inverter"]
        assert (died.reachable, died.since_ms, died.reason) == (False, FIRST_MS + STEP_MS, "switched off")
        pv.dead = False
        reading, reachable = await site.next()
        assert reading.values == {PV_POWER: 700.0}
        assert reachable == {"inverter": True}
        assert site.poller.states()["inverter"].since_ms == FIRST_MS + 2 * STEP_MS


async def test_each_change_is_said_once(
    clock: SteppedClock, pv: MemorySource, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "emberwatt.poller")
    async with Site([pv], clock).running() as site:
        for dead in (False, False, True, True, False, False):
            pv.dead = dead
            await site.next()
            await site.next()
    assert caplog.messages == [
        "inverter answers: 1 of 1 signals have a value",
        "inverter does not answer: switched off",
        "inverter answers: 1 of 1 signals have a value",
    ]


async def test_a_dead_source_is_tried_at_least_every_five_minutes_or_so(clock: SteppedClock, pv: MemorySource) -> None:
    pv.dead = True
    async with Site([pv], clock).running() as site:
        for _ in range(60):
            await site.next()
    gaps = [later - earlier for earlier, later in pairwise(pv.reads)]
    assert gaps[0] == STEP_MS
    assert max(gaps) <= BACKOFF_CAP_S * 1000 + STEP_MS
    assert max(gaps[5:]) > 2 * STEP_MS
    assert all(instant % STEP_MS == 0 for instant in pv.reads)


async def test_an_old_reading_is_not_used_again(clock: SteppedClock, pv: MemorySource, meter: MemorySource) -> None:
    async with Site([pv, meter], clock).running() as site:
        await site.next()
        pv.dead = True
        reading, _ = await site.next()
    assert reading.bad == {PV_POWER: MISSING}


async def test_before_the_first_answer_a_source_is_neither_dead_nor_alive(
    clock: SteppedClock, pv: MemorySource
) -> None:
    pv.hang = True
    async with Site([pv], clock, budget_s=0.05).running() as site:
        assert site.poller.states()["inverter"].reachable is None
        reading, _ = await site.next()
    assert reading == Reading(FIRST_MS, {}, {PV_POWER: MISSING})


async def test_a_clock_that_is_set_back_does_not_stop_the_readings(clock: SteppedClock, pv: MemorySource) -> None:
    async with Site([pv], clock).running() as site:
        await site.next()
        clock.set_back(FIRST_MS - 86_400_000)
        await site.next()
        before = len(pv.reads)
        for _ in range(3):
            reading, _ = await site.next()
            assert reading.values == {PV_POWER: 700.0}
    assert len(pv.reads) >= before + 3


async def test_stopping_closes_the_sources(clock: SteppedClock, pv: MemorySource) -> None:
    async with Site([pv], clock).running() as site:
        await site.next()
        assert pv.open
    assert not pv.open


def test_a_signal_of_two_sources_is_a_mistake(clock: SteppedClock, pv: MemorySource) -> None:
    other = MemorySource("second", {PV_POWER: 1.0}, clock=clock)
    with pytest.raises(BadSetup, match="source second: gives pv_power, which source inverter gives too"):
        Poller([pv, other], interval_s=60, clock=clock)


@pytest.mark.parametrize(("names", "interval_s"), [(["a", "a"], 60.0), ([], 60.0), (["a"], 0.0)])
def test_other_mistakes_of_the_site_file(clock: SteppedClock, names: list[str], interval_s: float) -> None:
    with pytest.raises(BadSetup):
        Poller([MemorySource(name, {}, clock=clock) for name in names], interval_s=interval_s, clock=clock)


@given(st.integers(0, 10**13), st.integers(1, 10**7), st.integers(0, 10**13))
def test_a_tick_is_a_multiple_ahead_and_near(now_ms: int, interval_ms: int, after_ms: int) -> None:
    tick = next_tick(now_ms, interval_ms, after_ms)
    assert tick % interval_ms == 0
    assert now_ms < tick <= now_ms + 2 * interval_ms
    assert tick != after_ms


@given(st.integers(0, 10**6), st.floats(0.01, 3600), st.floats(0, 1))
def test_back_off_grows_and_is_bounded(failures: int, interval_s: float, jitter: float) -> None:
    pause_s = backoff_s(failures, interval_s, jitter)
    assert 0 <= pause_s <= max(BACKOFF_CAP_S, interval_s)
    assert backoff_s(failures + 1, interval_s, jitter) >= pause_s


async def test_idle_is_when_a_stop_loses_no_sample(clock: SteppedClock) -> None:
    source = MemorySource("inverter", {PV_POWER: 1.0}, clock=clock)
    async with Site([source], clock).running() as site:
        assert not site.poller.idle, "nobody waits for a tick yet"
        for _ in range(3):
            pending = await site.ask()
            assert site.poller.idle
            await clock.move_to(clock.now_ms() // STEP_MS * STEP_MS + STEP_MS)
            await asyncio.wait_for(pending, 10)
            assert not site.poller.idle, "what was joined is being worked on"
        pending = await site.ask()
        clock.set_back(clock.now_ms() // STEP_MS * STEP_MS + STEP_MS)
        assert not site.poller.idle, "the tick has come"
        pending.cancel()
