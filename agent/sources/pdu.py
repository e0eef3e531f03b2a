"""What a Modbus master says and hears: function code and data, without the frame that a carrier puts around them. Pure.

After "MODBUS Application Protocol Specification V1.1b3" of the Modbus Organization, sections 6 and 7.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

READ_BITS: Final = (1, 2)
READ_WORDS: Final = (3, 4)
WRITE_ONE: Final = 6
WRITE_MANY: Final = 16
IDENTIFY: Final = 43
_REFUSAL: Final = 0x80
_WRITES: Final = (5, WRITE_ONE, 15, WRITE_MANY)
_BASIC: Final = bytes((14, 1, 0))  # read device identification: all basic objects, from the first one
_OBJECTS_FROM: Final = 7


class BadAnswer(Exception):  # never leaves this part
    """What came cannot be the answer, or a request cannot be asked here."""


class Request(msgspec.Struct, frozen=True):
    """To a unit; `data` is what follows the function code."""

    unit: int
    function: int
    data: bytes

    @property
    def body(self) -> bytes:
        """Function code and data."""
        return bytes((self.function,)) + self.data


class Reply(msgspec.Struct, frozen=True):
    """Of a unit. `values` are words, or bits in whole bytes; what a write repeats is not kept.

    `refused` is the code of a Modbus exception. `objects` are what function 43 tells, by their number.
    """

    function: int
    values: Sequence[int] = ()
    refused: int | None = None
    objects: Mapping[int, bytes] = {}


def read(unit: int, function: int, address: int, count: int) -> Request:
    """Bits (functions 1 and 2) or words (3 and 4)."""
    return Request(unit, function, struct.pack(">HH", address, count))


def write_word(unit: int, address: int, value: int) -> Request:
    """One word, function 6."""
    return Request(unit, WRITE_ONE, struct.pack(">HH", address, value))


def write_words(unit: int, address: int, values: Sequence[int]) -> Request:
    """Several words, function 16."""
    count = len(values)
    return Request(unit, WRITE_MANY, struct.pack(f">HHB{count}H", address, count, 2 * count, *values))


def identify(unit: int) -> Request:
    """Function 43/14: maker, product code, version."""
    return Request(unit, IDENTIFY, _BASIC)


def decode(body: bytes) -> Reply:
    """The answer in function code and data. Raises `BadAnswer` for what is none to any request of these."""
    function = body[0] if body else 0
    try:
        if function & _REFUSAL:
            return Reply(function, refused=body[1])
        if function in READ_WORDS:
            return Reply(function, struct.unpack_from(f">{body[1] // 2}H", body, 2))
        if function in READ_BITS:
            return Reply(function, _bits(body[2 : 2 + body[1]], body[1]))
        if function == IDENTIFY:
            return Reply(function, objects=_objects(body))
    except (IndexError, struct.error) as error:
        raise BadAnswer("the answer is cut short") from error
    if function in _WRITES:
        return Reply(function)
    raise BadAnswer("the answer cannot be understood")


def _bits(data: bytes, size: int) -> tuple[int, ...]:
    """The lowest bit of the first byte is the first."""
    if len(data) < size:
        raise IndexError(size)
    return tuple(byte >> place & 1 for byte in data for place in range(8))


def _objects(body: bytes) -> dict[int, bytes]:
    """Each is a number, a length and so many bytes; the first of a number counts."""
    told: dict[int, bytes] = {}
    at = _OBJECTS_FROM
    for _ in range(body[at - 1]):
        number, size = body[at], body[at + 1]
        value = body[at + 2 : at + 2 + size]
        if len(value) < size:
            raise IndexError(at)
        told.setdefault(number, value)
        at += 2 + size
    return told
