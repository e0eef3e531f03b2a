"""The line to a device that talks unasked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.domain.errors import SourceUnavailable
from agent.sources.line import SerialPort
from agent.sources.listener import Listener
from agent.sources.serial_settings import SerialSettings
from tests.helpers.serial_line import Wire


class Heard:
    """Whatever arrives, and how often the line was opened."""

    def __init__(self, wire: Wire) -> None:
        self.data = b""
        self.openings = 0
        self.opened = asyncio.Event()
        port = SerialPort(SerialSettings(str(wire.path)))
        self.listener = Listener("unit", port, feed=self._feed, restart=self._restart)

    def _feed(self, data: bytes) -> None:
        self.data += data

    def _restart(self) -> None:
        self.openings += 1
        self.opened.set()

    async def said(self, wire: Wire, what: bytes) -> bytes:
        """Open the line, let the device say something, and hear it; opening forgets what came before."""
        self.opened.clear()
        waiting = asyncio.create_task(self.until(what))
        await asyncio.wait_for(self.opened.wait(), 5)
        wire.send(what)
        return await waiting

    async def until(self, end: bytes, timeout_s: float = 5.0) -> bytes:
        return await self.listener.wait(lambda: self.data if self.data.endswith(end) else None, timeout_s, "no end")


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with Wire(tmp_path) as ready:
        yield ready


async def test_what_is_said_between_two_reads_is_heard(wire: Wire) -> None:
    heard = Heard(wire)
    await heard.said(wire, b"one.")
    wire.send(b"two.")
    for _ in range(500):
        if heard.data.endswith(b"two."):
            break
        await asyncio.sleep(0.01)
    assert await heard.until(b"two.", 0.01) == b"one.two."
    assert heard.openings == 1
    heard.listener.close()
    heard.listener.close()


async def test_silence_and_noise_are_told_apart(wire: Wire) -> None:
    heard = Heard(wire)
    with pytest.raises(SourceUnavailable, match=r"unit: silent for 0\.1 s"):
        await heard.until(b".", 0.1)
    waiting = asyncio.create_task(heard.until(b".", 0.3))
    await asyncio.sleep(0)
    wire.send(b"\x00\xff\x00")
    with pytest.raises(SourceUnavailable, match=r"no end among 3 bytes in 0\.3 s; are baud rate and parity right\?"):
        await waiting
    heard.listener.close()


async def test_a_pulled_cable_ends_the_wait_at_once_and_the_next_one_opens_anew(wire: Wire) -> None:
    heard = Heard(wire)
    await heard.said(wire, b"one.")
    waiting = asyncio.create_task(heard.until(b"two."))
    await asyncio.sleep(0)
    await wire.unplug()
    with pytest.raises(SourceUnavailable, match="is gone"):
        await asyncio.wait_for(waiting, 2)
    with pytest.raises(SourceUnavailable, match="is the adapter plugged in"):
        await heard.until(b"two.")
    await wire.plug()
    await heard.said(wire, b"two.")
    assert heard.openings == 2
    heard.listener.close()
