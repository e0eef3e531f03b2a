"""A clock that was wrong: in the end every sample stands where it belongs, and says that it was put right.

The signal of these tests is the true minute since the start, so a window tells itself when its samples were taken.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.diagnosis.settings import settings_from
from agent.domain.signals import LOAD_POWER, PV_POWER, Reading
from agent.domain.timeline import EARLIEST_MS
from agent.domain.wire import Event, Fault, Record, Summary, decode_body
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.pipeline import Pipeline
from agent.timekeeping import ESTIMATED_EVENT, STEP_EVENT, Timekeeper

SETTINGS = settings_from({"site": {"timezone": "Europe/Berlin"}})
START_MS = 1_750_032_000_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class WrongClock:
    """True time goes on with `pass_ms`; the wall clock shows it plus `error_ms`, the monotonic one time since boot."""

    def __init__(self, true_ms: int = START_MS) -> None:
        self.true_ms = self.boot_ms = true_ms
        self.error_ms = 0

    def now_ms(self) -> int:
        return self.true_ms + self.error_ms

    def monotonic_ms(self) -> int:
        return self.true_ms - self.boot_ms

    async def sleep(self, seconds: float) -> None:
        self.true_ms += round(seconds * 1000)
        await asyncio.sleep(0)


class Device:
    """Journal, pipeline and timekeeper over one wrong clock; `on` is one boot or one start of the agent."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self.clock = WrongClock()
        self.boot = 0

    def power_cycle(self, error_ms: int) -> None:
        self.clock.boot_ms = self.clock.true_ms
        self.clock.error_ms = error_ms
        self.boot += 1

    @asynccontextmanager
    async def on(self) -> AsyncIterator["Device"]:
        settings = OutboxSettings(self.path, boot=b"boot%04d" % self.boot)
        async with SqliteOutbox(settings, self.clock) as self.outbox:
            self.pipeline = await Pipeline.resume(SETTINGS, self.outbox)
            self.time = Timekeeper(self.clock, self.pipeline, self.outbox)
            await self.time.start()
            yield self
            await self.pipeline.commit(always=True)

    async def run(self, minutes: int, *, answers: bool = True) -> None:
        for _ in range(minutes):
            await self.clock.sleep(60)
            minute = (self.clock.true_ms - START_MS) // MINUTE_MS
            reading = Reading(self.clock.now_ms(), {LOAD_POWER: float(minute), PV_POWER: 0.0})
            await self.pipeline.take(await self.time.look(reading), {"inverter": answers})

    async def records(self) -> list[Record]:
        return await self.outbox.after(0, limit=100_000)


def check(records: list[Record], *, tolerance_ms: int = 1000) -> list[int]:
    """Each window holds the samples that it says; returns all its true minutes."""
    minutes: list[int] = []
    for record in records:
        body = decode_body(record.kind, record.body)
        if isinstance(body, Summary):
            load = body.signals[0]
            first, last = load.mean - load.below, load.mean + load.above
            assert body.start_ms - tolerance_ms <= START_MS + first * MINUTE_MS
            assert START_MS + last * MINUTE_MS < body.start_ms + body.window_s * 1000 + tolerance_ms
            assert load.n == last - first + 1
            minutes += range(first, last + 1)
    return minutes


def marks(records: list[Record], kind: str = "summary") -> set[int]:
    return {record.clock for record in records if record.kind == kind}


def events(records: list[Record]) -> list[Event]:
    bodies = (decode_body(record.kind, record.body) for record in records)
    return [body for body in bodies if isinstance(body, Event)]


