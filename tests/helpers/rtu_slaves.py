"""Modbus RTU slaves on one wire, with the same store and switches as the TCP slave."""

import asyncio
import struct
from random import Random

from tests.helpers.modbus_server import ModbusServer
from tests.helpers.serial_line import TcpWire, Wire


def crc(data: bytes) -> bytes:
    """Bit by bit, as the specification tells it."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


def framed(unit: int, body: bytes) -> bytes:
    frame = bytes([unit]) + body
    return frame + crc(frame)


class RtuSlaves(ModbusServer):
    """Answers for every unit that has something in the store, but for `dead` ones.

    late_s, noise: by unit, how late its answers come, and the share of them in which up to three bits are turned. Which
    of a unit's answers those are does not depend on how often others are asked.
    """

    def __init__(self, wire: Wire | TcpWire) -> None:
        super().__init__()
        self.wire = wire
        self.dead: set[int] = set()
        self.late_s: dict[int, float] = {}
        self.noise: dict[int, float] = {}
        self._random: dict[int, Random] = {}
        self.bad_requests = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = bytearray()
        wire.device = self.hear

    async def start(self) -> None:
        self.wire.device = self.hear

    async def stop(self) -> None:
        self.wire.device = lambda _: None

    def hear(self, data: bytes) -> None:
        self._heard += data
        while len(self._heard) >= (size := 7 if self._heard[1:2] == b"\x2b" else 8):
            frame = bytes(self._heard[:size])
            if crc(frame[:-2]) != frame[-2:]:
                self.bad_requests += 1
                self._heard.clear()
                return
            del self._heard[:size]
            task = asyncio.create_task(self._reply(frame))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _reply(self, frame: bytes) -> None:
        unit, function = frame[0], frame[1]
        address, count = struct.unpack(">HH", frame[2:6]) if len(frame) == 8 else (0, 0)
        self.requests.append((unit, function, address, count))
        self.on_request()
        if self.faults.silent or unit in self.dead or not any(key[0] == unit for key in self.store):
            return
        payload = self.faults.payload or self._payload(unit, function, address, count)
        await asyncio.sleep(self.late_s.get(unit, self.faults.delay_s))
        self.wire.send(self._disturbed(unit, framed(unit, payload)))

    def _disturbed(self, unit: int, frame: bytes) -> bytes:
        random = self._random.setdefault(unit, Random(unit))
        if random.random() >= self.noise.get(unit, 0.0):
            return frame
        turned = bytearray(frame)
        for at in random.sample(range(8 * len(frame)), random.randrange(1, 4)):
            turned[at // 8] ^= 1 << at % 8
        return bytes(turned)
