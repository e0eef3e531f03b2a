"""Journal → Mosquitto → store → acknowledgement, with things breaking on the way."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from agent.domain.twin import Document
from agent.outbox.sqlite import OutboxSettings, SqliteOutbox
from agent.uplink.broker import BrokerSettings, MqttBroker
from agent.uplink.drain import Uplink, UplinkSettings
from cloud.ingest.subscriber import Subscriber, SubscriberSettings
from cloud.store import schema
from cloud.store.database import Database
from cloud.store.writer import SqlFleetWriter
from tests.helpers.broker import MosquittoBroker
from tests.helpers.uplinks import RealClock, summary, until

pytestmark = pytest.mark.broker
DEVICE = "site-01"


def document() -> Document:
    return {"agent": {"version": "1"}, "faults": {}, "sources": {}}


@asynccontextmanager
async def running(uplink: Uplink) -> AsyncIterator[None]:
    task = asyncio.create_task(uplink.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def aggregator(port: int, file: Path) -> AsyncIterator[Database]:
    clock = RealClock()
    with Database(f"sqlite:///{file}", clock) as database:
        settings = SubscriberSettings(
            "127.0.0.1", port, group_ms=5, reconnect_first_s=0.05, reconnect_cap_s=0.2, timeout_s=1
        )
        subscriber = Subscriber(settings, SqlFleetWriter(database), clock, random.Random(1))
        task = asyncio.create_task(subscriber.run())
        await until(lambda: subscriber.stats.connected)
        try:
            yield database
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def device(port: int, folder: Path) -> AsyncIterator[tuple[SqliteOutbox, Uplink]]:
    clock = RealClock()
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(SqliteOutbox(OutboxSettings(folder / "journal.db"), clock))
        settings = UplinkSettings(
            DEVICE, reconnect_first_s=0.05, reconnect_cap_s=0.3, ack_timeout_s=1.0, max_records=20
        )
        broker = MqttBroker(BrokerSettings("127.0.0.1", DEVICE, port, timeout_s=1))
        uplink = Uplink(settings, outbox, broker, clock, document, random.Random(2))
        await stack.enter_async_context(running(uplink))
        yield outbox, uplink


def windows(database: Database) -> int:
    table = schema.summaries
    with database.read() as connection:
        return int(connection.execute(select(func.count(func.distinct(table.c.start_ms)))).scalar_one())


async def append(outbox: SqliteOutbox, first: int, count: int) -> None:
    await outbox.append([(summary(n).start_ms, summary(n)) for n in range(first, first + count)])


async def test_everything_arrives_and_is_acknowledged(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path / "broker") as broker:
        async with (
            aggregator(broker.port, tmp_path / "fleet.db") as database,
            device(broker.port, tmp_path) as (
                outbox,
                uplink,
            ),
        ):
            await append(outbox, 0, 230)
            await asyncio.wait_for(uplink.drained(), 20)
            assert (await outbox.position()).acknowledged == 230
            assert windows(database) == 230


async def test_broker_killed_and_restarted_loses_nothing(tmp_path: Path) -> None:
    with MosquittoBroker(tmp_path / "broker") as broker:
        async with (
            aggregator(broker.port, tmp_path / "fleet.db") as database,
            device(broker.port, tmp_path) as (
                outbox,
                uplink,
            ),
        ):
            for round_ in range(3):
                await append(outbox, round_ * 200, 200)
                uplink.wake(urgent=True)
                broker.kill()
                await append(outbox, 600 + round_ * 10, 10)
                broker.start()
            await asyncio.wait_for(uplink.drained(), 30)
            assert windows(database) == 630


async def test_aggregator_restored_from_an_older_copy_gets_everything_again(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    with MosquittoBroker(tmp_path / "broker") as broker:
        async with device(broker.port, tmp_path) as (outbox, uplink):
            async with aggregator(broker.port, file):
                await append(outbox, 0, 100)
                await asyncio.wait_for(uplink.drained(), 20)
            shutil.copy(file, tmp_path / "copy.db")
            async with aggregator(broker.port, file):
                await append(outbox, 100, 100)
                await asyncio.wait_for(uplink.drained(), 20)
            shutil.copy(tmp_path / "copy.db", file)
            async with aggregator(broker.port, file) as database:
                await until(lambda: windows(database) == 200)
                assert uplink.stats.rewinds >= 1
            file.unlink()
            async with aggregator(broker.port, file) as database:
                await append(outbox, 200, 1)
                await asyncio.wait_for(uplink.drained(), 20)
                await until(lambda: windows(database) == 201)
