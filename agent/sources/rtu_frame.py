"""Modbus RTU frames: the answer to one request, found among whatever else is on the line. Pure."""

import struct
from dataclasses import dataclass
from typing import Final

from agent.sources.checksums import crc16

_BITS: Final = (1, 2)
_WORDS: Final = (3, 4)
_IDENTIFY: Final = 43
_WRITES: Final = (5, 6, 15, 16)
_EXCEPTION_SIZE: Final = 5
_NOISE: Final = 4
READS: Final = (*_BITS, *_WORDS, _IDENTIFY)
"""Functions that change nothing, so that they may be asked again."""
KNOWN: Final = (*READS, *_WRITES)
"""Functions whose answers have a known form."""
SAME: Final = (5, 6)
"""Functions whose answer is the request once more, as an echo is."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the answer to a request must look like; `size` is its length where the request tells it, else 0.

    `echo` says that the request comes back before its answer, where that cannot be seen: the answer looks the same.
    """

    request: bytes
    unit: int
    function: int
    size: int
    echo: bool = False


def frame_of(unit: int, body: bytes) -> bytes:
    """A whole frame of a function code and its data."""
    frame = bytes([unit]) + body
    return frame + struct.pack("<H", crc16(frame, 0xFFFF))


def wanted_of(request: bytes, *, echo: bool = False) -> Wanted:
    """What answers this whole request frame."""
    unit, function = request[0], request[1]
    size = 0
    if function in _BITS:
        size = 5 + (int.from_bytes(request[4:6], "big") + 7) // 8
    elif function in _WORDS:
        size = 5 + 2 * int.from_bytes(request[4:6], "big")
    elif function in _WRITES:
        size = 8
    return Wanted(request, unit, function, size, echo)


def has_echo(data: bytes, wanted: Wanted) -> bool:
    """Whether the request came back."""
    return wanted.request in data


def resembles_answer(data: bytes, wanted: Wanted, alone: bool = False) -> bool:
    """Whether this is an answer that came damaged.

    It begins as one of this unit to this function, with a little noise before it at most; or it has the length of one,
    and nobody else can have sent it (`alone`).
    """
    data = _without_echo(data, wanted)
    if len(data) < _EXCEPTION_SIZE:
        return False
    heads = [bytes([wanted.unit, wanted.function]), bytes([wanted.unit, wanted.function | 0x80])]
    if any(data.startswith(head, at) for head in heads for at in range(_NOISE)):
        return True
    return alone and wanted.size > 0 and len(data) >= wanted.size - 1


def has_more(data: bytes, wanted: Wanted) -> bool:
    """Whether something stands behind the answer: a byte too many in it shifts the rest out at its end."""
    found = _find(_without_echo(data, wanted), wanted)
    return found is not None and found[1] < len(_without_echo(data, wanted))


def take_answer(data: bytes, wanted: Wanted) -> bytes | None:
    """The body (function code and data) of the answer, or None if it is not there yet.

    Only a frame of this unit, this function and the length that was asked for is taken, at whatever place its checksum
    holds: noise, an earlier request's answer, another station's and the request's own echo are passed over.
    """
    data = _without_echo(data, wanted)
    found = _find(data, wanted)
    return None if found is None else data[found[0] + 1 : found[1] - 2]


def _find(data: bytes, wanted: Wanted) -> tuple[int, int] | None:
    """Where the frame of the answer begins and ends."""
    at = data.find(wanted.unit)
    while 0 <= at <= len(data) - _EXCEPTION_SIZE:
        size = _size(data, at, wanted)
        end = at + size
        if size and end <= len(data) and crc16(data[at : end - 2], 0xFFFF) == data[end - 2] | data[end - 1] << 8:
            return at, end
        at = data.find(wanted.unit, at + 1)
    return None


def _without_echo(data: bytes, wanted: Wanted) -> bytes:
    if wanted.function in SAME and not wanted.echo:
        return data
    at = data.find(wanted.request)
    return data if at < 0 else data[at + len(wanted.request) :]


def _size(data: bytes, at: int, wanted: Wanted) -> int:
    """The length that a frame beginning here would have; 0 if none can."""
    function = data[at + 1]
    if function == wanted.function | 0x80:
        return _EXCEPTION_SIZE
    if function != wanted.function:
        return 0
    if function in _WRITES:
        # It repeats what was to be written, or where and how much.
        return wanted.size if data[at + 2 : at + 6] == wanted.request[2:6] else 0
    if function in _BITS or function in _WORDS:
        return wanted.size if data[at + 2] == wanted.size - 5 else 0
    return _identify_size(data, at) if function == _IDENTIFY else 0


def _identify_size(data: bytes, at: int) -> int:
    """Device identification: a count of objects, each with its own length."""
    if len(data) < at + 8:
        return 0
    place = at + 8
    for _ in range(data[at + 7]):
        if len(data) < place + 2:
            return 0
        place += 2 + data[place + 1]
    return place + 2 - at
