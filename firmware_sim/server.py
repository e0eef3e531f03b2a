"""A Modbus server over TCP on the standard library alone, so that it shares no code with the reader under test.

It speaks Modbus TCP, or RTU frames over TCP as a transparent RS-485 gateway passes them on. (Modbus Messaging on TCP/IP
1.0b; Modbus over Serial Line 1.02.)
"""

import asyncio
import contextlib
import errno
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from firmware_sim.answering import answer
from firmware_sim.bus.bus import Answer, Bus, Link, PlainDevice
from firmware_sim.bus.frames import Piece, mbap_pieces, rtu_pieces
from firmware_sim.bus.framing import HEADER_BYTES, Framing, Request, RtuParser, mbap_length, mbap_request
from firmware_sim.errors import PortInUse
from firmware_sim.failures import Silence
from firmware_sim.families.family import Clients
from firmware_sim.registers import Image

__all__ = ["ModbusServer", "answer"]

LOOK_EVERY_S: Final = 0.1
PAUSE_S: Final = 0.03


class ModbusServer:
    """Serves one device. `image` and `silence` are asked at each request and give what holds now.

    With a `bus` its device is served instead, with the faults of its line. Opened with `async with`; `port` 0 takes a
    free one, and `port` then tells which.
    """

    def __init__(
        self,
        host: str,
        port: int,
        image: Callable[[], Image],
        silence: Callable[[], Silence | None],
        bus: Bus | None = None,
        framing: Framing = Framing.MBAP,
    ) -> None:
        self._host = host
        self.port = port
        self.bus = bus or Bus(PlainDevice(image, silence))
        self._framing = framing
        self._listener: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self._clients: dict[asyncio.StreamWriter, tuple[asyncio.Task[object] | None, Link]] = {}
        self._late: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._listen()
        self._watch = asyncio.create_task(self._keep_watch(), name="silence")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in (self._watch, *self._late):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._deafen()

    async def _listen(self) -> None:
        try:
            self._listener = await asyncio.start_server(self._serve, self._host, self.port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(f"port {self.port} on {self._host} is in use; choose another --port or 0") from error
            raise PortInUse(f"cannot listen on {self._host}:{self.port}: {error.strerror or error}") from error
        self.port = int(self._listener.sockets[0].getsockname()[1])

    async def _deafen(self) -> None:
        """Closes the port and every connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        serving = [task for task, _ in self._clients.values() if task is not None]
        for writer in self._clients:
            writer.transport.abort()
        await asyncio.gather(*serving, return_exceptions=True)
        if listener is not None:
            await listener.wait_closed()

    async def _keep_watch(self) -> None:
        """Closes the port while the device is to refuse, and opens it again; ends connections that idle too long."""
        while True:
            refusing = self.bus.silence() is Silence.REFUSE
            if refusing and self._listener is not None:
                await self._deafen()
            elif not refusing and self._listener is None:
                # Somebody may hold the port for a moment; the next look tries again.
                with contextlib.suppress(PortInUse):
                    await self._listen()
            self._end_idle()
            await asyncio.sleep(LOOK_EVERY_S)

    def _end_idle(self) -> None:
        fault = self.bus.idle_fault()
        if fault is None:
            return
        for writer, (_, link) in self._clients.items():
            if self.bus.monotonic() - link.last_s < fault.seconds:
                continue
            if fault.form == "mute":
                link.muted = True
            else:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._welcome(writer):
            return
        link = self.bus.link()
        link.muted = bool(self._clients) and self.bus.clients() is Clients.MUTE_NEW
        self._clients[writer] = (asyncio.current_task(), link)
        try:
            if self._framing is Framing.MBAP:
                await self._serve_mbap(reader, writer, link)
            else:
                await self._serve_rtu(reader, writer, link)
        except (ConnectionError, TimeoutError):
            pass  # The client went away; there is nobody to tell.
        finally:
            del self._clients[writer]
            writer.close()

    def _welcome(self, writer: asyncio.StreamWriter) -> bool:
        """Whether a new client may stay beside those that are there, or instead of them."""
        policy = self.bus.clients() if self._clients else Clients.MANY
        if policy is Clients.REFUSE_NEW:
            writer.transport.abort()
            return False
        if policy is Clients.RESET_OLD:
            for old in self._clients:
                old.transport.abort()
        return True

    async def _serve_mbap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        while (request := await _read_request(reader)) is not None:
            if self.bus.silence() is Silence.REFUSE:
                break
            reply = self.bus.exchange(request, link)
            await self._deliver(writer, reply, mbap_pieces(request, reply, self.bus.book.dice))

    async def _serve_rtu(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        parser = RtuParser()
        while True:
            try:
                data = await asyncio.wait_for(reader.read(512), PAUSE_S if parser.waiting else None)
            except TimeoutError:
                paused = parser.pause()
                requests = [paused] if paused is not None else []
            else:
                if not data:
                    return
                requests = parser.feed(data)
            for request in requests:
                if self.bus.knows(request.unit_id):
                    reply = self.bus.exchange(request, link)
                    await self._deliver(writer, reply, rtu_pieces(request, reply, self.bus.book.dice))

    async def _deliver(self, writer: asyncio.StreamWriter, reply: Answer, pieces: list[Piece]) -> None:
        if reply.blocks:
            await _send(writer, reply.after_s, pieces)
            return
        task = asyncio.create_task(_send(writer, reply.after_s, pieces), name="late answer")
        self._late.add(task)
        task.add_done_callback(self._late.discard)


async def _send(writer: asyncio.StreamWriter, after_s: float, pieces: list[Piece]) -> None:
    if after_s:
        await asyncio.sleep(after_s)
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            if piece.after_s:
                await asyncio.sleep(piece.after_s)
            if writer.is_closing():
                return
            writer.write(piece.data)
            await writer.drain()


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request; None at the end of the stream or at bytes that are not Modbus."""
    try:
        header = await reader.readexactly(HEADER_BYTES)
        length = mbap_length(header)
        return None if length is None else mbap_request(header, await reader.readexactly(length))
    except asyncio.IncompleteReadError:
        return None
