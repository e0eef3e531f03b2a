"""What goes wrong on a line, from when to when, and how often. The instant and the dice are passed in."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from firmware_sim.errors import BadArgument
from firmware_sim.registers import Image

ALWAYS_MS: Final = 2**62


class BusCode(StrEnum):
    """What a line or the values on it can suffer from."""

    # the wire
    NOISE = "noise"
    ECHO = "echo"
    SPLIT = "split"
    FOREIGN = "foreign"
    VANISH = "vanish"
    # requests and answers
    SILENCE = "silence"
    SLOW = "slow"
    LATE = "late"
    TRANSACTION = "transaction"
    EXCEPTION = "exception"
    GATEWAY_TIMEOUT = "gateway_timeout"
    DROP_FIRST = "drop_first"
    LENGTH = "length"
    # connections
    SECOND_CLIENT = "second_client"
    SLOW_START = "slow_start"
    IDLE_CLOSE = "idle_close"
    NIGHT_SLOW = "night_slow"
    NIGHT_REFUSE = "night_refuse"
    # values
    SENTINELS = "sentinels"
    ZEROS = "zeros"
    CONSTANT = "constant"
    STUCK = "stuck"
    TORN = "torn"
    COUNTER = "counter"
    SOC_ZERO = "soc_zero"
    WORDS_SWAPPED = "words_swapped"
    SIGN = "sign"
    SCALE_MOVES = "scale_moves"
    MOVED = "moved"
    FIRMWARE = "firmware"


# How a fault can look; the first is what is meant when nobody says.
FORMS: Final[Mapping[BusCode, tuple[str, ...]]] = {
    BusCode.NOISE: ("bit", "before", "tail"),
    BusCode.ECHO: ("whole", "partial"),
    BusCode.LATE: ("delayed", "previous"),
    BusCode.TRANSACTION: ("zero", "previous"),
    BusCode.LENGTH: ("short", "long", "slipped"),
    BusCode.SECOND_CLIENT: ("reset_old", "refuse_new", "mute_new"),
    BusCode.SLOW_START: ("mute", "busy"),
    BusCode.IDLE_CLOSE: ("close", "mute"),
    BusCode.SENTINELS: ("poll", "night", "wake", "connect"),
    BusCode.TORN: ("old_high", "old_low"),
    BusCode.COUNTER: ("dip", "reset", "minus_one"),
    BusCode.SIGN: ("battery", "grid"),
}
EXCEPTIONS: Final = (0, 1, 2, 3, 4, 5, 6, 10, 11)
# Seconds that a fault takes when nobody says.
SECONDS: Final[Mapping[BusCode, float]] = {
    BusCode.SLOW: 4.0, BusCode.LATE: 1.5, BusCode.GATEWAY_TIMEOUT: 1.0, BusCode.DROP_FIRST: 5.0,
    BusCode.SLOW_START: 1.5, BusCode.IDLE_CLOSE: 120.0, BusCode.NIGHT_SLOW: 3.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class BusFault:
    """One fault, `start_ms` ≤ t < `end_ms`. Only the fields that its code uses are looked at.

    Of the occasions it meets it strikes every n-th (`every`), or so many and then no more (`count`), or a share of
    them by chance (`rate`). `first` and `last` bound the addresses that it is about, `words` is how far addresses move
    or by how many steps scale factors do, `option` a family's `key=value`.
    """

    code: BusCode
    form: str = ""
    start_ms: int = 0
    end_ms: int = ALWAYS_MS
    rate: float = 1.0
    every: int = 0
    count: int = 0
    seconds: float = 0.0
    exception: int = 4
    first: int = 0
    last: int = 0xFFFF
    words: int = 1
    option: str = ""

    def touches(self, first: int, count: int) -> bool:
        """Whether a read of `count` words from `first` on meets the addresses that it is about."""
        return first <= self.last and self.first <= first + count - 1


def checked(fault: BusFault) -> BusFault:
    """The fault with its form and seconds filled in. Raises `BadArgument` for what cannot be."""
    forms = FORMS.get(fault.code, ("",))
    if fault.form and fault.form not in forms:
        known = ", ".join(forms) if forms != ("",) else "none"
        raise BadArgument(f"{fault.code}: form {fault.form!r} is not known; expected {known}")
    if fault.exception not in EXCEPTIONS:
        raise BadArgument(f"exception {fault.exception}: expected one of {', '.join(map(str, EXCEPTIONS))}")
    bounds = (("rate", fault.rate, 0.0, 1.0), ("every", fault.every, 0, 1000), ("count", fault.count, 0, 100_000))
    more = (("seconds", fault.seconds, 0.0, 3600.0), ("words", fault.words, -20_000, 20_000))
    for name, value, low, high in (*bounds, *more):
        if not low <= value <= high:
            raise BadArgument(f"{name} {value:g}: expected {low:g} to {high:g}")
    if fault.code is BusCode.FIRMWARE and "=" not in fault.option:
        raise BadArgument(f"firmware: option {fault.option!r} says nothing; expected KEY=VALUE")
    seconds = fault.seconds or SECONDS.get(fault.code, 0.0)
    return replace(fault, form=fault.form or forms[0], seconds=seconds)


@dataclass(slots=True)
class Striking:
    """A fault at work: how many occasions it met, how often it struck, and the image that a stuck block keeps."""

    fault: BusFault
    met: int = 0
    struck: int = 0
    held: Image | None = None

    @property
    def spent(self) -> bool:
        """Whether it will never strike again."""
        return bool(self.fault.count) and self.struck >= self.fault.count


@dataclass(slots=True)
class FaultBook:
    """All faults of a line, planned and switched on while it runs. The same seed strikes the same occasions."""

    planned: Iterable[BusFault] = ()
    seed: int = 0
    _all: list[Striking] = field(default_factory=list)
    dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._all = [Striking(checked(fault)) for fault in self.planned]
        self.dice = random.Random(f"{self.seed}/bus")

    def add(self, fault: BusFault) -> Striking:
        """Switches a fault on. Raises `BadArgument`."""
        striking = Striking(checked(fault))
        self._all.append(striking)
        return striking

    def clear(self, code: BusCode | None = None) -> int:
        """Switches one kind of fault off, or all; tells how many there were."""
        before = len(self._all)
        self._all = [striking for striking in self._all if code is not None and striking.fault.code is not code]
        return before - len(self._all)

    def active(self, at_ms: int) -> list[Striking]:
        """Every fault that may strike at `at_ms`."""
        return [
            striking
            for striking in self._all
            if striking.fault.start_ms <= at_ms < striking.fault.end_ms and not striking.spent
        ]

    def holding(self, code: BusCode, at_ms: int) -> BusFault | None:
        """The fault of this kind that lies over `at_ms`, without asking whether it strikes."""
        return next((striking.fault for striking in self.active(at_ms) if striking.fault.code is code), None)

    def strike(self, striking: Striking) -> bool:
        """One occasion: whether the fault strikes it."""
        fault = striking.fault
        striking.met += 1
        if fault.every:
            hits = striking.met % fault.every == 0
        else:
            hits = fault.rate >= 1.0 or self.dice.random() < fault.rate
        striking.struck += hits
        return hits

    def strikes(self, code: BusCode, at_ms: int) -> BusFault | None:
        """One occasion for all faults of this kind: the one that strikes it."""
        return next(
            (
                striking.fault
                for striking in self.active(at_ms)
                if striking.fault.code is code and self.strike(striking)
            ),
            None,
        )
