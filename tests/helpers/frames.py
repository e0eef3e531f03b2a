"""A device of any profile whose values move, and the ways in which its answers are spoilt on their way.

The words are made from the profile itself: what is tested with them is not what a profile means, but that a spoilt
answer is never taken for a true one.
"""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from agent.domain.signals import Kind, Quality, SignalName, spec_of
from agent.sources.answers import Answer, Decoder, MapMoved
from agent.sources.guards import Guards, Poll
from agent.sources.planning import Block, plan_reads, rules_of, spans_of
from agent.sources.profile import Field, Profile, bind_absolute
from agent.sources.rtu_frame import frame_of, take_answer, wanted_of

INTERVAL_MS = 10_000
WIDTHS = {"u32": 2, "i32": 2, "f32": 2, "bits32": 2, "u64": 4, "i64": 4, "bits64": 4}


class MovingDevice:
    """Words by (unit, function, address); `step` moves every value a little, now and then one by a lot."""

    def __init__(self, profile: Profile, random: Random) -> None:
        self.profile = profile
        self.random = random
        stations = {entry.name: 200 + index for index, entry in enumerate(profile.station)}
        layout = bind_absolute(profile, profile.limits.unit, stations)
        rules = rules_of(profile.limits, profile.limits.unit, stations)
        self.blocks = plan_reads(spans_of(layout.fields, rules), rules)
        self.decoder = Decoder(profile, layout, self.blocks)
        self.memory = {(b.unit, b.function, b.address + i): 0 for b in self.blocks for i in range(b.count)}
        self._values = [self._first(found) for found in layout.fields]
        self._put()

    def _first(self, found: Field) -> float:
        spec, unit = spec_of(found.name), found.register.unit
        if found.register.map:
            return float(int(self.random.choice(list(found.register.map)).partition("..")[0], 0))
        if spec is not None and spec.kind is Kind.COUNTER:
            return self.random.uniform(1e6, 9e6)
        centre = {"%": 55.0, "°C": 35.0, "bar": 1.6, "W": 2500.0}
        return centre.get(spec.unit if spec is not None else unit, 0.0) * self.random.uniform(0.6, 1.3)

    def step(self) -> None:
        for index, found in enumerate(self.decoder.fields):
            spec = spec_of(found.name)
            unit = spec.unit if spec is not None else found.register.unit
            if spec is not None and spec.kind is Kind.COUNTER:
                self._values[index] += self.random.uniform(0, 20)
            elif unit == "W":
                size = 2000.0 if self.random.random() < 0.02 else 60.0
                self._values[index] = min(6000.0, max(40.0, self._values[index] + self.random.gauss(0, size)))
            elif unit in ("%", "°C"):
                self._values[index] = min(55.0, max(6.0, self._values[index] + self.random.gauss(0, 0.2)))
        self._put()

    def _put(self) -> None:
        for found, value in zip(self.decoder.fields, self._values, strict=True):
            register = found.register
            places = register.scattered or range(found.address, found.address + register.width)
            for address, word in zip(places, words_for(self.profile, found, value), strict=True):
                self.memory[found.unit, register.function, address] = word

    def answer(self, block: Block) -> list[int]:
        return [self.memory[block.unit, block.function, block.address + i] for i in range(block.count)]

    def answers(self) -> list[Answer]:
        return [self.answer(block) for block in self.blocks]


def words_for(profile: Profile, found: Field, value: float) -> list[int]:
    """A register's words for a value."""
    register = found.register
    if register.map or register.bits or register.bit is not None or register.type == "coil":
        raw = int(value) if register.map else 0
    elif register.type == "f32":
        raw = struct.unpack(">I", struct.pack(">f", (value - register.offset) / (register.scale * register.sign)))[0]
    else:
        raw = round((value - register.offset) / (register.scale * register.sign))
    words = [raw >> 16 * (register.width - 1 - i) & 0xFFFF for i in range(register.width)]
    return words if (register.order or profile.order) == "hi" else words[::-1]


Spoil = Callable[[MovingDevice, Block, list[int]], list[int]]


def slip_in(device: MovingDevice, block: Block, words: list[int]) -> list[int]:
    """One word too many inside the block, the last one lost."""
    place = device.random.randrange(len(words))
    return [*words[:place], device.random.choice([0, words[place], 0xFFFF]), *words[place:-1]]


def slip_out(device: MovingDevice, block: Block, words: list[int]) -> list[int]:
    """One word lost, something behind the last one."""
    place = device.random.randrange(len(words))
    return [*words[:place], *words[place + 1 :], device.random.choice([0, words[-1], 0xFFFF])]


def torn(device: MovingDevice, block: Block, words: list[int]) -> list[int]:
    """High and low word of one value from two moments, between which the low one went over."""
    wide = [f for f in device.decoder.fields if f.register.width == 2 and not f.register.scattered]
    inside = [f for f in wide if block.address <= f.address <= block.last and f.unit == block.unit]
    if not inside:
        return words
    found = device.random.choice(inside)
    low_first = (found.register.order or device.profile.order) == "lo"
    high = found.address - block.address + (1 if low_first else 0)
    spoilt = list(words)
    spoilt[high] = spoilt[high] + device.random.choice([-1, 1]) & 0xFFFF
    return spoilt


def constant(device: MovingDevice, block: Block, words: list[int]) -> list[int]:
    """A fixed pattern instead of the block."""
    return [device.random.choice([0, 0xFFFF, 0x8000, 0x7FFF])] * len(words)


