"""Devices that talk unasked, and what they say: built from their specifications, not from the parsers."""

import asyncio
from collections.abc import Callable, Mapping

from tests.helpers.serial_line import Wire


def vedirect_block(fields: Mapping[str, str]) -> bytes:
    """A VE.Direct text block with the checksum that makes its bytes a multiple of 256."""
    body = b"".join(b"\r\n" + label.encode() + b"\t" + value.encode() for label, value in fields.items())
    body += b"\r\nChecksum\t"
    return body + bytes([-sum(body) % 256])


SOLAR_CHARGER = {
    "PID": "0xA042",
    "FW": "150",
    "SER#": "HQ0000TEST1",
    "V": "13370",
    "I": "5420",
    "VPV": "16160",
    "PPV": "74",
    "CS": "3",
    "ERR": "0",
    "H19": "614",
}

MONITOR = {
    "PID": "0xA381",
    "V": "13043",
    "T": "23",
    "I": "-3856",
    "P": "-50",
    "SOC": "876",
    "TTG": "-1",
    "Alarm": "OFF",
    "BMV": "712 Smart",
    "FW": "0403",
}
MONITOR_HISTORY = {"H1": "-161154", "H17": "1224", "H18": "1145"}


def arc_crc(data: bytes) -> int:
    """CRC-16/ARC bit by bit."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value


def p1_telegram(lines: Mapping[str, str], *, header: str = r"ISk5\2MT382-1000", checksum: bool = True) -> bytes:
    body = f"/{header}\r\n\r\n" + "".join(f"{code}({value})\r\n" for code, value in lines.items()) + "!"
    tail = f"{arc_crc(body.encode()):04X}" if checksum else ""
    return (body + tail + "\r\n").encode()


GRID_METER = {
    "1-3:0.2.8": "50",
    "0-0:1.0.0": "170102192002W",
    "0-0:96.1.1": b"E0043007".hex().upper(),
    "1-0:1.8.1": "000004.426*kWh",
    "1-0:1.8.2": "000002.399*kWh",
    "1-0:2.8.1": "000002.444*kWh",
    "1-0:2.8.2": "000000.000*kWh",
    "1-0:1.7.0": "00.244*kW",
    "1-0:2.7.0": "00.000*kW",
}


class Talker:
    """Says the next of its messages in turn, over and over, while it is not `silent`."""

    def __init__(self, wire: Wire, messages: Callable[[], list[bytes]], *, period_s: float = 0.03) -> None:
        self.silent = False
        self.messages = messages
        self._wire = wire
        self._period_s = period_s
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Talker":
        self._task = asyncio.create_task(self._talk())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        self._task.cancel()

    async def _talk(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(self._period_s)
            if not self.silent and self._wire.plugged:
                messages = self.messages()
                self._wire.send(messages[turn % len(messages)])
                turn += 1


def mbus_frame(control: int, address: int, data: bytes) -> bytes:
    """A long frame, its data beginning with the CI field."""
    body = bytes([control, address]) + data
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) % 256, 0x16])


def mbus_head(serial: str = "12345678", maker: bytes = b"\x2d\x2c", medium: int = 4) -> bytes:
    """CI 72 and the fixed head: number, maker, version, medium, access number, status, configuration."""
    return b"\x72" + bytes.fromhex(serial)[::-1] + maker + bytes([1, medium, 7, 0, 0, 0])


def digits(number: int, size: int) -> bytes:
    """So many bytes of two digits each, the lowest first."""
    return bytes.fromhex(f"{number:0{2 * size}d}")[::-1]


class MbusMeters:
    """Meters on one wire: primary address → its telegrams' data (behind the head). Knows count bits and selection.

    Behind the last telegram it stays at that one until it is put at its beginning.
    """

    def __init__(self, wire: Wire, serials: Mapping[int, str], telegrams: Mapping[int, list[bytes]]) -> None:
        self.wire = wire
        self.serials = dict(serials)
        self.telegrams = dict(telegrams)
        self.silent = False
        self.acknowledges = True
        self.delay_s = 0.0
        self.requests: list[bytes] = []
        self._selected: int | None = None
        self._turn: dict[int, tuple[int, int]] = {}
        self._heard = bytearray()
        wire.device = self.hear

    def hear(self, data: bytes) -> None:
        self._heard += data
        while self._heard:
            size = 5 if self._heard[0] == 0x10 else (self._heard[1] + 6 if len(self._heard) > 1 else 6)
            if len(self._heard) < size:
                return
            frame = bytes(self._heard[:size])
            del self._heard[:size]
            self.requests.append(frame)
            if not self.silent:
                asyncio.get_running_loop().call_later(self.delay_s, self._answer, frame)

    def _answer(self, frame: bytes) -> None:
        if frame[0] == 0x68:
            serial = frame[7:11][::-1].hex()
            self._selected = next((at for at, number in self.serials.items() if number == serial), None)
            if self._selected is not None:
                self._turn.pop(self._selected, None)
                self.wire.send(b"\xe5")
            return
        control, address = frame[1], frame[2]
        meter = self._selected if address == 0xFD else address
        if meter not in self.serials:
            return
        if control == 0x40:
            self._turn.pop(meter, None)
            if self.acknowledges:
                self.wire.send(b"\xe5")
            return
        bit, turn = self._turn.get(meter, (-1, -1))
        if control & 0x20 != bit:
            turn += 1
        self._turn[meter] = control & 0x20, turn
        telegrams = self.telegrams[meter]
        self.wire.send(
            mbus_frame(0x08, meter, mbus_head(self.serials[meter]) + telegrams[min(turn, len(telegrams) - 1)])
        )


def w1_crc(data: bytes) -> int:
    """CRC-8 of 1-Wire bit by bit."""
    value = 0
    for byte in data:
        for bit in range(8):
            mix = (value ^ byte >> bit) & 1
            value = value >> 1 ^ (0x8C if mix else 0)
    return value


def w1_slave(celsius: float, *, right: bool = True, spare: int = 0x0E) -> str:
    """The file that the kernel shows of a DS18B20; `spare` is byte 6 of the scratchpad."""
    raw = round(celsius * 16) & 0xFFFF
    pad = bytes([raw & 0xFF, raw >> 8, 0x4B, 0x46, 0x7F, 0xFF, spare, 0x10])
    pad += bytes([w1_crc(pad)])
    hexed = pad.hex(" ")
    said = "YES" if right else "NO"
    return f"{hexed} : crc={pad[8]:02x} {said}\n{hexed} t={round(celsius * 1000)}\n"
