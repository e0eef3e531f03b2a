"""A real aggregator behind every carrier: Mosquitto or listener, ingest, SQLite; killed and started again at will."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from agent.ports import Broker
from agent.uplink.broker import BrokerSettings, MqttBroker
from agent.uplink.http import HttpBroker, HttpSettings
from agent.uplink.tls import Tls, TlsFiles
from cloud.devices.listener import DeviceListener, ListenerFiles, Patience
from cloud.ingest.applying import Applier, SlowDown
from cloud.ingest.door import DoorSettings, GroupDoor
from cloud.ingest.subscriber import Subscriber, SubscriberSettings
from cloud.store.database import Database
from cloud.store.greeting import SqlGreeter
from cloud.store.writer import SqlFleetWriter
from tests.helpers.broker import free_port
from tests.helpers.broker_benches import DEVICE, PASSWORD, CommonNames, Listeners, ListeningMosquitto
from tests.helpers.pki import Pki
from tests.helpers.uplinks import RealClock, until


class Aggregator(Protocol):
    """`database` stays open while the rest falls and rises."""

    database: Database
    broker: Broker

    async def fall(self) -> None: ...

    async def rise(self) -> None: ...


MakeAggregator = Callable[[Path], AbstractAsyncContextManager[Aggregator]]


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class OverMqtt:
    """The broker is killed; the subscriber with it."""

    def __init__(self, folder: Path, listeners: Listeners, database: Database) -> None:
        self.database = database
        self._server = ListeningMosquitto(folder / "broker", listeners, {DEVICE: PASSWORD, "cloud": PASSWORD})
        tls = None
        if listeners.tls and listeners.pki is not None:
            pair = listeners.pki.issue(DEVICE)
            tls = Tls(TlsFiles(listeners.pki.ca, pair.certificate, pair.key))
        settings = BrokerSettings("127.0.0.1", DEVICE, listeners.port, DEVICE, PASSWORD, tls, timeout_s=2)
        self.broker: Broker = MqttBroker(replace(settings, websocket="/mqtt") if listeners.websocket else settings)
        self._running: asyncio.Task[None] | None = None

    async def rise(self) -> None:
        if self._server.port:
            self._server.start()
        else:
            self._server.__enter__()
        settings = SubscriberSettings(
            "127.0.0.1", self._server.port, "cloud", PASSWORD, group_ms=5, reconnect_first_s=0.05, timeout_s=2
        )
        subscriber = Subscriber(settings, SqlFleetWriter(self.database), RealClock(), random.Random(1))
        self._running = asyncio.create_task(subscriber.run())
        await until(lambda: subscriber.stats.connected)

    async def fall(self) -> None:
        self._server.kill()
        if self._running is not None:
            await _end(self._running)


class OverHttps:
    """The listener is stopped in the middle of what it does."""

    def __init__(self, folder: Path, database: Database, wait_s: float) -> None:
        self.database = database
        pki = Pki(folder / "pki")
        server, pair = pki.issue("server"), pki.issue(DEVICE)
        self._files = ListenerFiles(server.certificate, server.key, pki.ca)
        self._port = free_port()
        tls = Tls(TlsFiles(pki.ca, pair.certificate, pair.key))
        self.settings = HttpSettings("127.0.0.1", DEVICE, self._port, tls, poll_s=0.2, wait_s=wait_s, timeout_s=5)
        self.broker: Broker = HttpBroker(self.settings)
        self.listener: DeviceListener | None = None
        self._running: list[asyncio.Task[None]] = []

    async def rise(self) -> None:
        applier = Applier(SqlFleetWriter(self.database), RealClock(), SlowDown())
        door, greeter = GroupDoor(applier, DoorSettings(group_ms=5)), SqlGreeter(self.database)
        listener = DeviceListener(
            ("127.0.0.1", self._port), self._files, door, greeter, CommonNames(), patience=Patience(0.5)
        )
        self.listener = listener.__enter__()
        self._running = [asyncio.create_task(door.run()), asyncio.create_task(listener.run())]

    async def fall(self) -> None:
        await _end(*self._running)
        if self.listener is not None:
            self.listener.__exit__()


@asynccontextmanager
async def _opened(folder: Path, make: Callable[[Database], Aggregator]) -> AsyncIterator[Aggregator]:
    with Database(f"sqlite:///{folder / 'fleet.db'}", RealClock()) as database:
        aggregator = make(database)
        await aggregator.rise()
        try:
            yield aggregator
        finally:
            await aggregator.fall()


def _mqtt(folder: Path, *, websocket: bool = False, tls: bool = False) -> AbstractAsyncContextManager[Aggregator]:
    pki = Pki(folder / "pki")
    listeners = Listeners(websocket, tls, pki, pki.issue("server"))
    return _opened(folder, lambda database: OverMqtt(folder, listeners, database))


def _https(folder: Path, wait_s: float = 0.0) -> AbstractAsyncContextManager[Aggregator]:
    return _opened(folder, lambda database: OverHttps(folder, database, wait_s))


AGGREGATORS: dict[str, MakeAggregator] = {
    "mqtt": _mqtt,
    "mqtt with TLS": lambda folder: _mqtt(folder, tls=True),
    "websocket with TLS": lambda folder: _mqtt(folder, websocket=True, tls=True),
    "https": _https,
    "https, questions held open": lambda folder: _https(folder, 5.0),
}
