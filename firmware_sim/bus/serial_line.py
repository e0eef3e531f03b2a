"""An RS-485 line as a pty pair: a reader opens its name as a serial port, the simulator sits at the other end.

A pty passes bytes at once and knows no parity, so the line is a model of its own: every character takes its time in
both directions, the silence of 3.5 characters stands before an answer, and a reader whose settings differ from the
line's hears nothing, or garbage. (Modbus over Serial Line 1.02, 2.5.1.)
"""

import asyncio
import contextlib
import errno
import os
import termios
import tty
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from firmware_sim.bus.bus import Bus, Link
from firmware_sim.bus.faults import BusCode
from firmware_sim.bus.frames import Piece, rtu_pieces
from firmware_sim.bus.framing import Request, RtuParser
from firmware_sim.bus.settings import BAUDS, SerialSettings

LOOK_EVERY_S: Final = 0.05
PAUSE_S: Final = 0.03
SLICE_S: Final = 0.005
MAKER: Final = "usb-Emberwatt_Simulated_RS485"


@dataclass(frozen=True, slots=True)
class Adapter:
    """A USB adapter that is plugged in: both ends of its pty, and its name among the ttys."""

    here: int
    there: int
    tty: Path


class SerialLine:
    """Devices on one line, told apart by their unit ids. Opened with `async with`.

    `tty` is the present name, `by_id` the one that stays when the adapter comes back under another. `reader` are the
    settings that the reader has; None takes its baud from the pty, which keeps that but no parity.
    """

    def __init__(self, devices: Sequence[Bus], settings: SerialSettings, folder: Path, serial: str = "SIM0001") -> None:
        self.settings = settings
        self.reader: SerialSettings | None = None
        self.by_id = folder / "by-id" / f"{MAKER}_{serial}-if00-port0"
        self._devices = tuple(devices)
        self._folder = folder
        self._number = 0
        self._adapter: Adapter | None = None
        self._away_s = 0.0
        self._parser = RtuParser()
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._late: set[asyncio.Task[None]] = set()

    @property
    def tty(self) -> Path:
        """The name under which the adapter is, or was last, to be opened."""
        return self._folder / f"ttyUSB{max(0, self._number - 1)}"

    async def __aenter__(self) -> Self:
        self._plug_in()
        self._tasks = [
            asyncio.create_task(self._talk(), name="serial line"),
            asyncio.create_task(self._keep_adapter(), name="adapter"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [*self._tasks, *self._late]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pull_out()

    def vanish(self, seconds: float) -> None:
        """Pulls the adapter out; it comes back under another name after so many seconds."""
        self._pull_out()
        self._away_s = asyncio.get_running_loop().time() + seconds

    def _plug_in(self) -> None:
        here, there = os.openpty()
        tty.setraw(there)
        os.set_blocking(here, False)
        _set_baud(there, self.settings.baud)
        name = self._folder / f"ttyUSB{self._number}"
        self._number += 1
        self.by_id.parent.mkdir(parents=True, exist_ok=True)
        for link, target in ((name, os.ttyname(there)), (self.by_id, f"../{name.name}")):
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        self._adapter = Adapter(here, there, name)
        asyncio.get_running_loop().add_reader(here, self._read)

    def _pull_out(self) -> None:
        adapter, self._adapter = self._adapter, None
        if adapter is None:
            return
        asyncio.get_running_loop().remove_reader(adapter.here)
        self.by_id.unlink(missing_ok=True)
        adapter.tty.unlink(missing_ok=True)
        os.close(adapter.there)
        os.close(adapter.here)

    async def _keep_adapter(self) -> None:
        """Takes the adapter away while it is to be gone, and brings it back afterwards."""
        while True:
            gone = any(bus.book.holding(BusCode.VANISH, bus.device.now_ms()) for bus in self._devices)
            if gone:
                self._pull_out()
            elif self._adapter is None and asyncio.get_running_loop().time() >= self._away_s:
                self._plug_in()
            await asyncio.sleep(LOOK_EVERY_S)

    def _read(self) -> None:
        adapter = self._adapter
        if adapter is None:
            return
        try:
            self._arrived.put_nowait(os.read(adapter.here, 512))
        except OSError as error:
            # EIO: nobody holds the other end at this moment.
            if error.errno not in {errno.EIO, errno.EAGAIN}:
                raise

    async def _talk(self) -> None:
        link = [bus.link() for bus in self._devices]
        while True:
            for request in await self._requests():
                await self._serve(request, link)

    async def _requests(self) -> list[Request]:
        """The next requests, when their last character is over."""
        try:
            data = await asyncio.wait_for(self._arrived.get(), PAUSE_S if self._parser.waiting else None)
        except TimeoutError:
            paused = self._parser.pause()
            return [] if paused is None else [paused]
        settings = self._readers()
        await asyncio.sleep(settings.seconds(len(data)))
        if settings != self.settings:
            await self._misunderstand(len(data), settings)
            return []
        return self._parser.feed(data)

    def _readers(self) -> SerialSettings:
        """The settings that the reader has."""
        adapter = self._adapter
        if self.reader is not None or adapter is None:
            return self.reader or self.settings
        return self.settings.with_baud(_baud(adapter.here) or self.settings.baud)

    async def _misunderstand(self, count: int, reader: SerialSettings) -> None:
        """What a reader with other settings hears: mostly nothing, sometimes characters that were never sent."""
        dice = self._devices[0].book.dice
        if dice.random() < 0.5:
            garbage = bytes(dice.randrange(256) for _ in range(max(1, round(count * reader.baud / self.settings.baud))))
            await self._write([Piece(garbage)])

    async def _serve(self, request: Request, links: list[Link]) -> None:
        for bus, link in zip(self._devices, links, strict=True):
            if not bus.knows(request.unit_id):
                continue
            reply = bus.exchange(request, link)
            pieces = rtu_pieces(request, reply, bus.book.dice)
            if reply.after_s <= 0.0:
                await self._later(0.0, pieces)
                return
            # Who takes long keeps nobody else from speaking.
            task = asyncio.create_task(self._later(reply.after_s, pieces), name="late answer")
            self._late.add(task)
            task.add_done_callback(self._late.discard)
            return

    async def _later(self, after_s: float, pieces: list[Piece]) -> None:
        if pieces:
            await asyncio.sleep(after_s + self.settings.silence_s)
            await self._write(pieces)

    async def _write(self, pieces: list[Piece]) -> None:
        """Sends characters at the line's own pace."""
        per_slice = max(1, int(SLICE_S / self.settings.seconds(1)))
        for piece in pieces:
            await asyncio.sleep(piece.after_s)
            for start in range(0, len(piece.data), per_slice):
                part = piece.data[start : start + per_slice]
                await asyncio.sleep(self.settings.seconds(len(part)))
                adapter = self._adapter
                if adapter is None:
                    return
                # Nobody reads: the characters are lost, as on a wire.
                with contextlib.suppress(BlockingIOError):
                    os.write(adapter.here, part)


def _baud(descriptor: int) -> int | None:
    """The baud that was set at the other end of a pty."""
    speed = termios.tcgetattr(descriptor)[5]
    return next((baud for baud, code in BAUDS.items() if code == speed), None)


def _set_baud(descriptor: int, baud: int) -> None:
    settings = termios.tcgetattr(descriptor)
    settings[4] = settings[5] = BAUDS[baud]
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)
