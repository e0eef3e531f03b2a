"""What a device answers to one request, from one consistent image: functions 1 to 4 and nothing else.

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


def exception_pdu(function: int, code: int) -> bytes:
    """An answer that refuses."""
    return bytes([function | 0x80, code])
