"""What is wrong with the values in one answer: the words of a read, bent by faults. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from firmware_sim.bus.faults import BusCode, BusFault
from firmware_sim.registers import Image, Spot, SpotKind

CONSTANT_WORD: Final = 0x1234
_MULTI: Final = (2, 4)
Words = dict[int, int]


@dataclass(frozen=True, slots=True)
class Read:
    """One read of registers: from which device, with which function, from where, how many."""

    device: Image
    function: int
    first: int
    count: int

    def meets(self, spot: Spot) -> bool:
        """Whether it reads a word of `spot`."""
        return spot.function == self.function and any(
            self.first <= address < self.first + self.count for address in spot.addresses
        )

    @property
    def spots(self) -> list[Spot]:
        """The values that it reads, wholly or in part."""
        return [spot for spot in self.device.spots if self.meets(spot)]


def bent(read: Read, fault: BusFault, other: Image | None) -> Words:
    """The words, by address, that `fault` changes in `read`; empty where it has nothing to bite on.

    `other` is the same device at another instant: what a torn pair mixes in, or what a stuck block keeps.
    """
    table = read.device.tables[read.function]
    change = _CHANGES[fault.code]
    before = other.tables.get(read.function, table) if other is not None else table
    changed: Words = {}
    for spot in read.spots:
        if fault.first <= spot.addresses[0] <= fault.last:
            words = change(spot, fault, table, before)
            changed |= {} if words is None else dict(zip(spot.addresses, words, strict=True))
    return {address: word for address, word in changed.items() if table[address] != word}


_Change = Callable[[Spot, BusFault, Mapping[int, int], Mapping[int, int]], "tuple[int, ...] | None"]


def _now(spot: Spot, table: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(table[address] for address in spot.addresses)


def _numbers_only(words: Callable[[Spot], tuple[int, ...]]) -> _Change:
    def change(
        spot: Spot, _fault: BusFault, _table: Mapping[int, int], _before: Mapping[int, int]
    ) -> tuple[int, ...] | None:
        return None if spot.kind is SpotKind.TEXT else words(spot)

    return change


def _stuck(spot: Spot, _fault: BusFault, table: Mapping[int, int], before: Mapping[int, int]) -> tuple[int, ...] | None:
    return tuple(before.get(address, table[address]) for address in spot.addresses)


def _torn(spot: Spot, fault: BusFault, table: Mapping[int, int], before: Mapping[int, int]) -> tuple[int, ...] | None:
    if spot.kind is SpotKind.TEXT or len(spot.addresses) not in _MULTI:
        return None
    old, new = _stuck(spot, fault, table, before) or (), _now(spot, table)
    half = len(new) // 2
    old_first = (fault.form == "old_high") is not spot.low_first
    return old[:half] + new[half:] if old_first else new[:half] + old[half:]


def _counter(
    spot: Spot, fault: BusFault, table: Mapping[int, int], _before: Mapping[int, int]
) -> tuple[int, ...] | None:
    if spot.kind is not SpotKind.COUNTER:
        return None
    if fault.form == "reset":
        return (0,) * len(spot.addresses)
    if fault.form == "minus_one":
        return (0xFFFF,) * len(spot.addresses)
    words = _now(spot, table)
    number = sum(word << 16 * place for place, word in enumerate(words if spot.low_first else words[::-1]))
    lower = max(0, number - 1)
    split = tuple((lower >> 16 * place) & 0xFFFF for place in range(len(words)))
    return split if spot.low_first else split[::-1]


def _soc_zero(
    spot: Spot, _fault: BusFault, _table: Mapping[int, int], _before: Mapping[int, int]
) -> tuple[int, ...] | None:
    return (0,) * len(spot.addresses) if spot.kind is SpotKind.CHARGE else None


def swapped(
    spot: Spot, _fault: BusFault, table: Mapping[int, int], _before: Mapping[int, int]
) -> tuple[int, ...] | None:
    """The words of a value of 32 or 64 bits the other way round."""
    if spot.kind is SpotKind.TEXT or len(spot.addresses) not in _MULTI:
        return None
    return _now(spot, table)[::-1]


_CHANGES: Final[Mapping[BusCode, _Change]] = {
    BusCode.SENTINELS: _numbers_only(lambda spot: spot.nothing),
    BusCode.ZEROS: _numbers_only(lambda spot: (0,) * len(spot.addresses)),
    BusCode.CONSTANT: _numbers_only(lambda spot: (CONSTANT_WORD,) * len(spot.addresses)),
    BusCode.STUCK: _stuck,
    BusCode.TORN: _torn,
    BusCode.COUNTER: _counter,
    BusCode.SOC_ZERO: _soc_zero,
    BusCode.WORDS_SWAPPED: swapped,
}
VALUE_CODES: Final = frozenset(_CHANGES)
