"""What an M-Bus value information block means (EN 13757-3, tables 10 to 15). Pure.

Only what a home can need has a name here; the rest is passed over as `OTHER`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Quantity(StrEnum):
    """What a record measures, in the unit that stands behind it."""

    ENERGY = "Wh"
    POWER = "W"
    VOLUME = "m³"
    VOLUME_FLOW = "m³/h"
    FLOW_TEMPERATURE = "°C flow"
    RETURN_TEMPERATURE = "°C return"
    TEMPERATURE_DIFFERENCE = "K"
    EXTERNAL_TEMPERATURE = "°C outside"
    PRESSURE = "bar"
    VOLTAGE = "V"
    CURRENT = "A"
    OTHER = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A raw number times `factor` plus `offset` is the quantity.

    direction: 1 counts only what goes forward, -1 only what goes backward, 0 everything. `plain` is false where the
    block says more than is understood here. `error` is the meter's own word that the value is none.
    """

    quantity: Quantity
    factor: float = 1.0
    offset: float = 0.0
    direction: int = 0
    plain: bool = True
    error: bool = False


_PER_J: Final = 1 / 3600

# (first code, last code, quantity, power of ten of the first code, further factor)
_Row = tuple[int, int, Quantity, int, float]
_PRIMARY: Final[Sequence[_Row]] = (
    (0x00, 0x07, Quantity.ENERGY, -3, 1.0),
    (0x08, 0x0F, Quantity.ENERGY, 0, _PER_J),
    (0x10, 0x17, Quantity.VOLUME, -6, 1.0),
    (0x28, 0x2F, Quantity.POWER, -3, 1.0),
    (0x30, 0x37, Quantity.POWER, 0, _PER_J),
    (0x38, 0x3F, Quantity.VOLUME_FLOW, -6, 1.0),
    (0x40, 0x47, Quantity.VOLUME_FLOW, -7, 60.0),
    (0x48, 0x4F, Quantity.VOLUME_FLOW, -9, 3600.0),
    (0x58, 0x5B, Quantity.FLOW_TEMPERATURE, -3, 1.0),
    (0x5C, 0x5F, Quantity.RETURN_TEMPERATURE, -3, 1.0),
    (0x60, 0x63, Quantity.TEMPERATURE_DIFFERENCE, -3, 1.0),
    (0x64, 0x67, Quantity.EXTERNAL_TEMPERATURE, -3, 1.0),
    (0x68, 0x6B, Quantity.PRESSURE, -3, 1.0),
)
_FIRST_EXTENSION: Final[Sequence[_Row]] = (
    (0x00, 0x01, Quantity.ENERGY, 5, 1.0),
    (0x08, 0x09, Quantity.ENERGY, 8, _PER_J),
    (0x28, 0x29, Quantity.POWER, 5, 1.0),
    (0x30, 0x31, Quantity.POWER, 8, _PER_J),
)
_SECOND_EXTENSION: Final[Sequence[_Row]] = (
    (0x40, 0x4F, Quantity.VOLTAGE, -9, 1.0),
    (0x50, 0x5F, Quantity.CURRENT, -12, 1.0),
)
_TABLES: Final = {0xFB: _FIRST_EXTENSION, 0xFD: _SECOND_EXTENSION}

_FORWARD: Final = 0x3B
_BACKWARD: Final = 0x3C
_LAST_ERROR: Final = 0x1F
_MAKERS_OWN: Final = 0x7F


def meaning_of(block: bytes) -> Meaning:
    """The meaning of a VIF and its extensions, most of them one byte.

    >>> meaning_of(bytes([0x5A])).factor, meaning_of(bytes([0x06])).factor
    (0.1, 1000.0)
    """
    table, codes = (_TABLES[block[0]], block[1:]) if block[0] in _TABLES else (_PRIMARY, block)
    if not codes:
        return Meaning(Quantity.OTHER)
    code = codes[0] & 0x7F
    for first, last, quantity, power, factor in table:
        if first <= code <= last:
            return _modified(Meaning(quantity, _power_of_ten(power + code - first) * factor), codes[1:])
    return Meaning(Quantity.OTHER)


def _modified(meaning: Meaning, extensions: bytes) -> Meaning:
    """What the further bytes change."""
    factor, offset, direction, plain, error = meaning.factor, 0.0, 0, True, False
    for byte in extensions:
        code = byte & 0x7F
        if code <= _LAST_ERROR:
            error = error or code != 0
        elif 0x70 <= code <= 0x77:
            factor *= _power_of_ten(code - 0x70 - 6)
        elif 0x78 <= code <= 0x7B:
            offset += _power_of_ten(code - 0x78 - 3)
        elif code == 0x7D:
            factor *= 1000.0
        elif code in (_FORWARD, _BACKWARD):
            direction = 1 if code == _FORWARD else -1
        else:
            plain = False
            if code == _MAKERS_OWN:
                # What follows is the maker's own code and means something else.
                break
    return Meaning(meaning.quantity, factor, offset, direction, plain, error)


def _power_of_ten(power: int) -> float:
    """Exact where a float can be: 10 ** -1 as a product of floats is not."""
    return float(f"1e{power}")