async def test_six_hours_of_1970_are_put_right_when_the_clock_is_set(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.clock.error_ms = -START_MS + 12_345
    async with device.on():
        await device.run(360)
        assert device.time.quality == "unset"
        assert not device.time.settled()
        before = await device.records()
        assert all(record.at_ms < EARLIEST_MS for record in before)
        device.clock.error_ms = 0
        assert not device.time.settled()
        await device.run(60)
        assert device.time.settled()
        assert device.time.quality == "set"
        records = await device.records()
    assert check(records) == list(range(1, 420))
    wrong = [record for record in records if record.at_ms <= START_MS + 360 * MINUTE_MS]
    assert marks(wrong) == {1}
    assert all(record.at_ms > EARLIEST_MS for record in records)
    (step,) = events(records)
    assert (step.name, step.detail["was_unset"]) == (STEP_EVENT, True)
    assert abs(float(step.detail["by_s"] or 0) * 1000 - (START_MS - 12_345)) < 1000


async def test_a_step_back_by_an_hour(tmp_path: Path) -> None:
    for number, error_ms in enumerate((HOUR_MS, HOUR_MS + 777)):
        (tmp_path / str(number)).mkdir()
        device = Device(tmp_path / str(number))
        device.clock.error_ms = error_ms
        async with device.on():
            await device.run(130)
            device.clock.error_ms = 0
            await device.run(120)
            records = await device.records()
        assert check(records) == list(range(1, 240))
        starts = [(body.start_ms, body.window_s) for body in summaries(records)]
        assert len(set(starts)) == len(starts)


def summaries(records: list[Record]) -> list[Summary]:
    bodies = (decode_body(record.kind, record.body) for record in records)
    return [body for body in bodies if isinstance(body, Summary)]


async def test_a_fault_that_lasts_over_the_step_is_one_fault(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.clock.error_ms = -START_MS
    async with device.on():
        await device.run(60)
        await device.run(60, answers=False)
        device.clock.error_ms = 0
        await device.run(30, answers=False)
        await device.run(60)
        records = await device.records()
    faults = [body for body in (decode_body(r.kind, r.body) for r in records) if isinstance(body, Fault)]
    assert [fault.phase for fault in faults] == ["start", "end"]
    assert {fault.id for fault in faults} == {f"device_unreachable.inverter.{START_MS + 61 * MINUTE_MS}"}
    assert {fault.start_ms for fault in faults} == {START_MS + 61 * MINUTE_MS}
    assert faults[1].end_ms == START_MS + 151 * MINUTE_MS
    assert abs(faults[1].failing_s - 90 * 60) <= 60


async def test_a_fault_that_was_sent_keeps_its_id(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.clock.error_ms = HOUR_MS
    async with device.on():
        await device.run(60, answers=False)
        position = await device.outbox.position()
        await device.outbox.acknowledge(position.epoch, position.last)
        sent = await device.records()
        device.clock.error_ms = 0
        await device.run(60)
        records = await device.records()
    faults = [body for body in (decode_body(r.kind, r.body) for r in records) if isinstance(body, Fault)]
    assert "clock_error" in {fault.code for fault in faults}
    ids = [fault.id for fault in faults if fault.code != "clock_error"]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert records[: len(sent)] == sent


async def test_the_fault_of_the_clock_itself_stands_where_the_clock_was_set(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.clock.error_ms = HOUR_MS
    async with device.on():
        await device.run(100)
        device.clock.error_ms = 0
        await device.run(100)
        records = await device.records()
    bodies = [decode_body(record.kind, record.body) for record in records]
    told = [body for body in bodies if isinstance(body, Fault) and body.code == "clock_error"]
    assert [body.phase for body in told] == ["start", "end"]
    assert all(abs(body.start_ms - START_MS - 100 * MINUTE_MS) <= MINUTE_MS for body in told)


async def test_a_step_while_the_agent_was_down_is_noticed_at_its_start(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.clock.error_ms = -START_MS
    async with device.on():
        await device.run(100)
    await device.clock.sleep(600)
    device.clock.error_ms = 0
    async with device.on():
        await device.run(100)
        records = await device.records()
    assert check(records) == [*range(1, 101), *range(111, 211)][: len(check(records))]
    assert len(check(records)) >= 190
    assert [event.name for event in events(records)] == [STEP_EVENT]


async def test_a_boot_that_never_learned_the_time_lies_between_its_neighbours(tmp_path: Path) -> None:
    device = Device(tmp_path)
    async with device.on():
        await device.run(60)
    device.power_cycle(-device.clock.true_ms)
    async with device.on():
        await device.run(120)
        assert not device.time.settled()
    await device.clock.sleep(60)
    device.power_cycle(0)
    async with device.on():
        await device.run(60)
        records = await device.records()
        assert device.time.settled()
    assert len(check(records, tolerance_ms=2 * MINUTE_MS)) >= 225
    assert marks(records) == {0, 2}
    assert [event.name for event in events(records)] == [ESTIMATED_EVENT]
    assert all(START_MS <= record.at_ms <= device.clock.true_ms for record in records)


async def test_a_clock_that_was_in_2040_stalls_nothing(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.clock.error_ms = 15 * 365 * 24 * HOUR_MS
    async with device.on():
        await device.run(100, answers=False)
        position = await device.outbox.position()
        await device.outbox.acknowledge(position.epoch, position.last)
    device.power_cycle(0)
    async with device.on():
        before = len(await device.records())
        await device.run(240)
        records = await device.records()
        assert device.time.settled()
        snapshot = device.pipeline.diagnosis.snapshot()
    fresh = records[before:]
    assert len(check(fresh)) >= 220
    assert [body.phase for body in (decode_body(r.kind, r.body) for r in fresh) if isinstance(body, Fault)] == ["end"]
    assert snapshot["last"]["at_ms"] == device.clock.true_ms
    assert snapshot["faults"] == {}


async def test_a_clock_that_is_only_slewed_is_left_alone(tmp_path: Path) -> None:
    device = Device(tmp_path)
    async with device.on():
        for _ in range(100):
            device.clock.error_ms += 30
            await device.run(1)
        assert events(await device.records()) == []


async def test_a_clock_that_shows_a_time_before_what_has_passed_may_not_judge_certificates(tmp_path: Path) -> None:
    device = Device(tmp_path)
    async with device.on():
        assert device.time.trusted()
        assert device.time.passed_ms() == EARLIEST_MS
        await device.run(180)
    for _ in range(2):
        device.power_cycle(-START_MS)
        async with device.on():
            assert not device.time.trusted()
            assert START_MS + HOUR_MS < device.time.passed_ms() <= device.clock.true_ms
            await device.run(30)
    device.power_cycle(-24 * HOUR_MS)
    async with device.on():
        assert device.time.is_set
        assert not device.time.trusted()
        device.clock.error_ms = 0
        assert device.time.trusted()
        device.clock.error_ms = -24 * HOUR_MS
        device.time._disciplined = lambda: True
        assert device.time.trusted()
