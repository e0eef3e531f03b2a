"""Messages that come one by one share transactions, and each gets its own answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.domain import wire
from agent.domain.envelope import Letter
from agent.domain.errors import Transient
from agent.domain.twin import TwinMessage, encode_twin
from cloud.ingest.applying import Applier, SlowDown
from cloud.ingest.door import DoorSettings, GroupDoor
from cloud.ports import Arrival
from cloud.ports.carriers import Busy
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import DEVICE, EPOCH, batch
from tests.helpers.uplinks import RealClock, summary, until

HEX = EPOCH.hex()
CALM = SlowDown()


class CountingWriter(SqlFleetWriter):
    """Counts transactions; refuses as often as it is told to."""

    refusals = 0
    groups: list[int]

    def apply(self, arrivals: Sequence[Arrival]) -> list[tuple[str, wire.Ack]]:
        self.groups.append(len(arrivals))
        if self.refusals:
            self.refusals -= 1
            raise Transient("fleet.db: disk full")
        return super().apply(arrivals)


class Stage:
    """A door over a real store."""

    def __init__(self, database: Database, settings: DoorSettings, slow_down: SlowDown) -> None:
        self.writer = CountingWriter(database)
        self.writer.groups = []
        self.reader = SqlFleetReader(database, RealClock())
        self.applier = Applier(self.writer, RealClock(), slow_down)
        self.door = GroupDoor(self.applier, settings)
        self.task: asyncio.Task[None] | None = None

    async def up(self, number: int, device: str = DEVICE) -> wire.Ack:
        payload = batch(number, [summary(number)], device=device)
        return wire.decode_ack((await self.door.take(device, wire.UP, payload))[0].payload)


@asynccontextmanager
async def stage(folder: Path, slow_down: SlowDown = CALM, **changes: float) -> AsyncIterator[Stage]:
    settings = replace(DoorSettings(group_ms=20), **changes)  # type: ignore[arg-type]
    with Database(f"sqlite:///{folder / 'fleet.db'}", RealClock()) as database:
        on = Stage(database, settings, slow_down)
        on.task = asyncio.create_task(on.door.run())
        await asyncio.sleep(0)
        try:
            yield on
        finally:
            on.task.cancel()
            await asyncio.gather(on.task, return_exceptions=True)


async def test_those_who_come_together_share_a_transaction_and_each_hears_of_itself(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        acks = await asyncio.gather(*(on.up(1, f"site-{number:02}") for number in range(40)))
        assert acks == [wire.Ack(HEX, 1, want_twin=True)] * 40
        assert on.writer.groups == [40]
        assert len(on.reader.sites()) == 40


async def test_everything_a_device_says_goes_the_way_of_its_kind(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        heard: list[tuple[str, str, bytes]] = []
        on.applier.listen("cmd/+/reply", lambda device, leaf, payload: heard.append((device, leaf, payload)))
        online = wire.encode_status(wire.Status("online", RealClock().now_ms()))
        assert await on.door.take(DEVICE, wire.STATUS, online) == []
        (asked,) = await on.door.take(DEVICE, wire.TWIN_REPORTED, encode_twin(TwinMessage(2, base=1, patch={})))
        assert wire.decode_ack(asked.payload) == wire.Ack("", 0, want_twin=True)
        assert await on.door.take(DEVICE, wire.TWIN_REPORTED, encode_twin(TwinMessage(2, doc={"a": 1}))) == []
        assert await on.door.take(DEVICE, "cmd/3f2a9c1e/reply", b"done") == []
        assert (await on.up(1)) == wire.Ack(HEX, 1)
        (standing,) = await on.door.take(DEVICE, wire.STATUS, online)
        assert standing == Letter(wire.ACK, wire.encode_ack(wire.Ack(HEX, 1)))
        assert heard == [(DEVICE, "cmd/3f2a9c1e/reply", b"done")]
        assert on.reader.quarantined() == []
        assert on.reader.sites()[0].online is True


async def test_rubbish_is_put_aside_and_hurts_nobody_of_its_group(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        rubbish = [(leaf, payload) for leaf in (wire.UP, wire.STATUS, "elsewhere") for payload in (b"", b"EW", b"\xff")]
        taken = [on.door.take("site-02", leaf, payload) for leaf, payload in rubbish]
        answers = await asyncio.gather(on.up(1), *taken)
        assert answers[0] == wire.Ack(HEX, 1, want_twin=True)
        assert answers[1:] == [[]] * len(rubbish)
        assert len(on.reader.quarantined()) == len(rubbish)
        assert on.applier.quarantined == 6


async def test_what_the_store_refused_is_told_to_each_and_the_next_is_taken(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.writer.refusals = 1
        refused = await asyncio.gather(*(on.up(1, f"site-{number:02}") for number in range(3)), return_exceptions=True)
        assert [str(error) for error in refused] == ["fleet.db: disk full"] * 3
        assert (await on.up(1)).through == 1


async def test_too_many_are_refused_and_some_are_asked_to_slow_down(tmp_path: Path) -> None:
    slow = SlowDown(busy_messages=2, slow_s=7.0)
    async with stage(tmp_path, slow, group_messages=5, busy_messages=10, most_messages=20, retry_after_s=9.0) as on:
        tasks = [asyncio.create_task(on.up(1, f"site-{number:02}")) for number in range(25)]
        await asyncio.sleep(0)
        assert on.door.pause_s == 300.0
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, Busy)]
        assert len(refused) == 5
        assert {(str(busy), busy.retry_after_s) for busy in refused} == {("20 messages wait already", 9.0)}
        assert {answer.slow_s for answer in answers if isinstance(answer, wire.Ack)} == {0.0, 7.0}
        assert on.door.pause_s == 0.0


async def test_who_gave_up_waiting_leaves_no_trouble_behind(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        gone = asyncio.create_task(on.up(1))
        await asyncio.sleep(0)
        gone.cancel()
        assert (await on.up(1, "site-02")).through == 1
        await until(lambda: len(on.reader.sites()) == 2)


async def test_at_the_end_nobody_is_left_waiting(tmp_path: Path) -> None:
    async with stage(tmp_path, group_ms=5000) as on:
        waiting = [asyncio.create_task(on.up(1, f"site-{number:02}")) for number in range(3)]
        await asyncio.sleep(0.05)
        assert on.task is not None
        on.task.cancel()
        errors = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 2)
        assert [str(error) for error in errors] == ["the aggregator stops"] * 3
        with pytest.raises(Busy, match="stops"):
            await on.up(1)
