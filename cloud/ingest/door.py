"""Messages that come one by one, each with somebody waiting for its answer, into groups that share a transaction."""

import asyncio
from collections.abc import Sequence
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

    @property
    def pause_s(self) -> float:
        """See `cloud.ports.carriers.Door`."""
        return self._settings.pause_s if self._queue.qsize() > self._settings.busy_messages else 0.0

    async def take(self, device: str, leaf: str, payload: bytes) -> list[Letter]:
        """See `cloud.ports.carriers.Door`."""
        waiting = self._queue.qsize()
        if waiting >= self._settings.most_messages:
            raise Busy(f"{waiting} messages wait already", self._settings.retry_after_s)
        item = Incoming(wire.topic(device, leaf), device, leaf, payload, False)
        answered: asyncio.Future[list[Letter]] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Waiting(item, answered))
        return await answered

    async def run(self) -> None:
        """Apply and answer; ends only by cancellation."""
        while True:
            group = await self._gather()
            try:
                _hand_out(group, await self._applier.apply([each.item for each in group], self._queue.qsize()))
            except Transient as error:
                _refuse(group, str(error))
            finally:
                _refuse(group, "the aggregator stops")

    async def _gather(self) -> list[_Waiting]:
        group = [await self._queue.get()]
        if self._queue.qsize() < self._settings.group_messages:
            await asyncio.sleep(self._settings.group_ms / 1000)
        while self._queue.qsize() and len(group) < self._settings.group_messages:
            group.append(self._queue.get_nowait())
        return group


def _refuse(group: Sequence[_Waiting], reason: str) -> None:
    """Whoever has no answer yet."""
    for each in group:
        if not each.answered.done():
            each.answered.set_exception(Transient(reason))


def _hand_out(group: Sequence[_Waiting], answers: Sequence[Answer]) -> None:
    letters: dict[str, list[Letter]] = {}
    for answer in answers:
        letters.setdefault(answer.device, []).append(Letter(answer.leaf, answer.payload))
    for each in group:
        if not each.answered.done():
            each.answered.set_result(letters.get(each.item.device, []))
