"""From the journal to the aggregator: batches out, acknowledgements in, for ever.

Polling and diagnosis never wait for this. Waiting on the network is in real seconds; how often to flush and to report
is policy, in seconds of the given clock (which may run faster than life).
"""

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

import msgspec

from agent.domain import wire
from agent.domain.errors import BadMessage, BadSetup, Transient, UplinkUnavailable
from agent.domain.twin import Document, TwinMessage, decode_twin
from agent.ports import Aside, Broker, BrokerSession, Clock, Message, Outbox, Position
from agent.uplink.packing import pack
from agent.uplink.pause import first_ended, pause, stop_if_cancelled
from agent.uplink.twin_sync import TwinSync
from agent.uplink.window import Verdict, Window

_log: Final = logging.getLogger(__name__)


class UplinkSettings(msgspec.Struct, frozen=True):
    """How eagerly to send. `flush_interval_s` and `report_interval_s` are the given clock's seconds, the others real.

    With these a home of 8 signals stays below 8 KiB a day (`bench/wire.py`): batches every hour instead of every two
    take 2.7 KiB more, and so does a report of the twin every hour instead of every six.
    """

    device: str
    flush_interval_s: float = 7200.0
    report_interval_s: float = 21_600.0
    max_records: int = 1_000
    max_bytes: int = 192 * 1024
    in_flight: int = 4
    ack_timeout_s: float = 30.0
    reconnect_first_s: float = 1.0
    reconnect_cap_s: float = 300.0
    stable_s: float = 60.0


class UplinkStats(msgspec.Struct):
    """Counters since the start. `rejected` counts records that the aggregator put aside."""

    connections: int = 0
    batches: int = 0
    timeouts: int = 0
    rewinds: int = 0
    rejected: int = 0
    bad_messages: int = 0
    connected: bool = False


