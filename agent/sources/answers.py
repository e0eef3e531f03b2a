"""All values of one device out of the answers to its planned requests. Pure, and prepared once per device."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Final

import msgspec

from agent.domain.signals import INVERTER_STATE, InverterState, Quality, SignalName
from agent.sources.decode import FieldDecoder, bounds_of, text_of
from agent.sources.planning import Block, Span, words_of
from agent.sources.profile import BoundSum, Field, Layout, Profile, Register

Answer = Sequence[int] | Quality
"""The words (or bits) of one block, or why there are none."""

Number = float | Quality | None
"""What a field gives: a value, why it has none, or None when the device does not have it at all."""

_ASLEEP: Final = (InverterState.OFF, InverterState.SLEEPING)


class Slot(msgspec.Struct, frozen=True):
    """Where a field's words and its factor stand among the answers: block and offset of each.

    `scattered` has every word of a value whose words do not lie side by side.
    """

    decoder: FieldDecoder
    block: int
    start: int
    factor_block: int
    factor_start: int
    scattered: tuple[tuple[int, int], ...] = ()

    @property
    def blocks(self) -> frozenset[int]:
        """Every answer that it needs."""
        factor = () if self.factor_block < 0 else (self.factor_block,)
        return frozenset((self.block, *factor, *(block for block, _ in self.scattered)))


class MapMoved(Exception):  # never leaves this part
    """A guard's words are not what they were when the fields were placed."""


class Decoder:
    """Numbers of all fields, and readings made of them.

    `wanted`: only these signals are given; unset gives all.
    """

    def __init__(
        self,
        profile: Profile,
        layout: Layout,
        blocks: Sequence[Block],
        wanted: frozenset[SignalName] | None = None,
    ) -> None:
        self.fields = layout.fields
        self.slots = [_slot(profile, found, blocks) for found in layout.fields]
        self._named = [
            (index, SignalName(found.name))
            for index, found in enumerate(layout.fields)
            if not found.name.startswith("_") and (wanted is None or found.name in wanted)
        ]
        places = {found.name: index for index, found in enumerate(layout.fields)}
        self._state = places.get(INVERTER_STATE)
        self._fallbacks = _pairs(layout.fields, places, lambda register: register.fallback)
        self._directions = _pairs(layout.fields, places, lambda register: register.direction)
        self._asleep = [(i, f.register.asleep) for i, f in enumerate(layout.fields) if f.register.asleep is not None]
        self._guards = _guard_words(layout, blocks)
        self._sums = [
            (entry, bounds_of(entry.signal, Register(type="f32")))
            for entry in layout.sums
            if wanted is None or entry.signal in wanted
        ]

    def decode(self, answers: Sequence[Answer]) -> tuple[dict[SignalName, float], dict[SignalName, Quality]]:
        """Good values, and why the others have none. Raises `MapMoved`."""
        return self.compose(self.numbers(answers))

    def numbers(self, answers: Sequence[Answer]) -> list[Number]:
        """One number for each of `fields`. Raises `MapMoved`."""
        for block, start, expected in self._guards:
            words = answers[block]
            if not isinstance(words, Quality) and tuple(words[start : start + len(expected)]) != expected:
                raise MapMoved
        numbers: list[Number] = [_number(slot, answers) for slot in self.slots]
        for index, other in self._directions:
            numbers[index] = _directed(numbers[index], numbers[other], self.fields[index].register.floor)
        if self._asleep and self._state is not None and numbers[self._state] in _ASLEEP:
            for index, rest in self._asleep:
                if self.says_none(index, answers):
                    numbers[index] = rest
        return numbers

    def says_none(self, index: int, answers: Sequence[Answer]) -> bool:
        """Whether the device has answered, and says itself that this field has no value."""
        slot = self.slots[index]
        found = _words(slot, answers)
        return found is not None and slot.decoder.says_none(*found)

    def raw(self, index: int, answers: Sequence[Answer]) -> int | None:
        """The words of a field as one unsigned number; None without an answer."""
        slot = self.slots[index]
        found = _words(slot, answers)
        return None if found is None else slot.decoder.raw(found[0], found[1])

    def empty(self, answers: Sequence[Answer], numbers: Sequence[Number]) -> frozenset[int]:
        """The fields without a number of which the device says itself that there is none."""
        return frozenset(i for i, n in enumerate(numbers) if n is Quality.INVALID and self.says_none(i, answers))

    def compose(
        self, numbers: Sequence[Number], known: Container[int] = ()
    ) -> tuple[dict[SignalName, float], dict[SignalName, Quality]]:
        """A reading's good values, and why the others have none; what the device does not have is in neither.

        `known` fields have had a value of their own: no fallback stands in for them from one poll to the next.
        """
        chosen = list(numbers)
        for index, other in self._fallbacks:
            lacks = isinstance(chosen[index], Quality) and isinstance(numbers[other], float) and index not in known
            if chosen[index] is None or lacks:
                chosen[index] = numbers[other]
        values: dict[SignalName, float] = {}
        bad: dict[SignalName, Quality] = {}
        for index, name in self._named:
            _put(values, bad, name, chosen[index])
        for entry, (low, high) in self._sums:
            _put(values, bad, entry.signal, _total(self.fields, chosen, entry, low, high))
        return values, bad


