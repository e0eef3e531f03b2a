"""What a device answers to one request, from one consistent image: functions 1 to 4, and 43 where it identifies itself.

Wrong function: exception 1; an address that is not there, also inside a longer read: 2; a length out of bounds: 3;
another unit id: 11, as a gateway says it. (Modbus Application Protocol 1.1b3.)
"""

import struct
from collections.abc import Mapping
from typing import Final

from firmware_sim.registers import COILS, DISCRETE_INPUTS, HOLDING, INPUT, Image

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
NO_TARGET: Final = 11
IDENTIFY: Final = 43
_MEI: Final = 14
_ONE_OBJECT: Final = 4
# Basic objects, as a stream and one by one (6.21 of the protocol).
_CONFORMITY: Final = 0x81
_BIT_TABLES: Final = frozenset({COILS, DISCRETE_INPUTS})
_READS: Final = frozenset({COILS, DISCRETE_INPUTS, HOLDING, INPUT})


def answer(image: Image, unit_id: int, pdu: bytes) -> bytes:
    """The answer to one request, without its header.

    >>> answer(Image({HOLDING: {0: 7}}), 1, bytes([3, 0, 0, 0, 1])).hex()
    '03020007'
    """
    function, device = pdu[0], image.of_unit(unit_id)
    if device is None:
        return exception_pdu(function, NO_TARGET)
    image = device
    if function == IDENTIFY and image.identity:
        return _identification(image.identity, pdu)
    if function not in _READS or function not in image.tables:
        return exception_pdu(function, ILLEGAL_FUNCTION)
    if len(pdu) != 5:
        return exception_pdu(function, ILLEGAL_VALUE)
    first, count = struct.unpack(">HH", pdu[1:])
    limit = image.max_bits if function in _BIT_TABLES else image.max_words
    if not 1 <= count <= limit:
        return exception_pdu(function, ILLEGAL_VALUE)
    table = image.tables[function]
    if image.block and first // image.block != (first + count - 1) // image.block:
        return exception_pdu(function, ILLEGAL_ADDRESS)
    if any(address not in table for address in range(first, first + count)):
        return exception_pdu(function, ILLEGAL_ADDRESS)
    data = _packed(function, table, first, count)
    return bytes([function, len(data)]) + data


def _packed(function: int, table: Mapping[int, int], first: int, count: int) -> bytes:
    if function not in _BIT_TABLES:
        return struct.pack(f">{count}H", *(table[address] for address in range(first, first + count)))
    packed = bytearray((count + 7) // 8)
    for place in range(count):
        packed[place // 8] |= table[first + place] << place % 8
    return bytes(packed)


def _identification(identity: Mapping[int, str], pdu: bytes) -> bytes:
    """Answers function 43 / 14: a stream of objects (1 to 3) or a single one (4)."""
    if len(pdu) != 4 or pdu[1] != _MEI or not 1 <= pdu[2] <= 4:
        return exception_pdu(IDENTIFY, ILLEGAL_VALUE)
    code, first = pdu[2], pdu[3]
    if code == _ONE_OBJECT and first not in identity:
        return exception_pdu(IDENTIFY, ILLEGAL_ADDRESS)
    numbers = [first] if code == _ONE_OBJECT else [number for number in sorted(identity) if number >= first]
    texts = [(number, identity[number].encode("ascii", "replace")) for number in numbers]
    objects = b"".join(bytes([number, len(text)]) + text for number, text in texts)
    return bytes([IDENTIFY, _MEI, code, _CONFORMITY, 0, 0, len(numbers)]) + objects


def exception_pdu(function: int, code: int) -> bytes:
    """An answer that refuses."""
    return bytes([function | 0x80, code])
