"""One line with several devices: one request at a time, and no answer taken for another's.

Serial protocols carry no number that ties an answer to its request. What keeps them apart here: a request is sent into
silence only; only a frame of the right device and length is taken; and a device that owes an answer is left alone until
that can no longer come, while the others go on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from agent.sources.line import Line, Port
from agent.sources.serial_settings import LineLost

_SILENT_CHARS: Final = 3.5
_SHORTEST_GAP_S: Final = 0.001_75
# USB adapters and converters hand one frame over in pieces up to 20 ms apart.
_SETTLE_S: Final = 0.06
_NEVER_QUIET_S: Final = 2.0
_LONGEST: Final = 600
_MUTE_AFTER: Final = 2


class Damaged(OSError):
    """The device answers, but nothing that could be read."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and how to know its answer.

    unit: who is asked. take: the answer among the bytes heard, or None. resembles: whether they are an answer that came
    damaged, so that none is to come any more; it is told whether no other device can have sent them. doubtful: whether
    the bytes that hold an answer show that it may be damaged all the same; then it must come twice. repeats: how often
    the request may be sent again. late_s: seconds after giving up in which the answer may still come.
    """

    unit: int
    request: bytes
    take: Callable[[bytes], bytes | None]
    resembles: Callable[[bytes, bool], bool]
    doubtful: Callable[[bytes], bool] = lambda _: False
    repeats: int = 0
    late_s: float = 4.0


class Bus:
    """A port that several devices share. It is open while somebody has joined it."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self._line: Line | None = None
        self._users: set[object] = set()
        self._opening = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._busy = asyncio.Lock()
        self._owed: dict[int, float] = {}
        self._quiet_since = 0.0
        self._unanswered = 0
        self._hold_s = 0.0

    def __str__(self) -> str:
        return str(self.port)

    async def join(self, user: object, timeout_s: float) -> Line:
        """The open line. Raises `LineLost`."""
        async with self._opening:
            if self._line is None or not self._line.is_open:
                self._line = await self.port.open(timeout_s)
                self._unanswered = 0
            self._users.add(user)
            return self._line

    def leave(self, user: object) -> None:
        """The last one closes the line."""
        self._users.discard(user)
        if not self._users:
            self._close()

    @asynccontextmanager
    async def turn(self, units: Collection[int]) -> AsyncIterator[None]:
        """The line is free for these devices and the caller's alone, for as many requests as it likes."""
        while True:
            await self._settled(units)
            async with self._turn:
                if self._owed_s(units) <= 0:
                    yield
                    return

    async def exchange(self, line: Line, exchange: Exchange) -> bytes:
        """Send a request and return its answer; waits for it until it is cancelled. Raises `LineLost`, `Damaged`."""
        await self._settled([exchange.unit])
        async with self._busy:
            heard = bytearray()
            answer: bytes | None = None
            try:
                answer = await self._ask(line, exchange, heard)
            finally:
                self._account(exchange, answered=answer is not None, came=self._came(exchange, heard))
            return answer

    async def _ask(self, line: Line, exchange: Exchange, heard: bytearray) -> bytes:
        """Send the request, again where its answer came damaged. Raises `LineLost`, `Damaged`."""
        loop = asyncio.get_running_loop()
        first_s = loop.time()
        doubted = False
        for turn in range(1 + exchange.repeats):
            await self._silence(line)
            # Should the request before be answered after all, that is over before this device is asked anything else.
            self._hold_s = loop.time() - first_s + self._settle_s if turn else 0.0
            heard.clear()
            line.write(exchange.request)
            answer = await self._listen(line, exchange, heard)
            doubtful = answer is not None and exchange.repeats > 0 and exchange.doubtful(bytes(heard))
            if answer is not None and (doubted or not doubtful):
                return answer
            doubted = doubtful
        raise Damaged("every answer came damaged; are baud rate, parity and wiring right?")

    async def _listen(self, line: Line, exchange: Exchange, heard: bytearray) -> bytes | None:
        """The answer, once the line is silent behind it, or None if it came damaged."""
        answer: bytes | None = None
        while True:
            if answer is not None:
                wait_s: float | None = self._gap_s
            else:
                wait_s = self._settle_s if self._came(exchange, heard) else None
            try:
                async with asyncio.timeout(wait_s):
                    heard += await line.receive()
            except TimeoutError:
                return answer
            self._quiet_since = asyncio.get_running_loop().time()
            del heard[:-_LONGEST]
            answer = exchange.take(bytes(heard))

    async def _silence(self, line: Line) -> None:
        """Wait until the line has been silent for long enough. Raises `LineLost` where it never is."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _NEVER_QUIET_S
        gap_s = self._gap_s
        while True:
            if line.clear():
                # Somebody is talking whom nobody has asked: an answer that comes late, in pieces perhaps.
                self._quiet_since = loop.time()
                gap_s = self._settle_s
            wait_s = self._quiet_since + gap_s - loop.time()
            if wait_s <= 0:
                return
            if loop.time() > give_up:
                raise LineLost("the line is never silent; is there another master on it?")
            await asyncio.sleep(wait_s)

    @property
    def _gap_s(self) -> float:
        return max(_SILENT_CHARS * self.port.char_s, _SHORTEST_GAP_S)

    @property
    def _settle_s(self) -> float:
        return _SETTLE_S + _SILENT_CHARS * self.port.char_s

    def _came(self, exchange: Exchange, heard: bytearray) -> bool:
        now = asyncio.get_running_loop().time()
        return bool(heard) and exchange.resembles(bytes(heard), all(until <= now for until in self._owed.values()))

    def _account(self, exchange: Exchange, *, answered: bool, came: bool) -> None:
        """What this has shown of the device, and of the line."""
        self._unanswered = 0 if answered or came else self._unanswered + 1
        hold_s = self._hold_s if answered or came else exchange.late_s
        self._owed[exchange.unit] = asyncio.get_running_loop().time() + hold_s
        if self._unanswered >= _MUTE_AFTER:
            # Perhaps it is not the devices: a connection can be dead and a driver hung without anybody being told.
            self._close()

    def _owed_s(self, units: Collection[int]) -> float:
        until = max((self._owed.get(unit, 0.0) for unit in units), default=0.0)
        return until - asyncio.get_running_loop().time()

    async def _settled(self, units: Collection[int]) -> None:
        if (wait_s := self._owed_s(units)) > 0:
            await asyncio.sleep(wait_s)

    def _close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()
