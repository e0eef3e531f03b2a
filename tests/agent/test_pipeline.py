from dataclasses import replace
from itertools import pairwise

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
