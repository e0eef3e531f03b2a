"""The subscriber between a real Mosquitto and a real database; devices are played by a bare MQTT client."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiomqtt
import pytest

from agent.domain import signals as sg
from agent.domain import wire
from agent.domain.errors import BadSetup, Transient
from agent.domain.twin import Twin, TwinMessage, decode_twin, encode_twin
from cloud.ingest.subscriber import Subscriber, SubscriberSettings
from cloud.ports import Arrival
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import DEVICE, EPOCH, batch
from tests.helpers.broker import MosquittoBroker, free_port
from tests.helpers.uplinks import START_MS, RealClock, summary, until

pytestmark = pytest.mark.broker
HEX = EPOCH.hex()


class FlakyWriter(SqlFleetWriter):
    """Refuses as often as it is told to."""

    refusals = 0

    def apply(self, arrivals: Sequence[Arrival]) -> list[tuple[str, wire.Ack]]:
        if self.refusals:
            self.refusals -= 1
            raise Transient("fleet.db: disk full")
        return super().apply(arrivals)


@dataclass
class Stage:
    """Everything that a test needs."""

    broker: MosquittoBroker
    subscriber: Subscriber
    writer: FlakyWriter
    reader: SqlFleetReader
    device: aiomqtt.Client

    async def send(self, payload: bytes, leaf: str = wire.UP, device: str = DEVICE) -> None:
        await self.device.publish(wire.topic(device, leaf), payload, qos=1)

    async def answer(self) -> wire.Ack:
        message = await asyncio.wait_for(anext(self.device.messages), 10)
        return wire.decode_ack(message.payload)


@asynccontextmanager
async def stage(folder: Path, **changes: float) -> AsyncIterator[Stage]:
    clock = RealClock()
    with MosquittoBroker(folder / "broker") as broker, Database(f"sqlite:///{folder / 'fleet.db'}", clock) as database:
        writer = FlakyWriter(database)
        settings = SubscriberSettings("127.0.0.1", broker.port, group_ms=5, reconnect_first_s=0.05, reconnect_cap_s=0.2)
        subscriber = Subscriber(replace(settings, **changes), writer, clock, random.Random(1))  # type: ignore[arg-type]
        task = asyncio.create_task(subscriber.run())
        await until(lambda: subscriber.stats.connected)
        try:
            async with aiomqtt.Client("127.0.0.1", broker.port) as device:
                await device.subscribe("ew/1/+/ack", qos=1)
                yield Stage(broker, subscriber, writer, SqlFleetReader(database, clock), device)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_the_answer_comes_after_the_commit(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.send(batch(1, [summary(0), summary(1)]))
        assert await on.answer() == wire.Ack(HEX, 2, want_twin=True)
        assert len(on.reader.series(DEVICE, sg.PV_POWER, START_MS, START_MS + 3_600_000, 900)) == 2


async def test_what_the_database_refused_is_not_acknowledged(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.writer.refusals = 1
        await on.send(batch(1, [summary(0)]))
        await until(lambda: on.subscriber.stats.connections == 2 and on.subscriber.stats.connected)
        await on.send(batch(1, [summary(0)]))
        assert (await on.answer()).through == 1


async def test_rubbish_of_every_kind_hurts_nobody(tmp_path: Path) -> None:
    good = batch(1, [summary(0)])
    rubbish = [b"", b"EW", good[:-3], good[:10], bytes(300_000), b"\xff" * 100, good + b"x"]
    async with stage(tmp_path) as on:
        for payload in rubbish:
            await on.send(payload)
            await on.send(payload, wire.STATUS)
            await on.send(payload, wire.TWIN_REPORTED)
            await on.send(payload, device="BAD_ID")
        await on.send(good)
        assert (await on.answer()).through == 1
        assert len(on.reader.quarantined(limit=1000)) == 4 * len(rubbish)
        assert on.subscriber.stats.connections == 1
        assert [site.device for site in on.reader.sites()] == [DEVICE]


async def test_a_damaged_message_of_a_known_device_is_asked_for_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.send(batch(1, [summary(0)]))
        await on.answer()
        await on.send(batch(2, [summary(1)])[:-1])
        assert (await on.answer()).through == 1


async def test_a_patch_on_an_unknown_base_asks_for_the_whole_document(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.send(encode_twin(TwinMessage(8, base=7, patch={"a": 1})), wire.TWIN_REPORTED)
        assert await on.answer() == wire.Ack("", 0, want_twin=True)
        await on.send(encode_twin(TwinMessage(8, doc={"a": 1})), wire.TWIN_REPORTED)
        await until(lambda: on.reader.twin(DEVICE) == (Twin(), Twin(8, {"a": 1})))


async def test_wishes_are_published_retained_and_again_after_a_broker_that_forgot(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.send(batch(1, [summary(0)]))
        await on.answer()
        on.subscriber.desire(DEVICE, on.reader.desire(DEVICE, {"interval_s": 60}, 0))
        for _ in range(2):
            async with aiomqtt.Client("127.0.0.1", on.broker.port) as watcher:
                await watcher.subscribe(wire.topic(DEVICE, wire.TWIN_DESIRED), qos=1)
                message = await asyncio.wait_for(anext(watcher.messages), 10)
            assert decode_twin(message.payload) == TwinMessage(1, doc={"interval_s": 60})
            on.broker.kill()
            on.broker.start()


async def test_devices_are_slowed_down_when_many_messages_wait(tmp_path: Path) -> None:
    async with stage(tmp_path, group_messages=5, busy_messages=3, slow_s=7.0) as on:
        payloads = [batch(number, [summary(number)]) for number in range(1, 101)]
        await asyncio.gather(*(on.send(payload) for payload in payloads))
        slow = set()
        ack = await on.answer()
        while ack.through < 100:
            slow.add(ack.slow_s)
            ack = await on.answer()
        assert 7.0 in slow
        assert ack.slow_s == 0.0


async def test_at_connection_everybody_is_told_and_a_retained_status_is_no_contact_of_now(tmp_path: Path) -> None:
    clock = RealClock()
    with MosquittoBroker(tmp_path) as broker, Database(f"sqlite:///{tmp_path / 'fleet.db'}", clock) as database:
        writer, reader = SqlFleetWriter(database), SqlFleetReader(database, clock)
        writer.apply([Arrival(DEVICE, batch(1, [summary(0)]), START_MS - 60_000)])
        async with aiomqtt.Client("127.0.0.1", broker.port) as device:
            await device.subscribe("ew/1/+/ack", qos=1)
            online = wire.encode_status(wire.Status("online", START_MS - 9_000))
            await device.publish(wire.topic(DEVICE, wire.STATUS), online, qos=1, retain=True)
            subscriber = Subscriber(SubscriberSettings("127.0.0.1", broker.port), writer, clock, random.Random(1))
            task = asyncio.create_task(subscriber.run())
            message = await asyncio.wait_for(anext(device.messages), 10)
            assert wire.decode_ack(message.payload) == wire.Ack(HEX, 1)
            await until(lambda: reader.sites()[0].online is True)
            assert reader.sites()[0].last_contact_ms == START_MS - 9_000
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_refused_login_is_a_setup_error_and_nobody_there_is_not(tmp_path: Path) -> None:
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", RealClock()) as database:
        writer, rng = SqlFleetWriter(database), random.Random(1)
        with MosquittoBroker(tmp_path / "broker", users={"cloud": "right"}) as broker:
            settings = SubscriberSettings("127.0.0.1", broker.port, username="cloud", password="wrong")
            with pytest.raises(BadSetup, match="refuses user 'cloud': Not authorized"):
                await asyncio.wait_for(Subscriber(settings, writer, RealClock(), rng).run(), 10)
        away = Subscriber(SubscriberSettings("127.0.0.1", free_port()), writer, RealClock(), rng)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(away.run(), 0.5)


async def test_two_aggregators_on_one_broker_are_told_what_is_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other").mkdir()
    async with stage(tmp_path) as on:
        with Database(f"sqlite:///{tmp_path / 'other' / 'fleet.db'}", RealClock()) as database:
            settings = SubscriberSettings("127.0.0.1", on.broker.port, reconnect_first_s=0.05, reconnect_cap_s=0.2)
            other = Subscriber(settings, SqlFleetWriter(database), RealClock(), random.Random(2))
            task = asyncio.create_task(other.run())
            await until(lambda: "another aggregator on this broker" in caplog.text)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_broker_that_is_started_again_is_no_other_aggregator(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(tmp_path) as on:
        on.broker.kill()
        on.broker.start()
        await until(lambda: on.subscriber.stats.connections == 2 and on.subscriber.stats.connected)
        assert "another aggregator" not in caplog.text
