"""A whole journal over every carrier into a real aggregator, killed again and again: nothing is lost or doubled."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from agent.domain import signals as sg
from agent.domain import wire
from agent.domain.envelope import decode_envelope
from agent.domain.twin import Document, TwinMessage, decode_twin, encode_twin
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.uplink.drain import Uplink, UplinkSettings
from agent.uplink.http import HttpBroker
from agent.uplink.http_line import HttpLine
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader
from tests.helpers.aggregators import AGGREGATORS, Aggregator, OverHttps
from tests.helpers.broker_benches import DEVICE
from tests.helpers.cutter import Cutter, cutting
from tests.helpers.uplinks import RealClock, summary, until

pytestmark = pytest.mark.broker


@pytest.fixture(params=AGGREGATORS)
async def aggregator(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Aggregator]:
    async with AGGREGATORS[request.param](tmp_path) as opened:
        yield opened


class Device:
    """A journal and its way out."""

    def __init__(self, outbox: SqliteOutbox, aggregator: Aggregator) -> None:
        settings = UplinkSettings(
            DEVICE, reconnect_first_s=0.05, reconnect_cap_s=0.3, ack_timeout_s=2.0, max_records=20
        )
        self.outbox = outbox
        self.wishes: list[TwinMessage] = []
        clock, rng = RealClock(), random.Random(2)
        self.uplink = Uplink(
            settings, outbox, aggregator.broker, clock, self._document, rng, on_desired=self.wishes.append
        )
        self._written = 0

    def _document(self) -> Document:
        return {"agent": {"version": "1"}, "faults": {}, "sources": {}}

    async def write(self, count: int) -> None:
        bodies = [summary(number) for number in range(self._written, self._written + count)]
        await self.outbox.append([(body.start_ms, body) for body in bodies])
        self._written += count
        self.uplink.wake(urgent=True)


@asynccontextmanager
async def device(aggregator: Aggregator, folder: Path) -> AsyncIterator[Device]:
    async with AsyncExitStack() as stack:
        journal = OutboxSettings(folder / "journal.db")
        one = Device(await stack.enter_async_context(SqliteOutbox(journal, RealClock())), aggregator)
        task = asyncio.create_task(one.uplink.run())
        try:
            yield one
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def stored(database: Database) -> tuple[int, int, int]:
    """Rows, windows and the sum of one signal's means."""
    table = schema.summaries
    query = select(func.count(), func.count(func.distinct(table.c.start_ms)))
    with database.read() as connection:
        rows, windows = connection.execute(query).one()
        means = connection.execute(select(func.sum(table.c.mean)).where(table.c.signal == sg.PV_POWER)).scalar_one()
    return int(rows), int(windows), round(means or 0)


def expected(windows: int) -> tuple[int, int, int]:
    return 2 * windows, windows, sum(1000 + number % 700 for number in range(windows))


async def test_nothing_is_lost_or_doubled_however_often_the_far_end_dies(
    aggregator: Aggregator, tmp_path: Path
) -> None:
    rng = random.Random(4)
    async with device(aggregator, tmp_path) as one:
        for _ in range(4):
            await one.write(150)
            await asyncio.sleep(rng.uniform(0.0, 0.15))
            await aggregator.fall()
            await one.write(10)
            await aggregator.rise()
        await asyncio.wait_for(one.uplink.drained(), 40)
        assert stored(aggregator.database) == expected(640)
        position = await one.outbox.position()
        assert (position.acknowledged, position.last) == (640, 640)
    reader = SqlFleetReader(aggregator.database, RealClock())
    assert reader.quarantined() == []
    await until(lambda: reader.sites()[0].online is False)


async def test_a_wish_from_before_the_connection_arrives_with_it(aggregator: Aggregator, tmp_path: Path) -> None:
    reader = SqlFleetReader(aggregator.database, RealClock())
    async with device(aggregator, tmp_path) as one:
        await one.write(5)
        await asyncio.wait_for(one.uplink.drained(), 20)
    await aggregator.fall()
    reader.desire(DEVICE, {"interval_s": 60}, 0)
    await aggregator.rise()
    async with device(aggregator, tmp_path) as one:
        await until(lambda: one.wishes != [])
        assert one.wishes[0] == decode_twin(encode_twin(TwinMessage(1, doc={"interval_s": 60})))
        await until(lambda: reader.sites()[0].online is True)


async def test_an_aggregator_that_forgot_gets_everything_again(aggregator: Aggregator, tmp_path: Path) -> None:
    async with device(aggregator, tmp_path) as one:
        await one.write(60)
        await asyncio.wait_for(one.uplink.drained(), 20)
        await aggregator.fall()
        with aggregator.database.write() as connection:
            connection.execute(schema.summaries.delete())
            connection.execute(schema.positions.update().values(through=0))
        await aggregator.rise()
        await until(lambda: stored(aggregator.database) == expected(60))
        assert one.uplink.stats.rewinds >= 1


@pytest.mark.parametrize("wait_s", [0.0, 3.0])
async def test_https_cut_at_any_byte_loses_and_doubles_nothing(tmp_path: Path, wait_s: float) -> None:
    async with AGGREGATORS["https"](tmp_path) as opened:
        assert isinstance(opened, OverHttps)
        cutter = Cutter(opened.settings.port, random.Random(7), 30_000)
        async with cutting(cutter) as port:
            opened.broker = HttpBroker(replace(opened.settings, port=port, wait_s=wait_s))
            async with device(opened, tmp_path) as one:
                for _ in range(6):
                    await one.write(100)
                    await asyncio.sleep(0.4)
                cutter.heal()
                await asyncio.wait_for(one.uplink.drained(), 40)
        assert cutter.cuts >= 3
        assert stored(opened.database) == expected(600)
        assert SqlFleetReader(opened.database, RealClock()).quarantined() == []


async def test_a_device_that_falls_silent_is_taken_for_offline_and_must_connect_again(tmp_path: Path) -> None:
    async with AGGREGATORS["https"](tmp_path) as opened:
        assert isinstance(opened, OverHttps)
        reader, told = SqlFleetReader(opened.database, RealClock()), replace(opened.settings, poll_s=0.1)
        line = HttpLine(told.host, told.port, tls=told.tls.context())
        box = decode_envelope((await line.request("GET", f"/device/1/{DEVICE}/messages?again=0.1")).body).box
        online = wire.encode_status(wire.Status("online", RealClock().now_ms()))
        await line.request("POST", f"/device/1/{DEVICE}/status?box={box}&after=0", online)
        assert reader.sites()[0].online is True
        await until(lambda: reader.sites()[0].online is False)
        assert (await line.request("GET", f"/device/1/{DEVICE}/messages?box={box}")).status == 410
        line.close()
