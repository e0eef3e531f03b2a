"""Whole numbers in few bytes: their low bytes and what is above them, apart, so that each compresses by its own kind.

A value is taken as zigzag (0, -1, 1, -2 … become 0, 1, 2, 3 …). Its low 8 bits go to the first string, the rest as a
varint to the second, which for slow signals is nearly all zeros.
"""

from collections.abc import Iterable, Iterator

from agent.domain.errors import BadMessage

_MAX_VARINT_BITS = 70


def pack(values: Iterable[int]) -> tuple[bytes, bytes]:
    """`(low, high)` of the values, in their order.

    >>> pack([0, -1, 1, 300])
    (b'\\x00\\x01\\x02X', b'\\x00\\x00\\x00\\x02')
    """
    low, high = bytearray(), bytearray()
    for value in values:
        zigzag = 2 * value if value >= 0 else -2 * value - 1
        low.append(zigzag & 0xFF)
        zigzag >>= 8
        while zigzag > 0x7F:
            high.append(zigzag & 0x7F | 0x80)
            zigzag >>= 7
        high.append(zigzag)
    return bytes(low), bytes(high)


def unpack(low: bytes, high: bytes) -> list[int]:
    """The values that `pack` took. Raises `BadMessage` when the two strings do not belong together."""
    tops: Iterable[int] = high if not high or max(high) < 0x80 else list(_varints(high))
    try:
        zigzags = [bottom | top << 8 for bottom, top in zip(low, tops, strict=True)]
    except ValueError as error:
        raise BadMessage(f"columns: {len(low)} low bytes do not fit what is above them") from error
    return [zigzag >> 1 ^ -(zigzag & 1) for zigzag in zigzags]


def _varints(data: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            yield value
            value = shift = 0
            continue
        shift += 7
        if shift > _MAX_VARINT_BITS:
            raise BadMessage("columns: a number of more than 70 bits")
    if shift:
        raise BadMessage("columns: the last number is cut off")
