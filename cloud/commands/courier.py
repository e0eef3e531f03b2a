"""Sends what is open to devices that are there, until they reply.

A command may be sent any number of times: a device runs it once and repeats its reply. So it is sent when the device
comes, when the aggregator does, and now and again while no reply has come.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from agent.domain.commands import CMD
from agent.domain.errors import Transient
from cloud.commands.desk import payload_of
from cloud.ports import Clock, CommandBook, OpenCommand

_FIRST_AGAIN_MS: Final = 30_000
_MOST_AGAIN_MS: Final = 3_600_000


class Send(Protocol):
    """The way to a device."""

    def __call__(self, device: str, leaf: str, payload: bytes, *, retain: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """Real seconds between two looks into the book."""

    look_s: float = 1.0


def is_due(one: OpenCommand, now_ms: int, *, first: bool) -> bool:
    """Whether to send it now; `first`: for the first time over the present connection to the broker."""
    row = one.row
    if not one.online:
        return False
    if first or row.sent_ms is None or row.sent_since_ms != one.since_ms:
        return True
    again_ms: int = min(_FIRST_AGAIN_MS << min(row.sends, 16), _MOST_AGAIN_MS)
    return now_ms - row.sent_ms >= again_ms


class Courier:
    """`connection` is a number that changes with each connection, None while there is none."""

    def __init__(
        self,
        book: CommandBook,
        clock: Clock,
        send: Send,
        connection: Callable[[], int | None],
        settings: CourierSettings = CourierSettings(),
    ) -> None:
        self._book = book
        self._clock = clock
        self._send = send
        self._connection = connection
        self._settings = settings
        self._sent: set[str] = set()
        self._over: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There is a new command. May be called from any thread; without it, it is seen at the next look."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._news.set)

    async def run(self) -> None:
        """For ever."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._news.clear()
            # A database that is away is said by whoever reads it; it is looked at again in a moment.
            with suppress(Transient):
                await asyncio.to_thread(self.look)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.look_s):
                    await self._news.wait()

    def look(self) -> None:
        """End what is over, send what is due. Raises `Transient`."""
        now_ms, over = self._clock.now_ms(), self._connection()
        self._book.expire(now_ms)
        if over is None:
            return
        if over != self._over:
            self._over = over
            self._sent.clear()
        for one in self._book.open():
            identifier = one.row.id
            if is_due(one, now_ms, first=identifier not in self._sent):
                # Written down first: sent and not written down, it would be sent again and again without a pause.
                self._book.sent(identifier, one.since_ms, now_ms)
                self._sent.add(identifier)
                self._send(one.row.device, f"{CMD}/{identifier}", payload_of(one.row))
