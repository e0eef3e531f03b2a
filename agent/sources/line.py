"""A line: bytes to and from a device, over a serial port or through a network converter.

A `Port` is the way to open one and can be opened again and again; a `Line` is lost for good as soon as the adapter or
the connection is gone, and then closes itself at once.
"""

import asyncio
import contextlib
import errno
import os
import socket
import termios
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from agent.sources.serial_settings import LineLost, SerialSettings
from agent.sources.threads import in_thread

_CHUNK: Final = 4096
_KEEP: Final = 8192
_BY_ID: Final = Path("/dev/serial/by-id")


class Line(ABC):
    """An open line. What arrives goes to `on_data`, or waits for `receive` where there is none."""

    def __init__(self) -> None:
        self.is_open = True
        self.on_data: Callable[[bytes], None] | None = None
        self.on_lost: Callable[[], None] | None = None
        self._got = bytearray()
        self._news = asyncio.Event()
        self._reason = "the line is closed"

    async def receive(self) -> bytes:
        """What has arrived, at least one byte. Raises `LineLost`."""
        while not self._got:
            if not self.is_open:
                raise LineLost(self._reason)
            self._news.clear()
            await self._news.wait()
        data = bytes(self._got)
        self._got.clear()
        return data

    def clear(self) -> bool:
        """Forget what has arrived; whether there was anything."""
        had = bool(self._got)
        self._got.clear()
        return had

    def write(self, data: bytes) -> None:
        """Send. Raises `LineLost`."""
        if not self.is_open:
            raise LineLost(self._reason)
        try:
            self._send(data)
        except OSError as error:
            self._lose(f"cannot be written: {error.strerror or error}")
            raise LineLost(self._reason) from error

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._shut()
            self._news.set()

    @abstractmethod
    def _send(self, data: bytes) -> None: ...

    @abstractmethod
    def _shut(self) -> None: ...

    def _arrived(self, data: bytes) -> None:
        if self.on_data is not None:
            self.on_data(data)
            return
        self._got += data
        # Nobody has asked for so much: a device that never stops must not fill the memory.
        del self._got[:-_KEEP]
        self._news.set()

    def _lose(self, reason: str) -> None:
        self._reason = reason
        self.close()
        if self.on_lost is not None:
            self.on_lost()


class Port(Protocol):
    """The way to a line."""

    @property
    def char_s(self) -> float:
        """Seconds that one character takes on the wire; 0 where it is not known."""
        ...

    async def open(self, timeout_s: float) -> Line:
        """A new line. Raises `LineLost`."""
        ...


class SerialPort:
    """A serial port of this machine. Once opened it is found again by the adapter's own name in `by_id`."""

    def __init__(self, settings: SerialSettings, *, by_id: Path = _BY_ID) -> None:
        self._settings = settings
        self._by_id = by_id
        self._name: str | None = None

    def __str__(self) -> str:
        return self._settings.path

    @property
    def char_s(self) -> float:
        return self._settings.char_s

    async def open(self, timeout_s: float) -> Line:
        # In a thread: with a hung adapter even opening can take seconds.
        opening = in_thread(self._open, f"open {self}")
        try:
            async with asyncio.timeout(timeout_s):
                device = await asyncio.shield(opening)
        except OSError as error:
            # A time-out is an OSError too.
            opening.add_done_callback(_discard)
            raise LineLost(f"{self}: {_why(error)}") from error
        except asyncio.CancelledError:
            opening.add_done_callback(_discard)
            raise
        return _SerialLine(device)

    def _open(self) -> Any:
        import serial  # not where there is no serial line

        settings = self._settings
        path = self._name or settings.path
        try:
            device = serial.Serial(
                path,
                baudrate=settings.baud,
                bytesize=settings.bits,
                parity=settings.parity,
                stopbits=settings.stop_bits,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except (termios.error, ValueError) as error:
            # Neither is an OSError.
            raise OSError(errno.EINVAL, f"does not know {settings}: {error}") from error
        if settings.parity != "N":
            _check_parity(device.fileno())
        self._name = self._name or stable_name(path, self._by_id)
        return device


@dataclass(frozen=True, slots=True)
class TcpPort:
    """A converter on the network that hands bytes through as they are; `char_s` is of the wire behind it."""

    host: str
    port: int
    char_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    async def open(self, timeout_s: float) -> Line:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout_s):
                _, protocol = await loop.create_connection(_Feed, self.host, self.port)
        except OSError as error:
            raise LineLost(f"{self}: {_why(error)}") from error
        return protocol.line


def stable_name(path: str, by_id: Path = _BY_ID) -> str | None:
    """The name under which this adapter can be found again, or None if it has none."""
    try:
        # Two adapters without a serial number share a name, the link then leads to one of them only.
        return next((str(link) for link in sorted(by_id.iterdir()) if link.samefile(path)), None)
    except OSError:
        return None


class _SerialLine(Line):
    def __init__(self, device: Any) -> None:
        super().__init__()
        self._device = device
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(device.fileno(), self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._device.fileno(), _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(f"the adapter is gone: {error.strerror}")
            return
        if data:
            self._arrived(data)
        else:
            self._lose("the adapter is gone")

    def _send(self, data: bytes) -> None:
        # A request is far shorter than the driver's buffer: where it does not fit, nothing is being sent any more.
        if os.write(self._device.fileno(), data) != len(data):
            raise OSError(errno.EIO, "the adapter takes no more bytes")

    def _shut(self) -> None:
        self._loop.remove_reader(self._device.fileno())
        # The adapter may be gone already.
        with contextlib.suppress(OSError):
            self._device.close()


class _TcpLine(Line):
    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport

    def arrived(self, data: bytes) -> None:
        self._arrived(data)

    def lost(self, error: Exception | None) -> None:
        if self.is_open:
            self._lose("the connection was closed" if error is None else f"lost the connection: {error}")

    def _send(self, data: bytes) -> None:
        self._transport.write(data)

    def _shut(self) -> None:
        self._transport.abort()


class _Feed(asyncio.Protocol):
    line: _TcpLine

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        # A converter that loses its power says nothing: only this ends the connection to one that is only listened to.
        peer: socket.socket = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3)):
            peer.setsockopt(socket.IPPROTO_TCP, option, value)
        self.line = _TcpLine(transport)

    def data_received(self, data: bytes) -> None:
        self.line.arrived(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.line.lost(exc)


def _check_parity(handle: int) -> None:
    """A character whose parity is wrong is read as zero, for a checksum to find; by default it is handed on."""
    with contextlib.suppress(termios.error):
        modes = termios.tcgetattr(handle)
        modes[0] |= termios.INPCK
        termios.tcsetattr(handle, termios.TCSANOW, modes)


def _discard(opening: "asyncio.Future[Any]") -> None:
    """Nobody waits for it any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "cannot be opened in time"
    reasons = {
        errno.ENOENT: "there is no such port; is the adapter plugged in?",
        errno.ENODEV: "there is no such port; is the adapter plugged in?",
        errno.ENXIO: "there is no such port; is the adapter plugged in?",
        errno.EACCES: "may not be opened; is the user in the group dialout?",
        errno.EBUSY: "is in use by another program",
        errno.EAGAIN: "is in use by another program",
        errno.EIO: "does not work; is the adapter still plugged in?",
    }
    return reasons.get(error.errno or 0, error.strerror or str(error))
