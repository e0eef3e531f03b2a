"""One group of messages into the store, whatever carried them: applied, committed, and only then answered."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from agent.domain import wire
from agent.domain.errors import BadMessage
from cloud.ingest.grouping import PLAIN, Incoming, by_kind
from cloud.ports import Arrival, Clock, FleetWriter

# Takes one message of a device, `(device, leaf, payload)`, on a thread of its own. Raises `BadMessage`.
Listener = Callable[[str, str, bytes], None]


class Answer(NamedTuple):
    """A message to a device."""

    device: str
    leaf: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class SlowDown:
    """When more than `busy_messages` wait, devices are asked to pause `slow_s` between batches."""

    busy_messages: int = 2_000
    slow_s: float = 5.0


class Applier:
    """What the store does not take goes to whoever listens for it."""

    def __init__(self, writer: FleetWriter, clock: Clock, slow_down: SlowDown = SlowDown()) -> None:
        self._writer = writer
        self._clock = clock
        self._slow_down = slow_down
        self._listeners: dict[str, Listener] = {}
        self.leaves: list[str] = list(PLAIN)
        self.quarantined = 0

    def listen(self, leaves: str, listener: Listener) -> None:
        """Hand messages of `leaves`, a topic filter like `cmd/+/reply`, to `listener`. Before anything is connected."""
        self.leaves.append(leaves)
        self._listeners[leaves.partition("/")[0]] = listener

    async def apply(self, group: Sequence[Incoming], waiting: int) -> list[Answer]:
        """Answers to a group, once all of it is committed; `waiting` messages are behind it.

        Raises `Transient` when the store refuses: then the devices have to send again.
        """
        answers: list[Answer] = []
        for kind, run in by_kind(group):
            answers += await asyncio.to_thread(self._apply, kind, run, waiting)
        return answers

    def _apply(self, kind: str, run: Sequence[Incoming], waiting: int) -> list[Answer]:
        now_ms = self._clock.now_ms()
        if kind == wire.UP:
            return self._batches(_arrivals(run, now_ms), waiting)
        if kind == wire.TWIN_REPORTED:
            return self._reports(_arrivals(run, now_ms))
        if kind == wire.STATUS:
            return self._statuses(_arrivals(run, now_ms))
        for item in run:
            self._hand_on(kind, item, now_ms)
        return []

    def _batches(self, arrivals: Sequence[Arrival], waiting: int) -> list[Answer]:
        slow_s = self._slow_down.slow_s if waiting > self._slow_down.busy_messages else 0.0
        answers = []
        for device, ack in self._writer.apply(arrivals):
            self.quarantined += len(ack.rejected)
            answers.append(acknowledgement(device, msgspec.structs.replace(ack, slow_s=slow_s) if slow_s else ack))
        return answers

    def _reports(self, arrivals: Sequence[Arrival]) -> list[Answer]:
        reported = self._writer.reports(arrivals)
        self.quarantined += reported.aside
        return [acknowledgement(device, wire.Ack("", 0, want_twin=True)) for device in reported.whole]

    def _statuses(self, arrivals: Sequence[Arrival]) -> list[Answer]:
        """Who comes online is told where it stands: the position may have gone back while it had nothing to send."""
        told = self._writer.statuses(arrivals)
        self.quarantined += told.aside
        standings = self._writer.standings(told.online) if told.online else []
        return [acknowledgement(device, ack) for device, ack in standings]

    def _hand_on(self, kind: str, item: Incoming, now_ms: int) -> None:
        listener = self._listeners.get(kind) if item.device else None
        try:
            if listener is None:
                raise BadMessage(f"topic {item.topic!r} is not one that devices write to")
            listener(item.device, item.leaf, item.payload)
        except BadMessage as error:
            self.quarantined += 1
            self._writer.quarantine(item.device or None, item.topic, item.payload, error.reason, now_ms)


def acknowledgement(device: str, ack: wire.Ack) -> Answer:
    """The answer that carries an acknowledgement."""
    return Answer(device, wire.ACK, wire.encode_ack(ack))


def _arrivals(run: Sequence[Incoming], now_ms: int) -> list[Arrival]:
    return [Arrival(item.device, item.payload, now_ms, item.retained) for item in run]
