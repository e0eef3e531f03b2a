"""The agent's one supervisor: each part restarts alone, with back-off, and it is told why.

It alone catches everything. A part that breaks must not take the others with it: polling goes on without the uplink,
the uplink without the proxy. What only a person can put right at the start still ends the program.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from random import Random
from typing import Any, Final

import msgspec

from agent.domain.errors import EmberwattError

Work = Callable[[], Coroutine[Any, Any, None]]
Note = Callable[[str, str, int], Awaitable[None]]
_MAX_REASON: Final = 200
_ASK_AGAIN_S: Final = 0.25
_log: Final = logging.getLogger("emberwatt.supervision")


class BackOff(msgspec.Struct, frozen=True):
    """Real seconds before a part begins again; after `stable_s` without trouble it counts as sound."""

    first_s: float = 1.0
    cap_s: float = 300.0
    stable_s: float = 600.0

    def after(self, failures: int, jitter: float) -> float:
        """Doubling up to the cap; `jitter` in 0…1 takes up to a half off.

        >>> [BackOff().after(number, 0.0) for number in (1, 2, 5, 40)]
        [1.0, 2.0, 16.0, 300.0]
        """
        return min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, 32)) * (1.0 - jitter / 2.0)


USUAL: Final = BackOff()


class Restarts(msgspec.Struct, frozen=True):
    """How often a part began again, and why the last time."""

    count: int
    last_reason: str


class Supervisor:
    """Runs named parts. Left, all of them are stopped. `note` writes down that a part restarts: name, reason, count."""

    def __init__(self, note: Note, *, back_off: BackOff = USUAL, random: Random | None = None) -> None:
        self._note = note
        self._back_off = back_off
        self._random = random or Random()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._closing = False
        self._failed = asyncio.Event()
        self._failure: BaseException | None = None
        self.restarts: dict[str, Restarts] = {}

    async def __aenter__(self) -> "Supervisor":
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closing = True
        await self.stop(list(self._tasks))

    def start(self, name: str, work: Work, *, fatal: tuple[type[EmberwattError], ...] = ()) -> None:
        """Run it until it returns or is stopped, again and again where it raises; a `fatal` error ends the program.

        A part that is stopped may try to start others on its way out: once everything is being stopped, nothing starts.
        """
        if self._closing:
            return
        if name in self._tasks and not self._tasks[name].done():
            raise RuntimeError(f"part {name} is running")
        self._tasks[name] = asyncio.create_task(self._keep(name, work, fatal), name=name)

    def running(self) -> frozenset[str]:
        """The parts that were started and have not returned."""
        return frozenset(name for name, task in self._tasks.items() if not task.done())

    async def stop(self, names: Collection[str]) -> None:
        """Cancel these parts and wait for their end; they may be started again."""
        tasks = [self._tasks.pop(name) for name in names if name in self._tasks]
        pending = {task for task in tasks if not task.done() and task is not asyncio.current_task()}
        while pending:
            # A library may swallow a cancellation (https://github.com/python/cpython/issues/86296): ask again.
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=_ASK_AGAIN_S)

    async def until_failed(self) -> None:
        """Raises the fatal error of a part once there is one."""
        await self._failed.wait()
        if self._failure is not None:
            raise self._failure

    async def _keep(self, name: str, work: Work, fatal: tuple[type[EmberwattError], ...]) -> None:
        failures, loop = 0, asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await work()
                return
            except fatal as error:
                self._failure = error
                self._failed.set()
                return
            except EmberwattError as error:
                reason = str(error)
                _log.error("%s: %s", name, reason)
            except Exception as error:  # noqa: BLE001 the one place that may: it restarts what broke, and says why
                reason = f"{type(error).__name__}: {error}"
                _log.exception("%s broke", name)
            failures = 1 if loop.time() - began >= self._back_off.stable_s else failures + 1
            await self._tell(name, reason[:_MAX_REASON])
            await asyncio.sleep(self._back_off.after(failures, self._random.random()))

    async def _tell(self, name: str, reason: str) -> None:
        before = self.restarts.get(name, Restarts(0, ""))
        self.restarts[name] = now = Restarts(before.count + 1, reason)
        # One that breaks for ever must not fill the journal: a new reason is told, and the 1st, 2nd, 4th, … time.
        if reason == before.last_reason and now.count & (now.count - 1):
            return
        try:
            await self._note(name, reason, now.count)
        except Exception:  # noqa: BLE001 a note that fails must not end the part for good
            _log.exception("%s: its restart could not be written down", name)
