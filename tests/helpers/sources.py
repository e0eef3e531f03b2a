"""A source without a device, with switches for what devices do wrong, and a clock that is moved by hand."""

import asyncio
import heapq
from collections.abc import Mapping

from agent.domain.errors import SourceUnavailable
from agent.domain.signals import Equipment, Quality, Reading, SignalName
from agent.ports import Clock


class SteppedClock:
    """Stands still until it is moved; then everybody wakes in turn whose time has come."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._now_ms

    async def sleep(self, seconds: float) -> None:
        self._count += 1
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now_ms + round(seconds * 1000), self._count, future))
        await future

    async def move_to(self, now_ms: int) -> None:
        """Go to that instant, stopping at each sleeper's on the way."""
        await settle()
        while self._sleepers and self._sleepers[0][0] <= now_ms:
            due_ms, _, future = heapq.heappop(self._sleepers)
            self._now_ms = max(self._now_ms, due_ms)
            if not future.done():
                future.set_result(None)
            await settle()
        self._now_ms = now_ms

    def set_back(self, now_ms: int) -> None:
        """The wall clock is set; sleepers sleep on for as long as they had left."""
        shift = now_ms - self._now_ms
        self._sleepers = [(due + shift, count, future) for due, count, future in self._sleepers]
        self._now_ms = now_ms


async def settle() -> None:
    """Let every task that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


class MemorySource:
    """Gives the values it is told to.

    `dead`: refuses. `hang`: never answers, until the caller gives up. `gate`: answers once it is set.
    """

    def __init__(
        self, name: str, values: Mapping[SignalName, float], *, clock: Clock, budget_s: float | None = None
    ) -> None:
        self._name = name
        self._signals = frozenset(values)
        self._clock = clock
        self._budget_s = budget_s
        self.values = dict(values)
        self.bad: dict[SignalName, Quality] = {}
        self.dead = False
        self.hang = False
        self.gate: asyncio.Event | None = None
        self.reads: list[int] = []
        self.open = False
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> frozenset[SignalName]:
        return self._signals

    async def __aenter__(self) -> "MemorySource":
        self.open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.open = False

    async def read(self) -> Reading:
        async with self._lock:
            self.reads.append(self._clock.now_ms())
            await self._answer()
            good = {name: value for name, value in self.values.items() if name not in self.bad}
            return Reading(self._clock.now_ms(), good, dict(self.bad))

    async def identify(self) -> Equipment:
        await self._answer()
        return Equipment("Memory", "Double", self._name, "1")

    async def _answer(self) -> None:
        if self.dead:
            raise SourceUnavailable(self._name, "switched off")
        if self.gate is not None:
            await self.gate.wait()
        if self.hang:
            try:
                await asyncio.wait_for(asyncio.Event().wait(), self._budget_s)
            except TimeoutError:
                raise SourceUnavailable(self._name, "no answer") from None
