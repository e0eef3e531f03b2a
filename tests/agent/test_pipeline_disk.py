"""A disk that refuses stops neither polling nor diagnosis, and nothing is lost when it comes back."""

from agent.diagnosis.settings import settings_from
from agent.domain.signals import LOAD_POWER, PV_POWER, Reading
from agent.domain.wire import Summary, decode_body
from agent.pipeline import Pipeline
from tests.helpers.outbox import MemoryOutbox

SETTINGS = settings_from({"site": {"timezone": "Europe/Berlin"}})
START_MS = 1_750_032_000_000


async def minutes(pipeline: Pipeline, first: int, last: int) -> None:
    for minute in range(first, last):
        reading = Reading(START_MS + minute * 60_000, {PV_POWER: 100.0 + minute % 7, LOAD_POWER: 300.0})
        await pipeline.take(reading, {"inverter": True})


def records(outbox_records: list[Summary]) -> list[tuple[int, int]]:
    return [(body.start_ms, body.signals[0].n) for body in outbox_records]


async def summaries(outbox: MemoryOutbox) -> list[Summary]:
    bodies = (decode_body(record.kind, record.body) for record in await outbox.after(0, limit=10_000))
    return [body for body in bodies if isinstance(body, Summary)]


async def test_records_are_held_and_committed_when_the_disk_is_back() -> None:
    calm, rough = MemoryOutbox(), MemoryOutbox()
    undisturbed = await Pipeline.resume(SETTINGS, calm)
    pipeline = await Pipeline.resume(SETTINGS, rough)
    await minutes(undisturbed, 0, 600)
    await minutes(pipeline, 0, 100)
    rough.broken = True
    await minutes(pipeline, 100, 500)
    assert pipeline.refused == "memory: disk full"
    assert pipeline.held > 20
    rough.broken = False
    await minutes(pipeline, 500, 600)
    assert (pipeline.refused, pipeline.held) == ("", 0)
    assert await summaries(rough) == await summaries(calm)
    assert (await rough.after(0, limit=10_000)) == (await calm.after(0, limit=10_000))


async def test_what_is_at_risk_is_a_setting() -> None:
    outbox = MemoryOutbox()
    pipeline = await Pipeline.resume(SETTINGS, outbox, at_risk_s=300)
    for minute in range(8):
        await minutes(pipeline, minute, minute + 1)
    resumed = await Pipeline.resume(SETTINGS, outbox)
    assert START_MS + 7 * 60_000 - resumed.at_ms < 300_000


async def test_a_state_that_cannot_be_used_starts_anew_and_says_so() -> None:
    outbox = MemoryOutbox()
    await outbox.append([], checkpoint=b"\xc1 rubbish")
    pipeline = await Pipeline.resume(SETTINGS, outbox)
    assert pipeline.reset != ""
    await minutes(pipeline, 0, 40)
    assert len(await summaries(outbox)) == 2
