"""Messages that come one by one, each with somebody waiting for its answer, into groups that share a transaction."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agent.domain import wire
from agent.domain.envelope import Letter
from agent.domain.errors import Transient
from cloud.ingest.applying import Answer, Applier
from cloud.ingest.grouping import Incoming
from cloud.ports.carriers import Busy


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """Groups of `group_messages`, or of what came within `group_ms`.

    Of more than `busy_messages` that wait devices are asked to come less often, more than `most_messages` are refused.
    """

    group_messages: int = 200
    group_ms: int = 20
    busy_messages: int = 500
    most_messages: int = 5_000
    pause_s: float = 300.0
    retry_after_s: float = 30.0


class _Waiting(NamedTuple):
    item: Incoming
    answered: asyncio.Future[list[Letter]]


class GroupDoor:
    """`cloud.ports.carriers.Door`; `run` does the work."""

    def __init__(self, applier: Applier, settings: DoorSettings = DoorSettings()) -> None:
        self._applier = applier
        self._settings = settings
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._open = False

    @property
    def pause_s(self) -> float:
        """See `cloud.ports.carriers.Door`."""
        return self._settings.pause_s if self._queue.qsize() > self._settings.busy_messages else 0.0

    async def take(self, device: str, leaf: str, payload: bytes) -> list[Letter]:
        """See `cloud.ports.carriers.Door`."""
        waiting = self._queue.qsize()
        if not self._open:
            raise _stops()
        if waiting >= self._settings.most_messages:
            raise Busy(f"{waiting} messages wait already", self._settings.retry_after_s)
        item = Incoming(wire.topic(device, leaf), device, leaf, payload, False)
        answered: asyncio.Future[list[Letter]] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Waiting(item, answered))
        return await answered

    async def run(self) -> None:
        """Apply and answer; ends only by cancellation."""
        self._open = True
        try:
            while True:
                await self._apply(await self._gather())
        finally:
            self._open = False
            _refuse([self._queue.get_nowait() for _ in range(self._queue.qsize())], _stops)

    async def _apply(self, group: list[_Waiting]) -> None:
        try:
            _hand_out(group, await self._applier.apply([each.item for each in group], self._queue.qsize()))
        except Transient as error:
            reason = str(error)
            _refuse(group, lambda: Transient(reason))
        finally:
            _refuse(group, _stops)

    async def _gather(self) -> list[_Waiting]:
        """At least one message, and those that have come a little later."""
        first = await self._queue.get()
        try:
            if self._queue.qsize() < self._settings.group_messages:
                await asyncio.sleep(self._settings.group_ms / 1000)
        except asyncio.CancelledError:
            _refuse([first], _stops)
            raise
        more = min(self._queue.qsize(), self._settings.group_messages - 1)
        return [first, *(self._queue.get_nowait() for _ in range(more))]


def _stops() -> Busy:
    """It will be back soon."""
    return Busy("the aggregator stops", 1.0)


def _refuse(group: Sequence[_Waiting], reason: Callable[[], Transient]) -> None:
    """Whoever has no answer yet; each gets an error of its own."""
    for each in group:
        if not each.answered.done():
            each.answered.set_exception(reason())


def _hand_out(group: Sequence[_Waiting], answers: Sequence[Answer]) -> None:
    letters: dict[str, list[Letter]] = {}
    for answer in answers:
        letters.setdefault(answer.device, []).append(Letter(answer.leaf, answer.payload))
    for each in group:
        if not each.answered.done():
            each.answered.set_result(letters.get(each.item.device, []))
