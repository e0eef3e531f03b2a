"""The line to a device that talks unasked: kept open between reads, so that its newest words are always at hand."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from agent.domain.errors import SourceUnavailable
from agent.sources.line import Line, Port
from agent.sources.serial_settings import LineLost

Found = TypeVar("Found")


class Listener:
    """Hands everything that arrives to `feed`; `restart` is called first whenever the line was opened anew."""

    def __init__(self, name: str, port: Port, *, feed: Callable[[bytes], None], restart: Callable[[], None]) -> None:
        self._name = name
        self._port = port
        self._feed = feed
        self._restart = restart
        self._line: Line | None = None
        self._news = asyncio.Event()
        self._bytes = 0

    async def wait(self, ready: Callable[[], Found | None], timeout_s: float, missing: str) -> Found:
        """What `ready` gives, as soon as it gives something.

        Raises `SourceUnavailable`, after `timeout_s` real seconds at the latest; `missing` names what did not come.
        """
        self._bytes = 0
        try:
            async with asyncio.timeout(timeout_s):
                line = await self._opened(timeout_s)
                while (found := ready()) is None:
                    self._news.clear()
                    if not line.is_open:
                        raise SourceUnavailable(self._name, f"{self._port}: the adapter or the connection is gone")
                    await self._news.wait()
                return found
        except TimeoutError:
            if self._bytes:
                reason = f"{missing} among {self._bytes} bytes in {timeout_s:g} s; are baud rate and parity right?"
            else:
                reason = f"silent for {timeout_s:g} s"
            raise SourceUnavailable(self._name, reason) from None
        except LineLost as lost:
            raise SourceUnavailable(self._name, str(lost)) from lost

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    async def _opened(self, timeout_s: float) -> Line:
        if self._line is None or not self._line.is_open:
            line = await self._port.open(timeout_s)
            self._restart()
            line.on_data = self._hear
            line.on_lost = self._news.set
            self._line = line
        return self._line

    def _hear(self, data: bytes) -> None:
        self._bytes += len(data)
        self._feed(data)
        self._news.set()
