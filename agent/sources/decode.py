"""Words to values: order, sign, scale, sentinel values, physical range. Pure, and prepared once per device."""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.domain.signals import Quality, SignalName, spec_of
from agent.sources.planning import Block, Span
from agent.sources.profile import Field, Layout, Profile, Register, code_of

Answer = Sequence[int] | Quality
"""The words (or bits) of one block, or why there are none."""

_NO_FACTOR: Final = 0x8000
_FACTOR_LIMIT: Final = 10
_POWERS: Final = {exponent: 10.0**exponent for exponent in range(-_FACTOR_LIMIT, _FACTOR_LIMIT + 1)}
_DIGITS: Final = 10
_SIGNED: Final = {"i16": 16, "i32": 32}


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

    __slots__ = ("_convert", "_count", "_floor", "_high", "_low", "_low_first", "_name", "_sentinels")

    def __init__(self, profile: Profile, name: str, register: Register) -> None:
        self._name = name
        self._count = register.width
        self._low_first = (register.order or profile.order) == "lo"
        sentinels = register.sentinel if register.sentinel is not None else profile.sentinel.get(register.type, ())
        self._sentinels = frozenset(sentinels)
        self._low, self._high = _bounds(name, register)
        self._floor = self._low - register.floor
        self._convert = _converter(name, register)

    def number(self, words: Sequence[int], start: int, factor_word: int | None) -> float | Quality:
        """The value in the signal's unit, or `INVALID`."""
        raw = words[start] if self._count == 1 else raw_of(words, start, self._count, self._low_first)
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


def _bounds(name: str, register: Register) -> tuple[float, float]:
    spec = spec_of(name)
    low = spec.low if spec else -math.inf
    high = spec.high if spec else math.inf
    if register.low is not None:
        low = max(low, register.low)
    if register.high is not None:
        high = min(high, register.high)
    # Infinity is not a value of any register.
    return max(low, -1e300), min(high, 1e300)


def _converter(name: str, register: Register) -> Callable[[int, float], float | None]:
    if register.bits:
        return _alarm_converter(name, register)
    if register.bit is not None:
        bit = register.bit
        return lambda raw, _: float(raw >> bit & 1)
    if register.map:
        table = {int(raw, 0): code_of(name, word) for raw, word in register.map.items()}
        return lambda raw, _: table.get(raw)
    plain = _plain_converter(register)
    if register.above is not None:
        above = register.above
        return lambda raw, factor: float(plain(raw, factor) > above)
    return plain


def _alarm_converter(name: str, register: Register) -> Callable[[int, float], float | None]:
    known = [(1 << int(bit, 0), code_of(name, word)) for bit, word in register.bits.items() if bit != "other"]
    other = register.bits.get("other")
    unknown = code_of(name, other) if other is not None else 0.0

    def convert(raw: int, _: float) -> float:
        for mask, code in known:
            if raw & mask:
                return code
        return unknown if raw else 0.0

    return convert


def _plain_converter(register: Register) -> Callable[[int, float], float]:
    scale, offset = register.scale * register.sign, register.offset
    if register.type == "f32":
        return lambda raw, factor: float(struct.unpack(">f", raw.to_bytes(4, "big"))[0]) * scale * factor + offset
    bits = _SIGNED.get(register.type)
    # Rounded, so that 217 tenths are 21.7 and not 21.700000000000003.
    if bits is None:
        return lambda raw, factor: round(raw * scale * factor + offset, _DIGITS)
    half, whole = 1 << bits - 1, 1 << bits

    def convert(raw: int, factor: float) -> float:
        return round((raw - whole if raw & half else raw) * scale * factor + offset, _DIGITS)

    return convert


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a field's words and its factor stand among the answers."""

    decoder: FieldDecoder
    block: int
    start: int
    factor_block: int
    factor_start: int


def _find(blocks: Sequence[Block], span: Span) -> tuple[int, int]:
    index = next(i for i, block in enumerate(blocks) if block.holds(span))
    return index, span.first - blocks[index].address


def _slots(profile: Profile, fields: Sequence[Field], blocks: Sequence[Block]) -> list[_Slot]:
    slots = []
    for found in fields:
        function, width = found.register.function, found.register.width
        last = found.address + width - 1
        scale = found.scale_address
        if scale is None:
            block, start = _find(blocks, Span(found.unit, function, found.address, last))
            factor_block, factor_start = -1, 0
        else:
            block, start, factor_block, factor_start = _find_both(blocks, found, last, scale)
        decoder = FieldDecoder(profile, found.name, found.register)
        slots.append(_Slot(decoder, block, start, factor_block, factor_start))
    return slots


