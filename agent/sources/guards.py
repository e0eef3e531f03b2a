"""What devices say although it cannot be: a pure memory that compares each poll with those before it.

A Modbus answer can be well formed and wrong: one word slipped inside a block, a 32-bit value torn between two moments,
a block of zeros for a failed read, 0 % of charge on every other poll, a counter that falls. The rules, in the order in
which they count:

1. *Anchors* are what cannot leap: counters, codes of a known set, witnesses (words that never change), a block that is
   not all zeros. A block whose anchor leaps is read once more; if it leaps again nothing of it is believed now.
2. *Doubt*: a power, temperature, charge or counter that leaps, a code that changes, and everything in a device's first
   poll. The block is read once more, and what leaps is believed where both answers agree. Without a second answer it is
   not. Where an anchor follows a field in its block, a word slipped before the field moves the anchor too, and less
   is doubted; the limits are the two columns of `_LEAPS`.
3. A counter that falls is held: it has no value until it has caught up. It wraps where its register ends. One that goes
   on from a number far away for `_CONFIRM_COUNTER` polls in a row has been replaced, and is believed from there. After
   `_GIVE_UP` polls an anchor spoils its block no more.
4. A charge of 0 % behind one of `_ZERO_FROM` and more needs `_CONFIRM` polls in a row.
5. A leap to a raw number of all zeros or all ones is what failed reads look like. Where no anchor vouches for it, a
   power needs two polls in a row, a temperature three, and so does a code of all ones.
6. A block with two powers that are not zero, the same to the last bit for `_SAME_POLLS` polls and `_SAME_MS`, is stale.
7. What never had a value, and of which the device says itself that there is none while it is awake, it does not have.

Nothing here is kept over a restart. Times are ms of the readings; a clock that is set back counts as standing still.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from agent.domain.signals import INVERTER_STATE, InverterState, Kind, Quality, spec_of
from agent.sources.answers import Answer, Decoder, Number
from agent.sources.profile import TYPE_WORDS, Field

_CONFIRM: Final = 3
_CONFIRM_COUNTER: Final = 10
_GIVE_UP: Final = 5
_ZERO_FROM: Final = 3.0
_SAME_POLLS: Final = 10
_SAME_MS: Final = 300_000
_ZERO_WORDS: Final = 8
_ANCHORS: Final = ("counter", "code", "witness")

# What a house can do: a leap beyond is doubted, not refused. Distance, share of the last value and distance per second,
# for a field that an anchor vouches for, and for one that none does.
_LEAPS: Final = {
    ("power", True): (1500.0, 0.25, 0.0),
    ("power", False): (200.0, 0.1, 0.0),
    ("temperature", True): (10.0, 0.0, 1.0),
    ("temperature", False): (2.0, 0.0, 0.05),
    ("charge", True): (10.0, 0.0, 0.05),
    ("charge", False): (3.0, 0.0, 0.05),
}
_COUNTER_LEAP_WH: Final = 50.0
_COUNTER_LEAP_W: Final = 30_000.0
_COUNTER_SLACK_WH: Final = 2000.0
_MOST_W: Final = 200_000.0
_HELD_STEPS: Final = 5.0
_HELD_WH: Final = 1000.0
# Two answers to the same request, a moment apart.
_AGREE_W: Final = 200.0
_AGREE_SHARE: Final = 0.1
_AGREE_PLAIN: Final = 2.0


class Poll(msgspec.Struct, frozen=True):
    """One round of answers, the numbers they gave, and which fields the device itself says to have no value.

    refused: blocks that the device does not have.
    """

    at_ms: int
    answers: Sequence[Answer]
    numbers: Sequence[Number]
    empty: frozenset[int] = frozenset()
    refused: frozenset[int] = frozenset()


class _Memory(msgspec.Struct):
    """What is known of one field: its kind, the last value believed, and what might replace it."""

    kind: str
    step: float
    whole: float
    value: float | None = None
    at_ms: int = 0
    pending: float | None = None
    pending_ms: int = 0
    agreed: int = 0
    streak: int = 0
    free: bool = False
    """It may take any value that does not leap."""

    def __post_init__(self) -> None:
        self.free = self.kind not in ("counter", "charge", "witness")

    def believe(self, value: float, at_ms: int) -> None:
        self.value, self.at_ms = value, at_ms
        self.pending, self.agreed, self.streak = None, 0, 0

    def complain(self, value: float, at_ms: int) -> bool:
        """Note a value that cannot follow the last one; whether it has been confirmed by now."""
        follows = self.pending is not None and self._follows(self.pending, self.pending_ms, value, at_ms)
        self.agreed = self.agreed + 1 if follows else 1
        self.pending, self.pending_ms = value, at_ms
        return self.agreed >= (_CONFIRM_COUNTER if self.kind == "counter" else _CONFIRM)

    def repeat(self, value: float) -> int:
        """Note a value that only repetition makes likely; how often in a row it has been said."""
        self.agreed = self.agreed + 1 if self.pending == value else 1
        self.pending = value
        return self.agreed

    def impossible(self, value: float, at_ms: int) -> bool:
        return self.value is not None and not self._follows(self.value, self.at_ms, value, at_ms)

    def _follows(self, before: float, before_ms: int, value: float, at_ms: int) -> bool:
        if self.kind == "counter":
            most = _MOST_W * max(0, at_ms - before_ms) / 3.6e6 + max(_COUNTER_SLACK_WH, 2 * self.step)
            return 0 <= value - before <= most or (self.whole > 0 and 0 <= value - before + self.whole <= most)
        if self.kind == "charge":
            return value > 0 or before < _ZERO_FROM
        return self.kind != "witness" or value == before

    def held(self, value: float) -> bool:
        """A counter that has fallen by a little: of no value itself, but no sign of a slipped block."""
        last = self.value
        most = max(_HELD_WH, _HELD_STEPS * self.step)
        return self.kind == "counter" and last is not None and 0 < last - value <= most

    def leaps(self, value: float, at_ms: int, anchored: bool) -> bool:
        """Whether the value is so far from the last one that it should be read again."""
        if self.value is None:
            return True
        distance = abs(value - self.value)
        passed_s = max(0, at_ms - self.at_ms) / 1000
        if self.kind == "counter":
            return distance > max(_COUNTER_LEAP_WH, 2 * self.step, _COUNTER_LEAP_W * passed_s / 3600)
        plain, share, rate = _LEAPS.get((self.kind, anchored), (0.0, 0.0, 0.0))
        return distance > max(plain, share * abs(self.value)) + rate * passed_s

    def agrees(self, first: float, second: float) -> bool:
        """Whether two answers within a moment can both be true."""
        distance = abs(first - second)
        if self.kind == "power":
            return distance <= max(_AGREE_W, _AGREE_SHARE * abs(first))
        if self.kind == "counter":
            return distance <= max(_MOST_W / 3600, 2 * self.step)
        return distance <= _AGREE_PLAIN if self.kind in ("temperature", "charge") else first == second


class _BlockMemory(msgspec.Struct):
    """The last words of one block, and how long they have been the same."""

    words: tuple[int, ...] = ()
    since_ms: int = 0
    same: int = 0
    zeros: int = 0
    fields: list[int] = []


class Guards:
    """The memory of one device. `doubts` says what to read again; `judge` what to believe.

    known: the fields that have had a value.
    """

    def __init__(self, decoder: Decoder, blocks: int) -> None:
        self.known: set[int] = set()
        self._decoder = decoder
        self._memory = [_memory_of(found) for found in decoder.fields]
        self._blocks = [_BlockMemory() for _ in range(blocks)]
        self._of = [slot.blocks for slot in decoder.slots]
        for index, places in enumerate(self._of):
            for block in places:
                self._blocks[block].fields.append(index)
        self._state = next((i for i, f in enumerate(decoder.fields) if f.name == INVERTER_STATE), None)
        anchors = [i for i, memory in enumerate(self._memory) if memory.kind in _ANCHORS]
        self._anchored = [
            all(any(block in self._of[a] and _end(decoder, a) >= _end(decoder, i) for a in anchors) for block in places)
            for i, places in enumerate(self._of)
        ]

    def doubts(self, poll: Poll) -> frozenset[int]:
        """The blocks that should be read once more before they are believed."""
        return frozenset(
            block
            for block, words in enumerate(poll.answers)
            if not isinstance(words, Quality) and (self._slipped(block, poll, None) or self._leaping(poll, block))
        )

    def judge(self, poll: Poll, again: Poll | None = None, doubtful: frozenset[int] | None = None) -> list[Number]:
        """The numbers to believe, of the second answer where there is one; `doubtful` is what `doubts` has said."""
        doubtful = self.doubts(poll) if doubtful is None else doubtful
        used = poll if again is None else again
        numbers = list(poll.numbers)
        spoiled: set[int] = set()
        for block in doubtful:
            for index in self._blocks[block].fields:
                numbers[index] = used.numbers[index]
            if self._slipped(block, used, None if again is None else poll):
                spoiled.add(block)
        for index, number in enumerate(numbers):
            memory = self._memory[index]
            if not doubtful and memory.free and isinstance(number, float):
                memory.believe(number, poll.at_ms)
            else:
                numbers[index] = self._settle(index, number, poll, again, doubtful, spoiled)
            if memory.value is not None:
                self.known.add(index)
        self._remember_blocks(poll, used, doubtful, numbers)
        return self._without_absent(used if doubtful else poll, numbers)

    def _slipped(self, block: int, poll: Poll, other: Poll | None) -> bool:
        """Whether an anchor of this block says that its words are not where they should be.

        `other` is the first of two answers: a code that is unknown, but the same in both, is a code after all.
        """
        memory, words = self._blocks[block], poll.answers[block]
        if isinstance(words, Quality):
            return False
        if len(words) >= _ZERO_WORDS and not any(words) and any(memory.words) and memory.zeros < _CONFIRM - 1:
            return True
        return any(self._strange(index, poll, other) for index in memory.fields)

    def _strange(self, index: int, poll: Poll, other: Poll | None) -> bool:
        memory, number = self._memory[index], poll.numbers[index]
        if memory.kind not in _ANCHORS or memory.value is None or memory.streak >= _GIVE_UP:
            return False
        if isinstance(number, float):
            return memory.impossible(number, poll.at_ms) and not memory.held(number)
        if number is not Quality.INVALID or index in poll.empty:
            return False
        raw = self._decoder.raw(index, poll.answers)
        return memory.kind != "code" or other is None or self._decoder.raw(index, other.answers) != raw

    def _leaping(self, poll: Poll, block: int) -> bool:
        for index in self._blocks[block].fields:
            number = poll.numbers[index]
            if isinstance(number, float) and self._memory[index].leaps(number, poll.at_ms, self._anchored[index]):
                return True
        return False

    def _settle(
        self,
        index: int,
        number: Number,
        poll: Poll,
        again: Poll | None,
        doubtful: frozenset[int],
        spoiled: set[int],
    ) -> Number:
        """One field's number as it is believed, remembered."""
        memory, at_ms = self._memory[index], poll.at_ms
        if not isinstance(number, float):
            memory.streak = memory.streak + 1 if number is Quality.INVALID and index not in poll.empty else 0
            return number
        if memory.held(number):
            return Quality.INVALID
        if memory.impossible(number, at_ms):
            memory.streak += 1
            if not memory.complain(number, at_ms):
                return Quality.INVALID
            memory.believe(number, at_ms)
            return Quality.INVALID if self._of[index] & spoiled else number
        if self._of[index] & spoiled or not self._confirmed(index, number, poll, again, doubtful):
            return Quality.INVALID
        if self._extreme(index, number, poll if again is None else again):
            return Quality.INVALID
        memory.believe(number, at_ms)
        return number

    def _confirmed(self, index: int, number: float, poll: Poll, again: Poll | None, doubtful: frozenset[int]) -> bool:
        memory, places = self._memory[index], self._of[index]
        if not places & doubtful:
            return True
        if not memory.leaps(number, poll.at_ms, self._anchored[index]):
            return True
        first = poll.numbers[index]
        return again is not None and isinstance(first, float) and memory.agrees(first, number)

    def _extreme(self, index: int, number: float, used: Poll) -> bool:
        """Whether it is a leap to all zeros or all ones that has not been said often enough yet."""
        memory, anchored = self._memory[index], self._anchored[index]
        if memory.value is None or anchored or not memory.leaps(number, used.at_ms, anchored):
            return False
        raw = self._decoder.raw(index, used.answers)
        ones = (1 << 16 * self._decoder.fields[index].register.width) - 1
        if raw == ones or (raw == 0 and memory.kind in ("power", "temperature")):
            return memory.repeat(number) < (2 if memory.kind == "power" else _CONFIRM)
        return False

    def _remember_blocks(self, poll: Poll, used: Poll, doubtful: frozenset[int], numbers: list[Number]) -> None:
        for block, memory in enumerate(self._blocks):
            words = (used if block in doubtful else poll).answers[block]
            if isinstance(words, Quality):
                continue
            zero = len(words) >= _ZERO_WORDS and not any(words) and any(memory.words)
            memory.zeros = memory.zeros + 1 if zero else 0
            if zero and memory.zeros < _CONFIRM:
                continue
            now = tuple(words)
            if now != memory.words:
                memory.words, memory.since_ms, memory.same = now, poll.at_ms, 1
                continue
            memory.same += 1
            if memory.same >= _SAME_POLLS and poll.at_ms - memory.since_ms >= _SAME_MS:
                self._mark_stale(memory, numbers)

    def _mark_stale(self, block: _BlockMemory, numbers: list[Number]) -> None:
        live = [i for i in block.fields if self._memory[i].kind == "power" and numbers[i] not in (0.0, None)]
        if len(live) < 2:
            return
        for index in block.fields:
            if self._memory[index].kind in ("power", "charge", "temperature") and isinstance(numbers[index], float):
                numbers[index] = Quality.STALE

    def _without_absent(self, poll: Poll, numbers: list[Number]) -> list[Number]:
        awake = self._awake(numbers)
        for index, number in enumerate(numbers):
            if number is not Quality.INVALID or self._memory[index].value is not None:
                continue
            if self._of[index] & poll.refused or (awake and index in poll.empty):
                numbers[index] = None
        return numbers

    def _awake(self, numbers: Sequence[Number]) -> bool:
        if self._state is None or self._memory[self._state].value is None:
            return any(isinstance(number, float) for number in numbers)
        state = numbers[self._state]
        return isinstance(state, float) and state not in (InverterState.OFF, InverterState.SLEEPING)


def _end(decoder: Decoder, index: int) -> int:
    """Where in its block a field ends."""
    return decoder.slots[index].start + decoder.fields[index].register.width


def _memory_of(found: Field) -> _Memory:
    register = found.register
    bits = 16 * TYPE_WORDS.get(register.type, 0)
    floating = register.type == "f32" or register.scale_register is not None
    step = abs(register.scale)
    whole = 0.0 if floating or bits == 0 or bits > 32 else step * 2.0**bits
    return _Memory(_kind_of(found), step, whole)


def _kind_of(found: Field) -> str:
    """What the field may do from one poll to the next."""
    register, spec = found.register, spec_of(found.name)
    if register.witness:
        return "witness"
    if register.map or register.bits or register.bit is not None or register.type == "coil":
        return "code" if register.map else "flag"
    if spec is not None and spec.kind is Kind.COUNTER:
        return "counter"
    unit = spec.unit if spec is not None else register.unit
    return {"W": "power", "°C": "temperature", "Wh": "counter", "%": "charge"}.get(unit, "other")
