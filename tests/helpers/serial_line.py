"""A serial line of its own: a pty pair with the time, the noise and the accidents of a wire.

A pty hands bytes over at once and knows neither baud nor parity: what a wire does to them is done here.
"""

import asyncio
import os
import pty
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

BITS_PER_CHAR = 11


@dataclass
class WireFaults:
    """What happens to the device's bytes on their way, from the next ones on."""

    flip: float = 0.0
    """Share of the messages in which one bit is turned."""
    echo: bool = False
    """The adapter hands back what it sends, before anything else."""
    chunk: int = 0
    """Bytes are handed over in pieces of this many …"""
    chunk_gap_s: float = 0.0
    """… so far apart."""
    before: bytes = b""
    behind: bytes = b""
    drop: int = 0
    """Bytes that are missing at the end of a message."""
    cut: bool = False
    """Nothing passes in either direction."""


class Wire:
    """`path` is the adapter's own name, like one in /dev/serial/by-id; `device` hears what is sent to it."""

    def __init__(self, folder: Path, *, baud: int = 0, seed: int = 1) -> None:
        self.path = folder / "usb-adapter-0001"
        self.faults = WireFaults()
        self.heard = bytearray()
        self.device: Callable[[bytes], None] = lambda _: None
        self._char_s = BITS_PER_CHAR / baud if baud else 0.0
        self._random = Random(seed)
        self._master = -1
        self._slave = -1
        self._sending: asyncio.Queue[bytes] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    @property
    def plugged(self) -> bool:
        return self._task is not None

    @property
    def tty(self) -> str:
        """The name of the moment, like /dev/ttyUSB0."""
        return os.ttyname(self._slave)

    async def __aenter__(self) -> "Wire":
        await self.plug()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.unplug()

    async def plug(self) -> None:
        """The adapter appears, under a name that the kernel chooses."""
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(self.tty)
        asyncio.get_running_loop().add_reader(self._master, self._from_master)
        self._sending = asyncio.Queue()
        self._task = asyncio.create_task(self._carry(self._master))

    async def unplug(self) -> None:
        """The adapter is pulled."""
        if self._task is None:
            return
        self._task.cancel()
        self._task = None
        asyncio.get_running_loop().remove_reader(self._master)
        self.path.unlink()
        os.close(self._slave)
        os.close(self._master)

    def send(self, message: bytes) -> None:
        """What the device says."""
        faults = self.faults
        if faults.flip and self._random.random() < faults.flip:
            at = self._random.randrange(8 * len(message))
            turned = bytearray(message)
            turned[at // 8] ^= 1 << at % 8
            message = bytes(turned)
        if faults.drop:
            message = message[: -faults.drop]
        self._sending.put_nowait(faults.before + message + faults.behind)

    def _from_master(self) -> None:
        data = os.read(self._master, 4096)
        self.heard += data
        if self.faults.cut:
            return
        if self.faults.echo:
            self._sending.put_nowait(data)
        asyncio.get_running_loop().call_later(len(data) * self._char_s, self.device, data)

    async def _carry(self, master: int) -> None:
        while True:
            message = await self._sending.get()
            size = self.faults.chunk or len(message) or 1
            for at in range(0, len(message), size):
                piece = message[at : at + size]
                await asyncio.sleep(len(piece) * self._char_s)
                if not self.faults.cut:
                    await _write(master, piece)
                if self.faults.chunk_gap_s:
                    await asyncio.sleep(self.faults.chunk_gap_s)


async def _write(master: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(master, data) :]
        except BlockingIOError:
            # Nobody reads at the moment, and the kernel keeps only so much.
            await asyncio.sleep(0.001)


class TcpWire:
    """A converter on the network that hands bytes through."""

    def __init__(self) -> None:
        self.port = 0
        self.faults = WireFaults()
        self.device: Callable[[bytes], None] = lambda _: None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "TcpWire":
        await self.plug()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.unplug()

    async def plug(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def unplug(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    def send(self, message: bytes) -> None:
        """To whoever is connected, as such converters do."""
        for writer in self._writers:
            writer.write(message)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while data := await reader.read(4096):
                if not self.faults.cut:
                    self.device(data)
        except ConnectionError:
            return
        finally:
            self._writers.discard(writer)
            writer.close()