def _find_both(blocks: Sequence[Block], found: Field, last: int, scale: int) -> tuple[int, int, int, int]:
    """One block that holds value and factor where there is one: two requests may straddle a change of the factor."""
    function = found.register.function
    hull = Span(found.unit, function, min(found.address, scale), max(last, scale))
    for index, block in enumerate(blocks):
        if block.holds(hull):
            return index, found.address - block.address, index, scale - block.address
    value = _find(blocks, Span(found.unit, function, found.address, last))
    return (*value, *_find(blocks, Span(found.unit, function, scale, scale)))


class MapMoved(Exception):  # never leaves this part
    """A guard's words are not what they were when the fields were placed."""


class Decoder:
    """All values of one device out of the answers to its planned requests."""

    def __init__(
        self,
        profile: Profile,
        layout: Layout,
        blocks: Sequence[Block],
        wanted: frozenset[SignalName] | None = None,
    ) -> None:
        self._slots = _slots(profile, layout.fields, blocks)
        self._named = [
            (index, SignalName(found.name))
            for index, found in enumerate(layout.fields)
            if not found.name.startswith("_") and (wanted is None or found.name in wanted)
        ]
        places = {found.name: index for index, found in enumerate(layout.fields)}
        self._fallbacks = [
            (index, places[found.register.fallback])
            for index, found in enumerate(layout.fields)
            if found.register.fallback in places
        ]
        self._guards = [
            (index, guard.address - block.address, guard.words)
            for guard in layout.guards
            for index, block in enumerate(blocks)
            if block.holds(Span(guard.unit, guard.function, guard.address, guard.address + len(guard.words) - 1))
        ]
        self._sums = [
            (entry, _bounds(entry.signal, Register(type="f32")))
            for entry in layout.sums
            if wanted is None or entry.signal in wanted
        ]

    def decode(self, answers: Sequence[Answer]) -> tuple[dict[SignalName, float], dict[SignalName, Quality]]:
        """Good values, and why the others have none. Raises `MapMoved`."""
        for block, start, expected in self._guards:
            words = answers[block]
            if not isinstance(words, Quality) and tuple(words[start : start + len(expected)]) != expected:
                raise MapMoved
        numbers = [self._number(slot, answers) for slot in self._slots]
        for index, other in self._fallbacks:
            if isinstance(numbers[index], Quality):
                numbers[index] = numbers[other]
        values: dict[SignalName, float] = {}
        bad: dict[SignalName, Quality] = {}
        for index, name in self._named:
            _put(values, bad, name, numbers[index])
        for entry, (low, high) in self._sums:
            total = _total(numbers, entry.plus, entry.minus)
            if not isinstance(total, Quality):
                if low - entry.floor <= total < low:
                    total = low
                elif not low <= total <= high:
                    total = Quality.INVALID
            _put(values, bad, entry.signal, total)
        return values, bad

    @staticmethod
    def _number(slot: _Slot, answers: Sequence[Answer]) -> float | Quality:
        words = answers[slot.block]
        if isinstance(words, Quality):
            return words
        if slot.factor_block < 0:
            return slot.decoder.number(words, slot.start, None)
        factors = answers[slot.factor_block]
        if isinstance(factors, Quality):
            return factors
        return slot.decoder.number(words, slot.start, factors[slot.factor_start])


def _put(
    values: dict[SignalName, float], bad: dict[SignalName, Quality], name: SignalName, number: float | Quality
) -> None:
    if isinstance(number, Quality):
        bad[name] = number
    else:
        values[name] = number


def _total(numbers: Sequence[float | Quality], plus: Sequence[int], minus: Sequence[int]) -> float | Quality:
    """The sum; without every term good there is none, and an invalid term outweighs a missing one."""
    total = 0.0
    worst: Quality | None = None
    for indices, sign in ((plus, 1.0), (minus, -1.0)):
        for index in indices:
            number = numbers[index]
            if isinstance(number, Quality):
                worst = number if worst is None else max(worst, number)
            else:
                total += sign * number
    return total if worst is None else worst


def identity_texts(
    profile: Profile, layout: Layout, blocks: Sequence[Block], answers: Sequence[Answer]
) -> Mapping[str, str]:
    """What the identity registers say, by field; what cannot be read is left out."""
    texts: dict[str, str] = {}
    for found in layout.identity:
        register = found.register
        index, start = _find(
            blocks, Span(found.unit, register.function, found.address, found.address + register.width - 1)
        )
        words = answers[index]
        if isinstance(words, Quality) or register.identity is None:
            continue
        if register.type == "str":
            text = text_of(words[start : start + register.width])
        else:
            number = FieldDecoder(profile, found.name, register).number(words, start, None)
            text = "" if isinstance(number, Quality) else f"{number:.10g}"
        if text:
            texts.setdefault(register.identity, register.text.format(text))
    return texts
