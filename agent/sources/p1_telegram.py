"""P1 telegrams of smart meters: DSMR 2.2 to 5, e-MUCS of Belgium, and the like. Pure.

Source: Netbeheer Nederland, "P1 Companion Standard" 5.0.2; IEC 62056-21 mode D for the lines. A telegram goes from `/`
to `!`; since version 4 four hexadecimal digits follow, the CRC-16 of everything from `/` to `!`, both included.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from agent.domain.errors import BadInput
from agent.sources.checksums import crc16

_LONGEST: Final = 8192
_END: Final = re.compile(rb"!([0-9A-Fa-f]{0,4})\r?\n")
_CODE: Final = re.compile(r"(\d{1,3}-\d{1,3}:\d{1,3}\.\d{1,3}\.\d{1,3})(?:\*\d{1,3})?((?:\([^()]*\))+)")
_GROUPS: Final = re.compile(r"\(([^()]*)\)")
_NUMBER: Final = re.compile(r"(-?\d+(?:\.\d+)?)\*(\w+)")
_VERSIONS: Final = ("1-3:0.2.8", "0-0:96.1.4")
_SCALES: Final[Mapping[str, int]] = {"W": 1, "kW": 1_000, "MW": 1_000_000, "Wh": 1, "kWh": 1_000, "MWh": 1_000_000}
"""To W and Wh."""


@dataclass(frozen=True, slots=True)
class Telegram:
    """One telegram. `values` holds what is in the brackets behind each OBIS code; `checked` is by its own checksum."""

    header: str
    values: Mapping[str, tuple[str, ...]]
    checked: bool

    def power_or_energy(self, code: str) -> float | None:
        """The number behind a code in W or Wh; None where there is none.

        Raises `BadInput` where it is there and cannot be read.
        """
        if code not in self.values:
            return None
        found = _NUMBER.fullmatch(self.values[code][-1])
        if found is None or found[2] not in _SCALES:
            raise BadInput(f"{code}: got {self.values[code][-1]!r}, expected a number in W or Wh, kW or kWh")
        return float(Decimal(found[1]) * _SCALES[found[2]])


class TelegramSplitter:
    """Takes bytes as they come and gives telegrams from their `/` to the end of their line of `!`, unchecked."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The telegrams that end in these bytes."""
        self._buffer += data
        found = []
        while end := _END.search(self._buffer):
            # The newest beginning: what a cut telegram left before it is not part of this one.
            start = self._buffer.rfind(b"/", 0, end.start())
            if start >= 0:
                found.append(bytes(self._buffer[start : end.end()]))
            del self._buffer[: end.end()]
        del self._buffer[:-_LONGEST]
        return found


def parse_telegram(raw: bytes) -> Telegram:
    """A telegram from `/` to its end. Raises `BadInput` when checksum or structure is not right."""
    body, bang, tail = raw.rpartition(b"!")
    if not raw.startswith(b"/") or not bang:
        raise BadInput("telegram: expected a beginning of / and an end of !")
    digits = tail.strip()
    if digits and crc16(body + bang) != int(digits, 16):
        raise BadInput(f"telegram: its checksum says {digits.decode()}, its bytes {crc16(body + bang):04X}")
    if not body.isascii():
        raise BadInput("telegram: has characters that cannot be in one")
    header, *lines = body.decode().replace("\r\n", "\n").rstrip("\n").split("\n")
    values = _values_of(lines, strict=not digits)
    if not digits and any(code in values for code in _VERSIONS):
        raise BadInput("telegram: without the checksum that its version has")
    return Telegram(header[1:].strip(), values, bool(digits))


def _values_of(lines: list[str], *, strict: bool) -> dict[str, tuple[str, ...]]:
    """What the lines say. With no checksum a line that is none gives the whole telegram away."""
    values: dict[str, tuple[str, ...]] = {}
    code = ""
    for line in lines:
        text = line.strip()
        if not text:
            continue
        if text.startswith("(") and code:
            # Version 3 puts a gas meter's number on a line of its own.
            values[code] = (*values[code], *_GROUPS.findall(text))
            continue
        found = _CODE.fullmatch(text)
        if found is not None and found[1] not in values:
            code = found[1]
            values[code] = tuple(_GROUPS.findall(found[2]))
        elif strict:
            raise BadInput(f"telegram: cannot read the line {text[:40]!r}, or has it twice")
    if not values:
        raise BadInput("telegram: is empty")
    return values


def grid_watts(telegram: Telegram) -> float | None:
    """Power from the grid in W, negative into it: two numbers without sign, or one with (16.7.0)."""
    drawn = telegram.power_or_energy("1-0:1.7.0")
    if drawn is None:
        return telegram.power_or_energy("1-0:16.7.0")
    return drawn - (telegram.power_or_energy("1-0:2.7.0") or 0.0)


def register_wh(telegram: Telegram, direction: int) -> float | None:
    """A register over all tariffs in Wh; direction 1 is import, 2 is export."""
    total = telegram.power_or_energy(f"1-0:{direction}.8.0")
    if total is not None:
        return total
    tariffs = [telegram.power_or_energy(f"1-0:{direction}.8.{tariff}") for tariff in range(1, 5)]
    known = [tariff for tariff in tariffs if tariff is not None]
    return float(sum(map(Decimal, map(str, known)))) if known else None


def serial_of(telegram: Telegram) -> str:
    """The meter's own number, which most send as hexadecimal digits of its characters."""
    for code in ("0-0:96.1.1", "0-0:96.1.0", "1-0:0.0.0"):
        text = telegram.values.get(code, ("",))[-1]
        if text:
            return _from_hex(text)
    return ""


def maker_and_model(telegram: Telegram) -> tuple[str, str]:
    r"""From the header: three letters of the maker, a digit for the baud rate, the model.

    >>> maker_and_model(Telegram(r"ISk5\2MT382-1000", {}, True))
    ('ISk', '2MT382-1000')
    """
    rest = "".join(filter(str.isprintable, telegram.header[3:]))
    return telegram.header[:3], (rest[1:] if rest[:1].isdigit() else rest).lstrip("\\- ")


def _from_hex(text: str) -> str:
    try:
        decoded = bytes.fromhex(text).decode("ascii")
    except ValueError:
        return text
    return decoded if decoded.isprintable() else text