def _pairs(fields: Sequence[Field], places: Mapping[str, int], of: Callable[[Register], str]) -> list[tuple[int, int]]:
    return [(i, places[of(f.register)]) for i, f in enumerate(fields) if of(f.register) in places]


def _guard_words(layout: Layout, blocks: Sequence[Block]) -> list[tuple[int, int, tuple[int, ...]]]:
    return [
        (index, guard.address - block.address, guard.words)
        for guard in layout.guards
        for index, block in enumerate(blocks)
        if block.holds(Span(guard.unit, guard.function, guard.address, guard.address + len(guard.words) - 1))
    ]


def _find(blocks: Sequence[Block], span: Span) -> tuple[int, int]:
    index = next(i for i, block in enumerate(blocks) if block.holds(span))
    return index, span.first - blocks[index].address


def _slot(profile: Profile, found: Field, blocks: Sequence[Block]) -> Slot:
    """One block that holds the value and its factor where there is one: two may straddle a change of the factor."""
    spans = words_of(found)
    scale = found.scale_address
    factor = [] if scale is None else [Span(found.unit, found.register.function, scale, scale)]
    everything = [*spans, *factor]
    hull = Span(found.unit, spans[0].function, min(s.first for s in everything), max(s.last for s in everything))
    whole = next(([block] for block in blocks if block.holds(hull)), list(blocks))
    offset = blocks.index(whole[0]) if len(whole) == 1 else 0
    places = [_find(whole, span) for span in everything]
    places = [(index + offset, start) for index, start in places]
    decoder = FieldDecoder(profile, found.name, found.register)
    scattered = tuple(places[: len(spans)]) if found.register.scattered else ()
    factor_block, factor_start = places[-1] if factor else (-1, 0)
    return Slot(decoder, *places[0], factor_block, factor_start, scattered)


def _words(slot: Slot, answers: Sequence[Answer]) -> tuple[Sequence[int], int, int | None] | None:
    """Words, where they begin, and the factor's word; None if one of them was not answered."""
    answered = [answers[block] for block in slot.blocks]
    if any(isinstance(words, Quality) for words in answered):
        return None
    factor = None if slot.factor_block < 0 else _word(answers, slot.factor_block, slot.factor_start)
    if slot.scattered:
        return [_word(answers, block, start) for block, start in slot.scattered], 0, factor
    words = answers[slot.block]
    return None if isinstance(words, Quality) else (words, slot.start, factor)


def _word(answers: Sequence[Answer], block: int, start: int) -> int:
    words = answers[block]
    return 0 if isinstance(words, Quality) else words[start]


def _number(slot: Slot, answers: Sequence[Answer]) -> float | Quality:
    words = answers[slot.block]
    if not slot.scattered and slot.factor_block < 0:
        return words if isinstance(words, Quality) else slot.decoder.number(words, slot.start, None)
    found = _words(slot, answers)
    if found is None:
        return max(answer for answer in (answers[b] for b in slot.blocks) if isinstance(answer, Quality))
    return slot.decoder.number(*found)


def _directed(size: Number, direction: Number, floor: float) -> Number:
    """The size with its direction's sign; a direction of 0 goes with no size only."""
    if not isinstance(size, float):
        return size
    if not isinstance(direction, float):
        return direction if direction is not None else Quality.INVALID
    if direction == 0.0:
        return 0.0 if abs(size) <= floor else Quality.INVALID
    return abs(size) * direction


def _put(values: dict[SignalName, float], bad: dict[SignalName, Quality], name: SignalName, number: Number) -> None:
    if isinstance(number, Quality):
        bad[name] = number
    elif number is not None:
        values[name] = number


def _total(fields: Sequence[Field], numbers: Sequence[Number], entry: BoundSum, low: float, high: float) -> Number:
    """The sum; without every term good there is none, and an invalid term outweighs a missing one.

    Of several places of one name (strings, modules) those that the device does not have are left out.
    """
    has = {fields[i].name for i in (*entry.plus, *entry.minus) if numbers[i] is not None}
    total, worst, counted = 0.0, None, False
    for indices, sign in ((entry.plus, 1.0), (entry.minus, -1.0)):
        for index in indices:
            number = numbers[index]
            if number is None:
                if index not in entry.optional and fields[index].name not in has:
                    return None
            elif isinstance(number, Quality):
                worst = number if worst is None else max(worst, number)
            else:
                total, counted = total + sign * number, True
    if worst is not None or not counted:
        return worst
    if low - entry.floor <= total < low:
        return low
    return total if low <= total <= high else Quality.INVALID


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
