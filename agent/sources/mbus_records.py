"""The data of an M-Bus meter (EN 13757-3): who it is, and its records. Pure."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.errors import BadInput
from agent.sources.mbus_frame import Answer
from agent.sources.mbus_vif import Meaning, Quantity, meaning_of

_VARIABLE: Final = 0x72
_FIXED: Final = 0x73
_APPLICATION_ERROR: Final = 0x70
# AES modes of the Open Metering System; older meters have other things at this place.
_ENCRYPTED: Final = (5, 7)
_TEXT_VIF: Final = 0x7C
_FILLER: Final = 0x2F
_MAKERS_OWN: Final = (0x0F, 0x1F)
_MORE: Final = 0x1F
_VARIABLE_LENGTH: Final = 0x0D
_MOST_EXTENSIONS: Final = 10
_SIZES: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 6, 7: 8, 8: 0, 9: 1, 10: 2, 11: 3, 12: 4, 14: 6}
_BCD: Final = (9, 10, 11, 12, 14)
_REAL: Final = 5
_MEDIA: Final = {
    0x00: "other",
    0x02: "electricity",
    0x03: "gas",
    0x04: "heat (outlet)",
    0x06: "warm water",
    0x07: "water",
    0x08: "heat cost allocator",
    0x0A: "cooling (outlet)",
    0x0B: "cooling (inlet)",
    0x0C: "heat (inlet)",
    0x0D: "heat and cooling",
    0x15: "hot water",
    0x16: "cold water",
}


@dataclass(frozen=True, slots=True)
class Record:
    """One value. function: 0 of now, 1 maximum, 2 minimum, 3 during an error. storage: 0 is the present one.

    `value` is None where the meter has none, and for texts and dates.
    """

    quantity: Quantity
    value: float | None
    function: int = 0
    storage: int = 0
    tariff: int = 0
    device: int = 0
    direction: int = 0
    plain: bool = True

    @property
    def is_present(self) -> bool:
        """Whether it is the value of now, over all tariffs, of the meter itself."""
        return self.plain and not (self.function or self.storage or self.tariff or self.device)


@dataclass(frozen=True, slots=True)
class MeterData:
    """What one telegram holds. `more` says that the meter has another one."""

    maker: str
    serial: str
    version: int
    medium: str
    status: int
    records: Sequence[Record]
    more: bool = False


def parse_data(answer: Answer) -> MeterData:
    """The data of an answer. Raises `BadInput`."""
    if answer.kind == _APPLICATION_ERROR:
        code = answer.data[0] if answer.data else 0
        raise BadInput("the meter is busy" if code == 8 else f"the meter reports application error {code}")
    if answer.kind == _FIXED:
        return _fixed(answer.data)
    if answer.kind != _VARIABLE:
        raise BadInput(f"M-Bus data of kind 0x{answer.kind:02X}, expected 0x72 or 0x73")
    data = answer.data
    if len(data) < 12:
        raise BadInput("M-Bus data: shorter than its head")
    if data[11] & 0x1F in _ENCRYPTED:
        raise BadInput("the meter's data are encrypted")
    records, more = _records(data[12:])
    medium = _MEDIA.get(data[7], f"medium 0x{data[7]:02X}")
    return MeterData(_maker(data[4:6]), data[3::-1].hex(), data[6], medium, data[9], records, more)


def _maker(data: bytes) -> str:
    """Three letters, five bits each, as the FLAG association gives them out."""
    word = int.from_bytes(data, "little")
    return "".join(chr(64 + (word >> shift & 31)) for shift in (10, 5, 0))


def _records(data: bytes) -> tuple[list[Record], bool]:
    records: list[Record] = []
    at = 0
    while at < len(data):
        head = data[at]
        if head == _FILLER:
            at += 1
            continue
        if head in _MAKERS_OWN:
            return records, head == _MORE
        if head & 0x0F == 0x0F:
            raise BadInput(f"M-Bus record: cannot begin with 0x{head:02X}")
        record, at = _record(data, at)
        records.append(record)
    return records, False


def _record(data: bytes, at: int) -> tuple[Record, int]:
    """The record that begins there, and where the next one does."""
    head = data[at]
    function, storage, tariff, device = head >> 4 & 3, head >> 6 & 1, 0, 0
    extensions, at = _extensions(data, at)
    for index, byte in enumerate(extensions):
        storage |= (byte & 0x0F) << 1 + 4 * index
        tariff |= (byte >> 4 & 3) << 2 * index
        device |= (byte >> 6 & 1) << index
    start = at
    if at < len(data) and data[at] & 0x7F == _TEXT_VIF:
        # A unit in words: its length and its letters stand between the code and the code's extensions.
        further = data[at] & 0x80
        at += 2 + _byte(data, at + 1)
        if further:
            _, at = _extensions(data, at - 1, further=True)
        meaning = Meaning(Quantity.OTHER)
    else:
        _byte(data, start)
        _, at = _extensions(data, at)
        meaning = meaning_of(data[start:at])
    value, at = _value(data, at, head & 0x0F)
    if value is not None:
        value = None if meaning.error else value * meaning.factor + meaning.offset
    return Record(meaning.quantity, value, function, storage, tariff, device, meaning.direction, meaning.plain), at


def _extensions(data: bytes, at: int, *, further: bool = False) -> tuple[bytes, int]:
    """The bytes behind the one at `at` that its highest bit, and then theirs, announce; and what is behind them."""
    start = at + 1
    while further or _byte(data, at) & 0x80:
        further = False
        at += 1
        _byte(data, at)
        if at - start >= _MOST_EXTENSIONS:
            raise BadInput("M-Bus record: has more extensions than there can be")
    return data[start : at + 1], at + 1


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise BadInput("M-Bus record: ends too early")
    return data[at]


def _value(data: bytes, at: int, kind: int) -> tuple[float | None, int]:
    if kind == _VARIABLE_LENGTH:
        return _variable(data, at)
    end = at + _SIZES[kind]
    if end > len(data):
        raise BadInput("M-Bus record: ends too early")
    raw = data[at:end]
    if not raw:
        return None, end
    if kind in _BCD:
        return _decimal(raw), end
    return _real(raw) if kind == _REAL else _whole(raw), end


def _variable(data: bytes, at: int) -> tuple[float | None, int]:
    """A text, or a number that says its own length."""
    length = _byte(data, at)
    if length < 0xC0:
        size = length
    elif length < 0xF0:
        size = length & 0x0F
    else:
        raise BadInput(f"M-Bus record: cannot have the length 0x{length:02X}")
    raw = data[at + 1 : at + 1 + size]
    if len(raw) < size:
        raise BadInput("M-Bus record: ends too early")
    value = None
    if 0xC0 <= length < 0xE0 and raw:
        value = _decimal(raw)
        value = -value if value is not None and length >= 0xD0 else value
    elif length >= 0xE0 and raw:
        value = _whole(raw)
    return value, at + 1 + size


def _decimal(raw: bytes) -> float | None:
    """Two digits to a byte, the lowest first; a highest digit of F is a minus sign, any other letter no number."""
    digits = raw[::-1].hex()
    sign = 1
    if digits[0] == "f":
        sign, digits = -1, digits[1:]
    return float(sign * int(digits)) if digits.isdecimal() else None


def _whole(raw: bytes) -> float | None:
    number = int.from_bytes(raw, "little", signed=True)
    # The lowest number there is means that there is none.
    return None if number == -(1 << 8 * len(raw) - 1) else float(number)


def _real(raw: bytes) -> float | None:
    (number,) = struct.unpack("<f", raw)
    return float(number) if math.isfinite(number) else None


def _fixed(data: bytes) -> MeterData:
    """The older structure: two counters, of which only those in Wh mean anything here."""
    if len(data) != 16:
        raise BadInput(f"M-Bus fixed data: got {len(data)} bytes, expected 16")
    binary = bool(data[5] & 1)
    records = []
    for unit, raw in ((data[6] & 0x3F, data[8:12]), (data[7] & 0x3F, data[12:16])):
        number = _whole(raw) if binary else _decimal(raw)
        if 0x02 <= unit <= 0x0A and number is not None:
            records.append(Record(Quantity.ENERGY, number * 10.0 ** (unit - 2)))
        else:
            records.append(Record(Quantity.OTHER, number))
    return MeterData("", data[3::-1].hex(), 0, "", data[5], records)
