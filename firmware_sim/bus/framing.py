"""Modbus frames: RTU with its CRC, and the header of Modbus TCP.

(Modbus over Serial Line 1.02; Modbus Messaging on TCP/IP 1.0b.)
"""

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_HEADER: Final = struct.Struct(">HHHB")
HEADER_BYTES: Final = _HEADER.size
LONGEST_PDU: Final = 253
_FIXED_REQUESTS: Final = frozenset({1, 2, 3, 4, 5, 6})
_COUNTED_REQUESTS: Final = frozenset({15, 16})


class Framing(StrEnum):
    """How frames travel over TCP."""

    MBAP = "mbap"
    RTU = "rtu-over-tcp"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `transaction` is 0 where the framing has none."""

    unit_id: int
    pdu: bytes
    transaction: int = 0


def crc16(data: bytes) -> int:
    """CRC-16 of Modbus, polynomial 0xA001 from the low end.

    >>> hex(crc16(bytes.fromhex("010300000001")))
    '0xa84'
    """
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def rtu_frame(unit_id: int, pdu: bytes) -> bytes:
    """Unit, PDU, CRC with its low byte first."""
    body = bytes([unit_id]) + pdu
    return body + struct.pack("<H", crc16(body))


def mbap_frame(transaction: int, unit_id: int, pdu: bytes) -> bytes:
    """Header and PDU."""
    return _HEADER.pack(transaction, 0, len(pdu) + 1, unit_id) + pdu


def mbap_length(header: bytes) -> int | None:
    """How many bytes follow a header; None where it is not one of Modbus."""
    _, protocol, length, _ = _HEADER.unpack(header)
    return length - 1 if protocol == 0 and 2 <= length <= LONGEST_PDU + 1 else None


def mbap_request(header: bytes, pdu: bytes) -> Request:
    """A request from header and PDU."""
    transaction, _, _, unit_id = _HEADER.unpack(header)
    return Request(unit_id, pdu, transaction)


class RtuParser:
    """Finds RTU requests in a stream of bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def waiting(self) -> bool:
        """Whether bytes are there that make no request yet."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[Request]:
        """The requests that are complete with these bytes."""
        self._buffer += data
        found = []
        while (length := self._length()) is not None and len(self._buffer) >= length:
            frame = bytes(self._buffer[:length])
            if not _is_whole(frame):
                break
            del self._buffer[:length]
            found.append(Request(frame[0], frame[1:-2]))
        return found

    def pause(self) -> Request | None:
        """The line fell silent: what is there is a request of a length that only silence tells, or nothing."""
        frame = bytes(self._buffer)
        self._buffer.clear()
        return Request(frame[0], frame[1:-2]) if _is_whole(frame) else None

    def _length(self) -> int | None:
        if len(self._buffer) < 2:
            return None
        function = self._buffer[1]
        if function in _FIXED_REQUESTS:
            return 8
        if function in _COUNTED_REQUESTS and len(self._buffer) > 6:
            return 9 + self._buffer[6]
        return None


def _is_whole(frame: bytes) -> bool:
    return len(frame) >= 4 and struct.pack("<H", crc16(frame[:-2])) == frame[-2:]