class Uplink:
    """Drains the journal, keeps the reported twin in step, hands desired twins to `on_desired`.

    `aside` talks over the same connection.

    Batches go only while `ready()`; whoever makes it true calls `wake`.
    """

    def __init__(
        self,
        settings: UplinkSettings,
        outbox: Outbox,
        broker: Broker,
        clock: Clock,
        document: Callable[[], Document],
        rng: random.Random,
        on_desired: Callable[[TwinMessage], None] | None = None,
        ready: Callable[[], bool] = lambda: True,
        aside: Aside | None = None,
    ) -> None:
        self._settings = settings
        self._outbox = outbox
        self._broker = broker
        self._clock = clock
        self._rng = rng
        self._on_desired = on_desired
        self._ready = ready
        self._aside = aside
        self._twin = TwinSync(settings.device, document, clock, settings.report_interval_s)
        self._window = Window(settings.in_flight)
        self._kick = asyncio.Event()
        self._progress = asyncio.Event()
        self._urgent = False
        self._flush_to = 0
        self._flushed_ms = 0
        self._ack_timeout_s = settings.ack_timeout_s
        self._slow_s = 0.0
        self._not_before = 0.0
        self.stats = UplinkStats()

    def wake(self, urgent: bool = False) -> None:
        """New records are in the journal; `urgent` ones (a fault, an event) are sent without waiting for company."""
        self._urgent = self._urgent or urgent
        self._kick.set()
        self._twin.wake()

    async def drained(self) -> None:
        """Send everything now, and return once all of it is acknowledged."""
        while True:
            self._progress.clear()
            position = await self._outbox.position()
            if position.acknowledged >= position.last:
                return
            self.wake(urgent=True)
            await self._progress.wait()

    async def run(self) -> None:
        """Connect, drain, reconnect; ends only by cancellation.

        Raises `BadSetup` when the very first login is refused for good. Once it has worked, a refusal is an outage.
        """
        loop, attempt = asyncio.get_running_loop(), 0
        while True:
            stop_if_cancelled()
            began, batches, asked_s = loop.time(), self.stats.batches, 0.0
            try:
                await self._session()
            except Transient as error:
                _log.warning("uplink: %s", error)
                asked_s = error.retry_after_s if isinstance(error, UplinkUnavailable) else 0.0
            except BadSetup as error:
                if not self.stats.connections:
                    raise
                _log.error("uplink: %s", error)
            moved = self.stats.batches > batches and loop.time() - began >= self._settings.reconnect_first_s
            attempt = 0 if moved or loop.time() - began >= self._settings.stable_s else attempt + 1
            await asyncio.sleep(asked_s * self._rng.uniform(1.0, 1.5) + self._delay(attempt))

    def _delay(self, attempt: int) -> float:
        """Exponential up to the cap, and anywhere in its upper half, so that a fleet does not come back as one."""
        ceiling = min(self._settings.reconnect_cap_s, self._settings.reconnect_first_s * 2.0 ** min(attempt, 30))
        return ceiling * self._rng.uniform(0.5, 1.0)

    async def _session(self) -> None:
        async with self._broker.connect() as session:
            stop_if_cancelled()
            self.stats.connections += 1
            try:
                await first_ended(self._receive(session), self._talk(session))
            finally:
                self.stats.connected = False

    async def _talk(self, session: BrokerSession) -> None:
        """Runs beside the reading, which is what notices first that a connection is gone."""
        device = self._settings.device
        more = () if self._aside is None else self._aside.topics
        await session.subscribe(wire.topic(device, wire.ACK), wire.topic(device, wire.TWIN_DESIRED), *more)
        online = wire.encode_status(wire.Status("online", self._clock.now_ms()))
        await session.publish(wire.topic(device, wire.STATUS), online, retain=True)
        self.stats.connected = True
        talks = [self._send(session), self._twin.run(session)]
        await first_ended(*talks, *([] if self._aside is None else [self._aside.speak(session)]))

    async def _send(self, session: BrokerSession) -> None:
        position = await self._outbox.position()
        self._window.start(position.epoch, position.acknowledged)
        self._flush_to = position.last
        self._flushed_ms = self._clock.monotonic_ms()
        while True:
            self._kick.clear()
            position = await self._outbox.position()
            self._follow(position)
            if self._may_send():
                await self._send_batch(session, position)
            else:
                await pause(self._kick, self._clock, policy_s=self._until_flush(position), real_s=self._until_retry())

    def _follow(self, position: Position) -> None:
        """Take notice of a new epoch, of an answer that stays out, and of a reason to flush."""
        if position.epoch != self._window.epoch:
            self._window.start(position.epoch, position.acknowledged)
            self._flush_to = position.last
        oldest, now = self._window.oldest, asyncio.get_running_loop().time()
        if oldest is not None and now - oldest >= self._ack_timeout_s:
            self.stats.timeouts += 1
            self._window.expire()
            longer = 2 * self._ack_timeout_s * self._rng.uniform(0.75, 1.0)
            self._ack_timeout_s = max(self._settings.ack_timeout_s, min(longer, self._settings.reconnect_cap_s))
        full = position.last - max(self._flush_to, self._window.sent) >= self._settings.max_records
        if self._urgent or full or self._until_flush(position) == 0.0:
            self._urgent = False
            self._flush_to = position.last
            self._flushed_ms = self._clock.monotonic_ms()

    def _may_send(self) -> bool:
        return self._waiting() and asyncio.get_running_loop().time() >= self._not_before

    def _waiting(self) -> bool:
        return self._window.sent < self._flush_to and self._window.free and self._ready()

    def _until_flush(self, position: Position) -> float | None:
        """Policy seconds until what waits must go; None when nothing waits."""
        if position.last <= max(self._flush_to, self._window.sent):
            return None
        waited_s = (self._clock.monotonic_ms() - self._flushed_ms) / 1000
        return max(0.0, self._settings.flush_interval_s - waited_s)

    def _until_retry(self) -> float | None:
        """Real seconds until there is something to do about the network; None when only an event can tell."""
        now, due = asyncio.get_running_loop().time(), []
        if self._window.oldest is not None:
            due.append(self._window.oldest + self._ack_timeout_s)
        if self._waiting():
            due.append(self._not_before)
        return max(0.0, min(due) - now) if due else None

    async def _send_batch(self, session: BrokerSession, position: Position) -> None:
        chosen, first = self._settings, self._window.sent + 1
        records = await self._outbox.after(first - 1, limit=chosen.max_records)
        batch = pack(chosen.device, position, first, records, chosen.max_bytes)
        now = asyncio.get_running_loop().time()
        if first != self._window.sent + 1 or position.epoch != self._window.epoch:
            return
        self._window.send(batch.last, now)
        self._not_before = now + self._slow_s
        self.stats.batches += 1
        await session.publish(wire.topic(chosen.device, wire.UP), wire.encode_batch(batch))
        self._window.handed_over(batch.last, asyncio.get_running_loop().time())

    async def _receive(self, session: BrokerSession) -> None:
        async for message in session.messages():
            try:
                await self._handle(message)
            except BadMessage as error:
                self.stats.bad_messages += 1
                _log.warning("uplink: %s: %s", message.topic, error)

    async def _handle(self, message: Message) -> None:
        if self._aside is not None and self._aside.take(message.topic, message.payload):
            return
        _, leaf = wire.parse_topic(message.topic)
        if leaf == wire.ACK:
            await self._acknowledged(wire.decode_ack(message.payload))
        elif leaf == wire.TWIN_DESIRED:
            desired = decode_twin(message.payload)
            if self._on_desired is not None:
                self._on_desired(desired)

    async def _acknowledged(self, ack: wire.Ack) -> None:
        if ack.want_twin:
            self._twin.wake(whole=True)
        if ack.epoch != self._window.epoch.hex() or ack.through < 0:
            return
        self._slow_s = min(max(ack.slow_s, 0.0), self._settings.reconnect_cap_s)
        for rejected in ack.rejected:
            self.stats.rejected += rejected.last - rejected.first + 1
            _log.warning("uplink: records %d..%d put aside: %s", rejected.first, rejected.last, rejected.reason)
        verdict = self._window.acknowledge(ack.through)
        await self._outbox.acknowledge(bytes.fromhex(ack.epoch), ack.through)
        if verdict is Verdict.PROGRESS:
            self._ack_timeout_s = self._settings.ack_timeout_s
        elif verdict is Verdict.RESEND:
            self.stats.rewinds += 1
        self._flush_to = max(self._flush_to, ack.through)
        self._progress.set()
        self._kick.set()
