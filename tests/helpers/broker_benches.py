"""Every carrier with its far end, for the tests that all of them must pass."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import aiomqtt
from msgspec.structs import replace

from agent.domain import wire
from agent.domain.envelope import Letter
from agent.ports import Broker
from agent.uplink.broker import BrokerSettings, MqttBroker
from agent.uplink.http import HttpBroker, HttpSettings
from agent.uplink.tls import Tls, TlsFiles
from cloud.devices.listener import DeviceListener, ListenerFiles, Patience
from cloud.ports.identity import REVOKED, IdentityRefused
from tests.helpers.broker import MosquittoBroker, free_port
from tests.helpers.carrier import Carrier
from tests.helpers.pki import Pair, Pki, common_name

DEVICE = "site-01"
PASSWORD = "right"


class Bench(Protocol):
    """A carrier and its far end. `heard` is what the device published, as `(leaf, payload)`."""

    heard: list[tuple[str, bytes]]

    def broker(self, *, refused: bool = False) -> Broker: ...

    async def say(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        """To the device."""
        ...

    async def fall(self) -> None:
        """The far end dies."""
        ...

    async def rise(self) -> None: ...


MakeBench = Callable[[Path], AbstractAsyncContextManager[Bench]]


class MemoryBench:
    """The double in memory."""

    def __init__(self) -> None:
        self.carrier = Carrier()
        self.carrier.goodbye = (wire.topic(DEVICE, wire.STATUS), wire.encode_status(wire.Status("offline")))

    @property
    def heard(self) -> list[tuple[str, bytes]]:
        return [(wire.parse_topic(topic)[1], payload) for topic, payload, _ in self.carrier.sent]

    def broker(self, *, refused: bool = False) -> Broker:
        self.carrier.refused = refused
        return self.carrier

    async def say(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        if retain:
            self.carrier.kept[wire.topic(DEVICE, leaf)] = payload
        self.carrier.deliver(wire.topic(DEVICE, leaf), payload)

    async def fall(self) -> None:
        self.carrier.down = True
        self.carrier.cut()

    async def rise(self) -> None:
        self.carrier.down = False


@dataclass
class Listeners:
    """How the broker listens, beside its plain listener: for WebSockets, with TLS."""

    websocket: bool = False
    tls: bool = False
    pki: Pki | None = None
    server: Pair | None = None
    port: int = field(default_factory=free_port)

    def lines(self) -> list[str]:
        lines = [f"listener {self.port} 127.0.0.1"]
        if self.websocket:
            lines.append("protocol websockets")
        if self.tls and self.pki and self.server:
            lines += [f"cafile {self.pki.ca}", f"certfile {self.server.certificate}", f"keyfile {self.server.key}"]
            lines.append("require_certificate true")
        return lines


class ListeningMosquitto(MosquittoBroker):
    """A Mosquitto with a second listener."""

    def __init__(self, folder: Path, listeners: Listeners, users: dict[str, str]) -> None:
        super().__init__(folder, users=users)
        self._more = listeners

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._more.port), 0.5):
                return super()._answers()
        except OSError:
            return False

    def _config(self) -> str:
        return super()._config() + "\n".join(self._more.lines()) + "\n"


class MqttBench:
    """A real Mosquitto, and the aggregator's place taken by a client on its plain listener."""

    def __init__(self, server: ListeningMosquitto, listeners: Listeners) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._server = server
        self._listeners = listeners
        pki = listeners.pki
        pair = pki.issue(DEVICE) if pki is not None and listeners.tls else None
        files = None if pki is None or pair is None else TlsFiles(pki.ca, pair.certificate, pair.key)
        self._settings = BrokerSettings(
            "127.0.0.1",
            DEVICE,
            listeners.port,
            username=DEVICE,
            password=PASSWORD,
            tls=None if files is None else Tls(files),
            websocket="/mqtt" if listeners.websocket else None,
            timeout_s=3,
        )
        self._far: aiomqtt.Client | None = None
        self._listening: asyncio.Task[None] | None = None

    def broker(self, *, refused: bool = False) -> Broker:
        return MqttBroker(replace(self._settings, password="wrong") if refused else self._settings)

    async def say(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        assert self._far is not None
        await self._far.publish(wire.topic(DEVICE, leaf), payload, qos=1, retain=retain)

    async def fall(self) -> None:
        self._server.kill()
        await self.leave()

    async def rise(self) -> None:
        self._server.start()
        await self.enter()

    async def enter(self) -> None:
        self._far = aiomqtt.Client("127.0.0.1", self._server.port, username="cloud", password=PASSWORD)
        await self._far.__aenter__()
        for leaf in (wire.UP, wire.STATUS, wire.TWIN_REPORTED, "cmd/+/reply"):
            await self._far.subscribe(wire.topic("+", leaf), qos=1)
        self._listening = asyncio.create_task(self._listen(self._far))

    async def leave(self) -> None:
        if self._listening is not None and self._far is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            with suppress(aiomqtt.MqttError):
                await self._far.__aexit__(None, None, None)
            self._listening = self._far = None

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self.heard.append((wire.parse_topic(message.topic.value)[1], message.payload))


class CommonNames:
    """`cloud.ports.Identities` that takes a certificate at its word, but for the revoked."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()

    def identity_of(self, certificate_der: bytes) -> str:
        name = common_name(certificate_der)
        if name in self.revoked:
            raise IdentityRefused(REVOKED, f"the certificate of {name} is revoked")
        return name


class RecordingDoor:
    """`cloud.ports.carriers.Door` that keeps what comes."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.answers: list[Letter] = []
        self.pause_s = 0.0

    async def take(self, device: str, leaf: str, payload: bytes) -> list[Letter]:
        self.heard.append((leaf, payload))
        return self.answers


class KeptGreeter:
    """`cloud.ports.carriers.Greeter` with what was retained."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def greet(self, device: str) -> list[Letter]:
        return [Letter(leaf, payload, retained=True) for leaf, payload in self.kept.items()]


class HttpsBench:
    """A real listener with TLS; ingest and store are doubles."""

    def __init__(self, pki: Pki, *, wait_s: float = 0.0) -> None:
        self._pki = pki
        self.door, self.greeter, self.identities = RecordingDoor(), KeptGreeter(), CommonNames()
        server, pair = pki.issue("server"), pki.issue(DEVICE)
        self._files = ListenerFiles(server.certificate, server.key, pki.ca)
        self.port = free_port()
        tls = Tls(TlsFiles(pki.ca, pair.certificate, pair.key))
        self.settings = HttpSettings("127.0.0.1", DEVICE, self.port, tls, poll_s=0.05, wait_s=wait_s, timeout_s=3)
        self.listener: DeviceListener | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def heard(self) -> list[tuple[str, bytes]]:
        return self.door.heard

    def broker(self, *, refused: bool = False) -> Broker:
        if refused:
            self.identities.revoked.add(DEVICE)
        else:
            self.identities.revoked.discard(DEVICE)
        return HttpBroker(self.settings)

    async def say(self, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        if retain:
            self.greeter.kept[leaf] = payload
        if self.listener is not None:
            self.listener.boxes.send(DEVICE, leaf, payload, retain=retain)

    async def fall(self) -> None:
        if self._serving is not None and self.listener is not None:
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self.listener.__exit__()
            self.listener = self._serving = None

    async def rise(self) -> None:
        address = ("127.0.0.1", self.port)
        listener = DeviceListener(
            address, self._files, self.door, self.greeter, self.identities, patience=Patience(0.2)
        )
        self.listener = listener.__enter__()
        self._serving = asyncio.create_task(self.listener.run())


@asynccontextmanager
async def memory(folder: Path) -> AsyncIterator[Bench]:
    yield MemoryBench()


@asynccontextmanager
async def _mosquitto(folder: Path, listeners: Listeners) -> AsyncIterator[Bench]:
    users = {DEVICE: PASSWORD, "cloud": PASSWORD}
    with ListeningMosquitto(folder, listeners, users) as server:
        bench = MqttBench(server, listeners)
        await bench.enter()
        try:
            yield bench
        finally:
            await bench.leave()


def mqtt(folder: Path) -> AbstractAsyncContextManager[Bench]:
    return _mosquitto(folder, Listeners())


def mqtt_tls(folder: Path) -> AbstractAsyncContextManager[Bench]:
    pki = Pki(folder / "pki")
    return _mosquitto(folder, Listeners(tls=True, pki=pki, server=pki.issue("server")))


def websocket(folder: Path) -> AbstractAsyncContextManager[Bench]:
    return _mosquitto(folder, Listeners(websocket=True))


def websocket_tls(folder: Path) -> AbstractAsyncContextManager[Bench]:
    pki = Pki(folder / "pki")
    return _mosquitto(folder, Listeners(websocket=True, tls=True, pki=pki, server=pki.issue("server")))


@asynccontextmanager
async def _https(folder: Path, wait_s: float) -> AsyncIterator[Bench]:
    bench = HttpsBench(Pki(folder / "pki"), wait_s=wait_s)
    await bench.rise()
    try:
        yield bench
    finally:
        await bench.fall()


def https(folder: Path) -> AbstractAsyncContextManager[Bench]:
    return _https(folder, 0.0)


def https_held_open(folder: Path) -> AbstractAsyncContextManager[Bench]:
    return _https(folder, 10.0)


BENCHES: dict[str, MakeBench] = {
    "memory": memory,
    "mqtt": mqtt,
    "mqtt with TLS": mqtt_tls,
    "websocket": websocket,
    "websocket with TLS": websocket_tls,
    "https": https,
    "https, questions held open": https_held_open,
}
