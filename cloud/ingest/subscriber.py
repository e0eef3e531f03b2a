"""From the broker into the store: messages in groups, acknowledgements only after the commit.

The session is clean and nothing here is remembered: a message that is lost between the broker and the commit was never
acknowledged, so its device sends it again. Waiting on the network is in real seconds.
"""

import asyncio
import logging
import random
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import aiomqtt

from agent.domain import wire
from agent.domain.errors import BadSetup, Transient, UplinkUnavailable
from agent.domain.twin import Twin, TwinMessage, encode_twin
from cloud.ingest.applying import Answer, Applier, SlowDown, acknowledgement
from cloud.ingest.grouping import gather
from cloud.ingest.together import first_ended, stop_if_cancelled
from cloud.ports import Clock, FleetWriter

_log: Final = logging.getLogger(__name__)

# CONNACK codes 4 and 5 of MQTT 3.1.1, as the reason codes that paho translates them to.
_REFUSED: Final = {4, 5, 134, 135}
# A broker does not say why it ends a connection. So many that worked and soon ended in a row are no accident.
_THROWN_OFF: Final = 3


@dataclass(frozen=True, slots=True)
class SubscriberSettings:
    """Where the broker is, and how messages are grouped: up to `group_messages` or for `group_ms`, whichever is first.

    When more than `busy_messages` wait, devices are asked to pause `slow_s` between batches. After a reconnection every
    known device is told its position, `hello_per_s` of them each second. `queue_messages` may wait here: three for each
    of a large fleet that comes back at once, since a status that is dropped shows its device offline until it connects
    again. The broker may take `answer_s` to confirm an answer, which stands behind all that waits on the connection.
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    identifier: str = "emberwatt-cloud"
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    group_messages: int = 200
    group_ms: int = 50
    queue_messages: int = 200_000
    busy_messages: int = 2_000
    slow_s: float = 5.0
    hello_per_s: float = 200.0
    reconnect_first_s: float = 0.5
    reconnect_cap_s: float = 30.0
    keepalive_s: int = 30
    timeout_s: float = 10.0
    answer_s: float = 120.0


@dataclass(slots=True)
class SubscriberStats:
    """Counters since the start."""

    connections: int = 0
    messages: int = 0
    groups: int = 0
    quarantined: int = 0
    connected: bool = False


class Sender(Protocol):
    """Another way to a device, which has to say itself whether it is one now. May be called from any thread."""

    def __call__(self, device: str, leaf: str, payload: bytes, *, retain: bool = False) -> None: ...


class Subscriber:
    """Applies what devices send and answers them; publishes desired twins."""

    def __init__(self, settings: SubscriberSettings, writer: FleetWriter, clock: Clock, rng: random.Random) -> None:
        self._settings = settings
        self._writer = writer
        self._rng = rng
        self._outgoing: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self.applier = Applier(writer, clock, SlowDown(settings.busy_messages, settings.slow_s))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._soon_lost = 0
        self.also: list[Sender] = []
        self.stats = SubscriberStats()

    def desire(self, device: str, twin: Twin) -> None:
        """Publish a desired twin, retained, as soon as there is a connection. May be called from any thread."""
        self.send(device, wire.TWIN_DESIRED, _desired(twin), retain=True)

    def send(self, device: str, leaf: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish to a device as soon as there is a connection, and tell `also`. May be called from any thread."""
        for sender in self.also:
            sender(device, leaf, payload, retain=retain)
        if self._loop is not None:
            outgoing = (wire.topic(device, leaf), payload, retain)
            self._loop.call_soon_threadsafe(self._outgoing.put_nowait, outgoing)

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
            self._soon_lost = 0 if long else self._soon_lost
            ceiling = min(
                self._settings.reconnect_cap_s, self._settings.reconnect_first_s * 2.0 ** min(attempt - 1, 20)
            )
            await asyncio.sleep(ceiling * self._rng.uniform(0.5, 1.0))

    async def _session(self) -> None:
        try:
            async with self._client() as client:
                stop_if_cancelled()
                self.stats.connections += 1
                # The answers to a whole group go out together, which is no reason for a warning.
                client.pending_calls_threshold = 2 * self._settings.group_messages
                await first_ended(self._ingest(client), self._talk(client))
        except aiomqtt.MqttError as error:
            raise self._explain(error) from error
        finally:
            self.stats.connected = False

    async def _talk(self, client: aiomqtt.Client) -> None:
        """Runs beside the reading, which is what notices first that a connection is gone."""
        await client.subscribe([(f"ew/{wire.VERSION}/+/{leaf}", 1) for leaf in self.applier.leaves])
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
            tls_context=_tls(chosen),
            max_queued_incoming_messages=chosen.queue_messages,
        )

    def _explain(self, error: aiomqtt.MqttError) -> UplinkUnavailable | BadSetup:
        where, code = f"broker {self._settings.host}:{self._settings.port}", getattr(error, "rc", None)
        if getattr(code, "value", code) in _REFUSED:
            who = f"user {self._settings.username!r}" if self._settings.username else "a login without a name"
            return BadSetup(where, f"refuses {who}: {code}", hint="check the aggregator's username and password")
        self._soon_lost += self.stats.connected
        more = "; is another aggregator on this broker? Only one can be" if self._soon_lost >= _THROWN_OFF else ""
        return UplinkUnavailable(f"{where}: {error}{more}")

    async def _ingest(self, client: aiomqtt.Client) -> None:
        messages = client.messages
        while True:
            group = await gather(messages, self._settings.group_messages, self._settings.group_ms / 1000)
            self.stats.messages += len(group)
            self.stats.groups += 1
            answers = await self.applier.apply(group, len(messages))
            await asyncio.gather(*(self._answer(client, answer) for answer in answers))

    async def _answer(self, client: aiomqtt.Client, answer: Answer) -> None:
        """The broker's confirmation stands behind all messages that wait on the same connection, which may be many."""
        topic, timeout_s = wire.topic(answer.device, answer.leaf), self._settings.answer_s
        await client.publish(topic, answer.payload, qos=1, timeout=timeout_s)

    async def _say_hello(self, client: aiomqtt.Client) -> None:
        """Tell every device where it stands: one that waits for an answer, or has to go back, learns it now."""
        for device, ack in await asyncio.to_thread(self._writer.standings):
            await self._answer(client, acknowledgement(device, ack))
            await asyncio.sleep(self._rng.uniform(0.5, 1.5) / self._settings.hello_per_s)
        await asyncio.Event().wait()

    async def _publish_wishes(self, client: aiomqtt.Client) -> None:
        for device, twin in await asyncio.to_thread(self._writer.desired):
            await client.publish(wire.topic(device, wire.TWIN_DESIRED), _desired(twin), qos=1, retain=True)
        while True:
            topic, payload, retain = await self._outgoing.get()
            await client.publish(topic, payload, qos=1, retain=retain)


def _desired(twin: Twin) -> bytes:
    return encode_twin(TwinMessage(twin.version, doc=twin.doc))


def _tls(chosen: SubscriberSettings) -> ssl.SSLContext | None:
    """Read at every connection: certificates are renewed while this runs."""
    if chosen.ca_file is None:
        return None
    try:
        context = ssl.create_default_context(cafile=chosen.ca_file)
        if chosen.cert_file is not None:
            context.load_cert_chain(chosen.cert_file, chosen.key_file)
    except OSError as error:
        files = ", ".join(str(file) for file in (chosen.ca_file, chosen.cert_file, chosen.key_file) if file)
        raise BadSetup(files, f"cannot be used for TLS ({error})") from error
    return context
