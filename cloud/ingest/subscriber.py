"""From the broker into the store: messages in groups, acknowledgements only after the commit.

The session is clean and nothing here is remembered: a message that is lost between the broker and the commit was never
acknowledged, so its device sends it again. Waiting on the network is in real seconds.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiomqtt
import msgspec

from agent.domain import wire
from agent.domain.errors import BadMessage, BadSetup, Transient, UplinkUnavailable
from agent.domain.twin import Twin, TwinMessage, decode_twin, encode_twin
from cloud.ingest.grouping import Incoming, gather, runs
from cloud.ingest.together import first_ended, stop_if_cancelled
from cloud.ports import Arrival, Clock, FleetWriter

_log: Final = logging.getLogger(__name__)

# CONNACK codes 4 and 5 of MQTT 3.1.1, as the reason codes that paho translates them to.
_REFUSED: Final = {4, 5, 134, 135}
_LEAVES: Final = (wire.UP, wire.STATUS, wire.TWIN_REPORTED)


@dataclass(frozen=True, slots=True)
class SubscriberSettings:
    """Where the broker is, and how messages are grouped: up to `group_messages` or for `group_ms`, whichever is first.

    When more than `busy_messages` wait, devices are asked to pause `slow_s` between batches. After a reconnection every
    known device is told its position, `hello_per_s` of them each second.
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    identifier: str = "emberwatt-cloud"
    ca_file: Path | None = None
    group_messages: int = 200
    group_ms: int = 50
    queue_messages: int = 20_000
    busy_messages: int = 2_000
    slow_s: float = 5.0
    hello_per_s: float = 200.0
    reconnect_first_s: float = 0.5
    reconnect_cap_s: float = 30.0
    keepalive_s: int = 30
    timeout_s: float = 10.0


@dataclass(slots=True)
class SubscriberStats:
    """Counters since the start."""

    connections: int = 0
    messages: int = 0
    groups: int = 0
    quarantined: int = 0
    connected: bool = False