def other_block(device: MovingDevice, block: Block, words: list[int]) -> list[int]:
    """The answer to another request, cut or repeated to this one's length."""
    other = device.answer(device.random.choice(device.blocks))
    return (other * (len(words) // len(other) + 1))[: len(words)]


def moved(device: MovingDevice, block: Block, words: list[int]) -> list[int]:
    """Every word one or more places further, the rest turned around."""
    by = device.random.randrange(1, len(words)) if len(words) > 1 else 0
    return [*words[by:], *words[:by]]


SPOILS: Sequence[Spoil] = (slip_in, slip_out, torn, constant, other_block, moved)


def limit_of(name: str, truth: float) -> float:
    """How far from the truth a value may be that no rule can tell from a true one."""
    spec = spec_of(name)
    kind = "" if spec is None else spec.unit
    return {"W": max(1500.0, 0.25 * abs(truth)), "°C": 20.0, "%": 10.5, "Wh": 2000.0}.get(kind, 0.0)


@dataclass
class Tally:
    """What came of the spoilt frames.

    near: values taken although not the truth. wrong: of these, those further than the limit from the truth and from the
    last value that was taken: a leap that never was.
    """

    frames: int = 0
    refused_on_the_wire: int = 0
    passed_the_checksum: int = 0
    values: int = 0
    withheld: int = 0
    near: int = 0
    wrong: int = 0
    worst: str = ""


class Stream:
    """Polls of one device through decoder and guards, with spoilt answers among them.

    second: how likely the answer to the repeated request is spoilt too.
    """

    def __init__(self, profile: Profile, random: Random, *, second: float = 0.1) -> None:
        self.device = MovingDevice(profile, random)
        self.random = random
        self.guards = Guards(self.device.decoder, len(self.device.blocks))
        self.at_ms = 0
        self.second = second
        self.tally = Tally()
        self._truth = self.device.decoder.decode(self.device.answers())[0]
        self._given = self.believe(self.take(self.device.answers()), self.take(self.device.answers()))

    def poll(self) -> None:
        """One poll with one spoilt block; the tally tells whether anything wrong was taken."""
        how = self.random.choice(SPOILS)
        again = self.random.choice([other for other in SPOILS if other is not how])
        self._move()
        self._judge(self._spoilt(how, 1.0), self._spoilt(again, self.second))

    def wire(self) -> None:
        """One RTU answer damaged on the line: it is refused, or if its checksum holds by chance, judged."""
        index = self.random.choice([i for i, b in enumerate(self.device.blocks) if b.function in (3, 4)])
        block = self.device.blocks[index]
        words = self.device.answer(block)
        request = frame_of(block.unit, struct.pack(">BHH", block.function, block.address, block.count))
        body = struct.pack(f">BB{block.count}H", block.function, 2 * block.count, *words)
        found = take_answer(damage(self.random, frame_of(block.unit, body)), wanted_of(request))
        self.tally.frames += 1
        if found is None or found == body:
            self.tally.refused_on_the_wire += 1
            return
        self.tally.passed_the_checksum += 1
        self._move()
        answers = self.device.answers()
        answers[index] = struct.unpack(f">{block.count}H", found[2:])
        self._judge(self.take(answers), self.take(self.device.answers()))

    def _move(self) -> None:
        self.device.step()
        self.at_ms += INTERVAL_MS
        self._truth = self.device.decoder.decode(self.device.answers())[0]

    def _judge(self, first: Poll, again: Poll) -> None:
        values = self.believe(first, again)
        self.tally.values += len(values)
        self.tally.withheld += len(self._truth) - len(values)
        for name, value in values.items():
            truth = self._truth.get(name)
            if truth is not None and math.isclose(value, truth, rel_tol=1e-9, abs_tol=1e-6):
                continue
            self.tally.near += 1
            possible = [known for known in (truth, self._given.get(name)) if known is not None]
            if not any(abs(value - known) <= limit_of(name, known) for known in possible):
                self.tally.wrong += 1
                self.tally.worst = f"{self.device.profile.name} {name}: {value:g} for {truth}"
        self._given |= values

    def spoilt_answers(self, how: Spoil | None = None) -> list[Answer]:
        """The device's answers with one of them spoilt."""
        answers = self.device.answers()
        index = self.random.randrange(len(answers))
        words = answers[index]
        assert not isinstance(words, Quality)
        spoil = self.random.choice(SPOILS) if how is None else how
        answers[index] = spoil(self.device, self.device.blocks[index], list(words))
        self.tally.frames += 1
        return answers

    def _spoilt(self, how: Spoil, chance: float) -> Poll:
        return self.take(self.spoilt_answers(how) if self.random.random() < chance else self.device.answers())

    def take(self, answers: list[Answer]) -> Poll:
        numbers = self.device.decoder.numbers(answers)
        return Poll(self.at_ms, answers, numbers, self.device.decoder.empty(answers, numbers))

    def believe(self, first: Poll, again: Poll) -> dict[SignalName, float]:
        doubtful = self.guards.doubts(first)
        merged = [words if index in doubtful else first.answers[index] for index, words in enumerate(again.answers)]
        try:
            second = self.take(merged) if doubtful else None
        except MapMoved:
            return {}
        return self.device.decoder.compose(self.guards.judge(first, second), self.guards.known)[0]


def damage(random: Random, frame: bytes) -> bytes:
    """A frame as a bad line leaves it."""
    data = bytearray(frame)
    kind = random.randrange(5)
    if kind == 0:
        for _ in range(random.randrange(1, 9)):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif kind == 1:
        start = random.randrange(len(data))
        for place in range(start, min(len(data), start + random.randrange(1, 12))):
            data[place] = random.randrange(256)
    elif kind == 2:
        del data[random.randrange(len(data))]
    elif kind == 3:
        data.insert(random.randrange(len(data)), random.randrange(256))
    else:
        data = data[random.randrange(1, len(data)) :] + data
        data[random.randrange(len(data))] ^= random.randrange(1, 256)
    return bytes(data)
