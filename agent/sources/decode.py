"""The words of one register to its number: order, sign, scale, sentinel values, physical range. Pure."""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from agent.domain.signals import Quality, spec_of
from agent.sources.profile import HALVES, Profile, Register, code_of, numbers_of

_NO_FACTOR: Final = 0x8000
_FACTOR_LIMIT: Final = 10
_POWERS: Final = {exponent: 10.0**exponent for exponent in range(-_FACTOR_LIMIT, _FACTOR_LIMIT + 1)}
_DIGITS: Final = 10
_SIGNED: Final = {"i16": 16, "i32": 32, "i64": 64}
_SIGN_AND_SIZE: Final = {"sm16": 16, "sm32": 32}


def raw_of(words: Sequence[int], start: int, count: int, low_first: bool) -> int:
    """The words from `start` as one unsigned number."""
    raw = 0
    part = words[start : start + count]
    for word in reversed(part) if low_first else part:
        raw = raw << 16 | word
    return raw


def text_of(words: Sequence[int]) -> str:
    """A register text: up to the first NUL, without control characters and outer blanks."""
    data = b"".join(word.to_bytes(2, "big") for word in words).split(b"\0", 1)[0]
    return "".join(c for c in data.decode("latin-1") if c.isprintable()).strip()


def factor_of(word: int) -> float | None:
    """10 to the power of a SunSpec scale factor; None when it says "not implemented" or is out of −10…10."""
    return _POWERS.get(word - 0x10000 if word & 0x8000 else word)


class FieldDecoder:
    """One field's number out of its block's words.

    `number(words, start, factor_word)` gives it, or the `Quality` that says why there is none.
    """

    __slots__ = ("_convert", "_count", "_floor", "_half", "_high", "_low", "_low_first", "_name", "_sentinels")

    def __init__(self, profile: Profile, name: str, register: Register) -> None:
        self._name = name
        self._count = register.width
        self._half = register.type if register.type in HALVES else ""
        self._low_first = (register.order or profile.order) == "lo"
        sentinels = register.sentinel if register.sentinel is not None else profile.sentinel.get(register.type, ())
        self._sentinels = frozenset(sentinels)
        self._low, self._high = bounds_of(name, register)
        self._floor = self._low - register.floor
        self._convert = _converter(name, register)

    def number(self, words: Sequence[int], start: int, factor_word: int | None) -> float | Quality:
        """The value in the signal's unit, or `INVALID`."""
        raw = self.raw(words, start)
        if raw in self._sentinels:
            return Quality.INVALID
        factor = 1.0
        if factor_word is not None:
            found = factor_of(factor_word)
            if found is None:
                return Quality.INVALID
            factor = found
        value = self._convert(raw, factor)
        # Written so that a NaN fails too.
        if value is not None and self._low <= value <= self._high:
            return value
        if value is not None and self._floor <= value < self._low:
            return self._low
        return Quality.INVALID

    def says_none(self, words: Sequence[int], start: int, factor_word: int | None) -> bool:
        """Whether the device itself says that there is no value: by a sentinel, here or as the scale factor."""
        return self.raw(words, start) in self._sentinels or factor_word == _NO_FACTOR

    def raw(self, words: Sequence[int], start: int) -> int:
        """The register's words as one unsigned number."""
        if self._half:
            return words[start] >> 8 if self._half == "u8_high" else words[start] & 0xFF
        return words[start] if self._count == 1 else raw_of(words, start, self._count, self._low_first)


def bounds_of(name: str, register: Register) -> tuple[float, float]:
    spec = spec_of(name)
    low = spec.low if spec else -math.inf
    high = spec.high if spec else math.inf
    if register.low is not None:
        low = max(low, register.low)
    if register.high is not None:
        high = min(high, register.high)
    # Infinity is not a value of any register.
    return float(max(low, -1e300)), float(min(high, 1e300))


def _converter(name: str, register: Register) -> Callable[[int, float], float | None]:
    if register.bits:
        return _alarm_converter(name, register)
    if register.bit is not None:
        bit = register.bit
        return lambda raw, _: float(raw >> bit & 1)
    if register.map:
        return _map_converter(name, register.map)
    plain = _plain_converter(register)
    if register.above is not None:
        above = register.above
        return lambda raw, factor: float(plain(raw, factor) > above)
    return plain


def _map_converter(name: str, entries: Mapping[str, str | float]) -> Callable[[int, float], float | None]:
    exact: dict[int, float] = {}
    ranges: list[tuple[range, float]] = []
    for key, word in entries.items():
        numbers = numbers_of(key)
        if len(numbers) == 1:
            exact.setdefault(numbers[0], code_of(name, word))
        else:
            ranges.append((numbers, code_of(name, word)))

    def convert(raw: int, _: float) -> float | None:
        code = exact.get(raw)
        return code if code is not None else next((code for numbers, code in ranges if raw in numbers), None)

    return convert


def _alarm_converter(name: str, register: Register) -> Callable[[int, float], float | None]:
    known = [(_mask(bits), code_of(name, word)) for bits, word in register.bits.items() if bits != "other"]
    other = register.bits.get("other")
    unknown = code_of(name, other) if other is not None else 0.0

    def convert(raw: int, _: float) -> float:
        for mask, code in known:
            if raw & mask:
                return code
        return unknown if raw else 0.0

    return convert


def _mask(bits: str) -> int:
    return sum(1 << bit for bit in numbers_of(bits))


def _plain_converter(register: Register) -> Callable[[int, float], float]:
    scale, offset = register.scale * register.sign, register.offset
    if register.type == "f32":
        return lambda raw, factor: float(struct.unpack(">f", raw.to_bytes(4, "big"))[0]) * scale * factor + offset
    if register.type in _SIGN_AND_SIZE:
        top = 1 << _SIGN_AND_SIZE[register.type] - 1
        return lambda raw, factor: round((top - raw if raw & top else raw) * scale * factor + offset, _DIGITS)
    bits = _SIGNED.get(register.type)
    # Rounded, so that 217 tenths are 21.7 and not 21.700000000000003.
    if bits is None:
        return lambda raw, factor: round(raw * scale * factor + offset, _DIGITS)
    half, whole = 1 << bits - 1, 1 << bits

    def convert(raw: int, factor: float) -> float:
        return round((raw - whole if raw & half else raw) * scale * factor + offset, _DIGITS)

    return convert