class Subscriber:
    """Applies what devices send and answers them; publishes desired twins."""

    def __init__(self, settings: SubscriberSettings, writer: FleetWriter, clock: Clock, rng: random.Random) -> None:
        self._settings = settings
        self._writer = writer
        self._clock = clock
        self._rng = rng
        self._wishes: asyncio.Queue[tuple[str, Twin]] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stats = SubscriberStats()

    def desire(self, device: str, twin: Twin) -> None:
        """Publish a desired twin, retained, as soon as there is a connection. May be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wishes.put_nowait, (device, twin))

    async def run(self) -> None:
        """Connect, apply, reconnect; ends only by cancellation.

        Raises `BadSetup` when the very first login is refused. Once it has worked, a refusal is an outage.
        """
        self._loop, attempt = asyncio.get_running_loop(), 0
        while True:
            stop_if_cancelled()
            began = self._loop.time()
            try:
                await self._session()
            except Transient as error:
                _log.warning("ingest: %s", error)
            except BadSetup as error:
                if not self.stats.connections:
                    raise
                _log.error("ingest: %s", error)
            long = self._loop.time() - began > self._settings.reconnect_cap_s
            attempt = 0 if long else attempt + 1
            ceiling = min(
                self._settings.reconnect_cap_s, self._settings.reconnect_first_s * 2.0 ** min(attempt - 1, 20)
            )
            await asyncio.sleep(ceiling * self._rng.uniform(0.5, 1.0))

    async def _session(self) -> None:
        try:
            async with self._client() as client:
                stop_if_cancelled()
                self.stats.connections += 1
                await first_ended(self._ingest(client), self._talk(client))
        except aiomqtt.MqttError as error:
            raise self._explain(error) from error
        finally:
            self.stats.connected = False

    async def _talk(self, client: aiomqtt.Client) -> None:
        """Runs beside the reading, which is what notices first that a connection is gone."""
        await client.subscribe([(f"ew/{wire.VERSION}/+/{leaf}", 1) for leaf in _LEAVES])
        self.stats.connected = True
        await first_ended(self._say_hello(client), self._publish_wishes(client))

    def _client(self) -> aiomqtt.Client:
        chosen = self._settings
        return aiomqtt.Client(
            chosen.host,
            chosen.port,
            username=chosen.username,
            password=chosen.password,
            identifier=chosen.identifier,
            clean_session=True,
            keepalive=chosen.keepalive_s,
            timeout=chosen.timeout_s,
            tls_context=None if chosen.ca_file is None else _tls(chosen.ca_file),
            max_queued_incoming_messages=chosen.queue_messages,
        )

    def _explain(self, error: aiomqtt.MqttError) -> UplinkUnavailable | BadSetup:
        where, code = f"broker {self._settings.host}:{self._settings.port}", getattr(error, "rc", None)
        if getattr(code, "value", code) in _REFUSED:
            who = f"user {self._settings.username!r}" if self._settings.username else "a login without a name"
            return BadSetup(where, f"refuses {who}: {code}", hint="check the aggregator's username and password")
        return UplinkUnavailable(f"{where}: {error}")

    async def _ingest(self, client: aiomqtt.Client) -> None:
        messages = client.messages
        while True:
            group = await gather(messages, self._settings.group_messages, self._settings.group_ms / 1000)
            self.stats.messages += len(group)
            self.stats.groups += 1
            for leaf, run in runs(group):
                if leaf == wire.UP:
                    await self._apply(client, run, len(messages))
                else:
                    await self._take_each(client, leaf, run)

    async def _apply(self, client: aiomqtt.Client, run: Sequence[Incoming], waiting: int) -> None:
        now_ms = self._clock.now_ms()
        arrivals = [Arrival(item.device, item.payload, now_ms) for item in run]
        acks = await asyncio.to_thread(self._writer.apply, arrivals)
        slow_s = self._settings.slow_s if waiting > self._settings.busy_messages else 0.0
        for device, ack in acks:
            self.stats.quarantined += len(ack.rejected)
            await self._acknowledge(client, device, msgspec.structs.replace(ack, slow_s=slow_s) if slow_s else ack)

    async def _take_each(self, client: aiomqtt.Client, leaf: str, run: Sequence[Incoming]) -> None:
        for item in run:
            now_ms = self._clock.now_ms()
            try:
                if leaf == wire.STATUS:
                    await self._status(item, now_ms)
                elif leaf == wire.TWIN_REPORTED:
                    await self._report(client, item, now_ms)
                else:
                    raise BadMessage(f"topic {item.topic!r} is not one that devices write to")
            except BadMessage as error:
                self.stats.quarantined += 1
                device = item.device or None
                await asyncio.to_thread(self._writer.quarantine, device, item.topic, item.payload, error.reason, now_ms)

    async def _status(self, item: Incoming, now_ms: int) -> None:
        """A retained status tells when the device connected, not that it is in contact now."""
        status = wire.decode_status(item.payload)
        seen_ms = min(now_ms, status.since_ms or now_ms) if item.retained else now_ms
        await asyncio.to_thread(self._writer.status, item.device, status, seen_ms)

    async def _report(self, client: aiomqtt.Client, item: Incoming, now_ms: int) -> None:
        message = decode_twin(item.payload)
        if not await asyncio.to_thread(self._writer.report, item.device, message, now_ms):
            await self._acknowledge(client, item.device, wire.Ack("", 0, want_twin=True))

    async def _say_hello(self, client: aiomqtt.Client) -> None:
        """Tell every device where it stands: one that waits for an answer, or has to go back, learns it now."""
        for device, ack in await asyncio.to_thread(self._writer.standings):
            await self._acknowledge(client, device, ack)
            await asyncio.sleep(self._rng.uniform(0.5, 1.5) / self._settings.hello_per_s)
        await asyncio.Event().wait()

    async def _publish_wishes(self, client: aiomqtt.Client) -> None:
        for device, twin in await asyncio.to_thread(self._writer.desired):
            await self._wish(client, device, twin)
        while True:
            await self._wish(client, *await self._wishes.get())

    async def _wish(self, client: aiomqtt.Client, device: str, twin: Twin) -> None:
        payload = encode_twin(TwinMessage(twin.version, doc=twin.doc))
        await client.publish(wire.topic(device, wire.TWIN_DESIRED), payload, qos=1, retain=True)

    async def _acknowledge(self, client: aiomqtt.Client, device: str, ack: wire.Ack) -> None:
        await client.publish(wire.topic(device, wire.ACK), wire.encode_ack(ack), qos=1)


def _tls(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise BadSetup(str(ca_file), f"cannot be used for TLS ({error})") from error
