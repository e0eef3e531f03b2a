import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from agent.diagnosis.settings import DiagnosisSettings
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER, Reading
from agent.domain.wire import Event, Summary, decode_body
from agent.pipeline import Pipeline
from tests.helpers.outbox import MemoryOutbox

MINUTE_MS = 60_000
START_MS = 1_777_593_600_000
SETTINGS = DiagnosisSettings()


def readings(count: int) -> list[Reading]:
    return [
        Reading(
            START_MS + number * MINUTE_MS,
            {PV_POWER: 100.0 * (number % 40), LOAD_POWER: 500.0, BATTERY_POWER: -float(number % 7), BATTERY_SOC: 50.0},
        )
        for number in range(count)
    ]


async def judged(outbox: MemoryOutbox, some: list[Reading], *, hold: int = 1) -> Pipeline:
    pipeline = await Pipeline.resume(SETTINGS, outbox)
    pipeline.hold = hold
    for reading in some:
        await pipeline.take(reading, {"inverter": True})
    return pipeline


async def told(outbox: MemoryOutbox) -> list[tuple[str, bytes]]:
    return [(record.kind, bytes(record.body)) for record in await outbox.after(0, limit=100_000)]


@pytest.mark.parametrize("hold", [1, 7])
async def test_stopped_anywhere_and_resumed_the_journal_is_the_same(hold: int) -> None:
    whole, parts, some = MemoryOutbox(), MemoryOutbox(), readings(200)
    await (await judged(whole, some)).commit(always=True)
    for first, last in pairwise([0, 1, 16, 47, 130, 200]):
        pipeline = await judged(parts, some[first:last], hold=hold)
        await pipeline.commit(always=True)
    assert await told(parts) == await told(whole)


async def test_a_killed_agent_repeats_from_its_checkpoint_and_nothing_twice() -> None:
    whole, killed, some = MemoryOutbox(), MemoryOutbox(), readings(200)
    await (await judged(whole, some)).commit(always=True)
    await judged(killed, some[:123])  # no commit: the pipeline is gone as it was
    resumed = await Pipeline.resume(SETTINGS, killed)
    for reading in some:
        if reading.at_ms > resumed.at_ms:
            await resumed.take(reading, {"inverter": True})
    await resumed.commit(always=True)
    assert await told(killed) == await told(whole)


async def test_what_the_disk_refuses_is_offered_again() -> None:
    outbox = MemoryOutbox()
    pipeline = await Pipeline.resume(SETTINGS, outbox)
    outbox.broken = True
    await pipeline.note([(1, Event(1, "start"))])
    assert (pipeline.refused, pipeline.held) == ("memory: disk full", 1)
    outbox.broken = False
    await pipeline.commit()
    assert [kind for kind, _ in await told(outbox)] == ["event"]


async def test_summaries_cover_the_windows_that_closed() -> None:
    outbox = MemoryOutbox()
    await judged(outbox, readings(46))
    bodies = [decode_body(kind, raw) for kind, raw in await told(outbox)]
    starts = [body.start_ms for body in bodies if isinstance(body, Summary)]
    assert starts == [START_MS, START_MS + 15 * MINUTE_MS, START_MS + 30 * MINUTE_MS]


async def test_settings_may_change_between_two_starts() -> None:
    outbox = MemoryOutbox()
    await (await judged(outbox, readings(20))).commit(always=True)
    pipeline = await Pipeline.resume(replace(SETTINGS, window_s=300), outbox)
    assert pipeline.at_ms == START_MS + 19 * MINUTE_MS


async def test_other_settings_lose_no_sample_and_keep_what_is_remembered() -> None:
    outbox, some = MemoryOutbox(), readings(60)
    pipeline = await judged(outbox, some[:20])
    await pipeline.retune(replace(SETTINGS, window_s=300))
    for reading in some[20:]:
        await pipeline.take(reading, {"inverter": True})
    bodies = [decode_body(kind, raw) for kind, raw in await told(outbox)]
    windows = [body for body in bodies if isinstance(body, Summary)]
    counted = sum(each.n for window in windows for each in window.signals if each.signal == PV_POWER)
    assert [window.window_s for window in windows[:3]] == [900, 900, 300]
    assert windows[1].signals[0].n == 5, "the open window is closed as far as it has come"
    assert counted == 55, "all but the window that is open"


async def test_other_limits_go_on_with_the_same_window() -> None:
    outbox, some = MemoryOutbox(), readings(31)
    pipeline = await judged(outbox, some[:20])
    await pipeline.retune(replace(SETTINGS, max_gap_s=600.0))
    for reading in some[20:]:
        await pipeline.take(reading, {"inverter": True})
    windows = [body for body in (decode_body(*each) for each in await told(outbox)) if isinstance(body, Summary)]
    assert [window.signals[0].n for window in windows] == [15, 15]


async def test_a_diagnosis_that_broke_goes_on_from_its_checkpoint_and_nothing_is_twice() -> None:
    whole, broken, some = MemoryOutbox(), MemoryOutbox(), readings(200)
    await (await judged(whole, some)).commit(always=True)
    pipeline = await judged(broken, some[:123])
    await pipeline.restart(SETTINGS)
    for reading in some:
        if reading.at_ms > pipeline.at_ms:
            await pipeline.take(reading, {"inverter": True})
    await pipeline.commit(always=True)
    assert await told(broken) == await told(whole)


async def test_while_the_disk_refuses_nothing_is_gone_back_to() -> None:
    outbox = MemoryOutbox()
    pipeline = await judged(outbox, readings(3))
    outbox.broken = True
    await pipeline.note([(1, Event(1, "start"))])
    await pipeline.restart(SETTINGS)
    assert pipeline.held == 1


async def test_a_cancelled_commit_is_finished_and_written_once() -> None:
    class Slow(MemoryOutbox):
        gate = asyncio.Event()

        async def append(self, *args: Any, **kwargs: Any) -> int:
            await self.gate.wait()
            return await super().append(*args, **kwargs)

    outbox = Slow()
    pipeline = await Pipeline.resume(SETTINGS, outbox)
    task = asyncio.create_task(pipeline.note([(1, Event(1, "start"))]))
    await asyncio.sleep(0)
    assert pipeline.committing
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    outbox.gate.set()
    await asyncio.gather(task, return_exceptions=True)
    await pipeline.commit(always=True)
    assert [kind for kind, _ in await told(outbox)] == ["event"]
    assert (pipeline.commits, pipeline.committing, pipeline.held) == (2, False, 0)


async def test_several_may_write_at_once() -> None:
    outbox, some = MemoryOutbox(), readings(100)
    pipeline = await Pipeline.resume(SETTINGS, outbox)

    async def notes() -> None:
        for number in range(50):
            await pipeline.note([(number, Event(number, "command"))])
            await asyncio.sleep(0)

    async def reads() -> None:
        for reading in some:
            await pipeline.take(reading, {"inverter": True})
            await asyncio.sleep(0)

    await asyncio.gather(notes(), reads(), notes())
    kinds = [kind for kind, _ in await told(outbox)]
    assert (kinds.count("event"), kinds.count("summary")) == (100, 6)
