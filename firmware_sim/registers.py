"""What a device keeps in its Modbus tables, and how numbers become 16-bit words (big-endian, high word first)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

COILS: Final = 1
DISCRETE_INPUTS: Final = 2
HOLDING: Final = 3
INPUT: Final = 4


class SpotKind(StrEnum):
    """How a value behaves, which decides what can go wrong with it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    CHARGE = "charge"
    CODE = "code"
    SCALE = "scale"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where one value of the plant stands: its words by address, low or high word first as the device has them.

    `nothing` is the pattern by which the device says that there is no value.
    """

    function: int
    addresses: tuple[int, ...]
    what: str
    kind: SpotKind
    nothing: tuple[int, ...]
    low_first: bool = False

    def moved(self, words: int) -> "Spot":
        """The same so many words further on."""
        return replace(self, addresses=tuple(address + words for address in self.addresses))


@dataclass(frozen=True, slots=True)
class Image:
    """One consistent snapshot: per function code the words (or bits) by 0-based address.

    A table that is not there makes its function illegal; an address that is not there is a hole. `max_words` is the
    longest register read that the device answers. Where `block` is set, a read must not cross a multiple of it.
    `identity` are the objects of the device's identification by number, none where it does not know function 43.
    `others` are devices of their own behind further unit ids of the same line.
    """

    tables: Mapping[int, Mapping[int, int]]
    max_words: int = 125
    max_bits: int = 2000
    unit_ids: frozenset[int] = field(default_factory=lambda: frozenset({1}))
    spots: tuple[Spot, ...] = ()
    block: int = 0
    others: tuple["Image", ...] = ()
    identity: Mapping[int, str] = field(default_factory=dict)

    def of_unit(self, unit_id: int) -> "Image | None":
        """The device behind `unit_id`, if there is one."""
        return next((image for image in (self, *self.others) if unit_id in image.unit_ids), None)


def with_words_swapped(image: Image) -> Image:
    """The image with every value of 32 or 64 bits the other way round."""
    tables = {function: dict(table) for function, table in image.tables.items()}
    for spot in image.spots:
        if spot.kind is not SpotKind.TEXT and len(spot.addresses) in (2, 4):
            words = [tables[spot.function][address] for address in spot.addresses]
            tables[spot.function].update(zip(spot.addresses, reversed(words), strict=True))
    return replace(image, tables=tables, others=tuple(with_words_swapped(other) for other in image.others))


def words16(value: int) -> list[int]:
    """One signed or unsigned 16-bit number. Raises `OverflowError` when it does not fit.

    >>> words16(-2)
    [65534]
    """
    if not -0x8000 <= value <= 0xFFFF:
        raise OverflowError(f"{value} does not fit 16 bits")
    return [value & 0xFFFF]


def words32(value: int) -> list[int]:
    """One 32-bit number, high word first.

    >>> words32(65537)
    [1, 1]
    """
    if not -0x8000_0000 <= value <= 0xFFFF_FFFF:
        raise OverflowError(f"{value} does not fit 32 bits")
    return [(value >> 16) & 0xFFFF, value & 0xFFFF]


def words_text(text: str, length: int) -> list[int]:
    """ASCII in `length` words, padded with NUL, cut where it is too long.

    >>> words_text("AB", 2)
    [16706, 0]
    """
    raw = text.encode("ascii", "replace")[: 2 * length].ljust(2 * length, b"\0")
    return [int.from_bytes(raw[place : place + 2], "big") for place in range(0, 2 * length, 2)]


def tenths(value: float) -> int:
    """A temperature in steps of 0.1 as a signed word's value."""
    return round(value * 10.0)
