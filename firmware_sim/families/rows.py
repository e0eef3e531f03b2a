"""A register table as text, and the encoding of a plant's facts into its words.

One row a line: `ADDRESS TYPE WHAT`, then settings `key=value` in any order. ADDRESS is 0-based; two addresses with a
comma between them are the low and the high word of one value that do not lie side by side. TYPE is u8, u16, i16, u32,
i32, u64, f32 or sN, a text of N words. WHAT names a fact of the plant, or is a number that always
stands there. Settings:

    k       what one unit of the register is worth (1)
    add     added before the number is divided by k (0)
    plus    what a positive number means where that is not the plant's way: `export` or `discharge`
    order   `hi` or `lo`: which word comes first (the table's)
    nan     pattern of the words, together as one number, that says "no value"
    codes   name of a list that turns a word of the plant into a number
    bits    name of a list that turns flags of the plant into bits
    wrap    `1` where a number that does not fit loses its upper bits instead of being refused
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeAlias

from firmware_sim.registers import Spot, SpotKind, words_text

Fact: TypeAlias = float | str | frozenset[str]
Facts: TypeAlias = Mapping[str, Fact]
Codes: TypeAlias = Mapping[str, int]

_LENGTHS: Final = {"u8": 1, "u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4}
_LIMITS: Final = {
    "u8": (0, 0xFF), "u16": (0, 0xFFFF), "i16": (-0x8000, 0x7FFF), "u32": (0, 0xFFFF_FFFF),
    "i32": (-0x8000_0000, 0x7FFF_FFFF), "u64": (0, 0xFFFF_FFFF_FFFF_FFFF),
}  # fmt: skip
# What a device that names no pattern of its own shows when everything on it is empty, as after a cold start.
_EMPTY: Final = {"u8": 0xFF, "i16": 0x8000, "i32": 0x8000_0000, "f32": 0x7FC0_0000}
_TURNED: Final = frozenset({"export", "discharge"})


def _unsigned(text: str) -> int:
    return int(text, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a table. `nan` is None where the device has no pattern for "no value"."""

    addresses: tuple[int, ...]
    type: str
    what: str
    k: float = 1.0
    add: float = 0.0
    plus: str = ""
    low_first: bool = False
    nan: int | None = None
    codes: Codes = field(default_factory=dict)
    bits: Codes = field(default_factory=dict)
    wrap: bool = False

    @property
    def length(self) -> int:
        """Words it takes."""
        return int(self.type[1:]) if self.type.startswith("s") else _LENGTHS[self.type]

    @property
    def constant(self) -> bool:
        """Whether the same number always stands there."""
        return self.what[0].isdigit()

    @property
    def kind(self) -> SpotKind:
        """How its value behaves."""
        if self.type.startswith("s"):
            return SpotKind.TEXT
        if self.codes or self.bits or self.constant:
            return SpotKind.CODE
        if self.what.startswith("e_"):
            return SpotKind.COUNTER
        return SpotKind.CHARGE if self.what == "soc" else SpotKind.GAUGE


def parse_rows(text: str, low_first: bool, lists: Mapping[str, Codes]) -> tuple[Row, ...]:
    """The rows of a table; empty lines and what stands behind `#` are left out. Raises `ValueError`.

    >>> parse_rows("37113 i32 p_grid plus=export  # the meter", False, {})[0].addresses
    (37113, 37114)
    """
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return tuple(_row(cells, low_first, lists) for cells in lines if cells)


def _row(cells: list[str], low_first: bool, lists: Mapping[str, Codes]) -> Row:
    if len(cells) < 3:
        raise ValueError(f"{' '.join(cells)!r} is not a row; expected ADDRESS TYPE WHAT")
    place, type_, what, *settings = cells
    row = Row((), type_, what, low_first=low_first)
    values: dict[str, object] = {}
    readers: Mapping[str, Callable[[str], tuple[str, object]]] = {
        "k": lambda text: ("k", float(text)),
        "add": lambda text: ("add", float(text)),
        "plus": lambda text: ("plus", text),
        "order": lambda text: ("low_first", text == "lo"),
        "nan": lambda text: ("nan", _unsigned(text)),
        "codes": lambda text: ("codes", lists[text]),
        "bits": lambda text: ("bits", lists[text]),
        "wrap": lambda text: ("wrap", text == "1"),
    }
    for setting in settings:
        key, _, value = setting.partition("=")
        if key not in readers:
            raise ValueError(f"{setting!r} in {' '.join(cells)!r}; expected one of {', '.join(readers)}")
        name, parsed = readers[key](value)
        values[name] = parsed
    shape = {name: getattr(row, name) for name in ("type", "what", "low_first")} | values
    return Row(addresses=_addresses(place, row.length, bool(shape["low_first"])), **shape)


def _addresses(text: str, length: int, low_first: bool) -> tuple[int, ...]:
    """Addresses in the order in which the words are made: as they lie, or low and high as written."""
    places = [_unsigned(part) for part in text.split(",")]
    if len(places) == 1:
        return tuple(range(places[0], places[0] + length))
    if len(places) != length:
        raise ValueError(f"{text!r} names {len(places)} words; expected {length}")
    return tuple(places if low_first else reversed(places))


def raw_number(row: Row, value: float, clip: bool = False) -> int:
    """The register's number for `value`, in the plant's sign. Raises `OverflowError` when it does not fit.

    `clip` keeps it at the end of the range instead, as a device does that is wired wrongly.
    """
    turned = -value if row.plus in _TURNED else value
    raw = round((turned + row.add) / row.k)
    low, high = _LIMITS[row.type]
    if row.wrap:
        return raw & high if low == 0 else raw
    if clip:
        return max(low, min(high, raw))
    if not low <= raw <= high:
        raise OverflowError(f"{row.what}: {raw} does not fit {row.type}, which takes {low} to {high}")
    return raw


def row_words(row: Row, fact: Fact | None, clip: bool = False) -> tuple[int, ...]:
    """The words of one row in the order of its addresses. A fact that is not there gives "no value", or 0."""
    if row.type.startswith("s"):
        return tuple(words_text(fact if isinstance(fact, str) else "", row.length))
    if row.constant:
        fact = float(_unsigned(row.what))
    if fact is None:
        return split_words(row.nan or 0, row.length, row.low_first)
    if row.type == "f32":
        number = float(fact) if isinstance(fact, int | float) else math.nan
        (pattern,) = struct.unpack(">I", struct.pack(">f", _turned(row, number)))
        return split_words(pattern, 2, row.low_first)
    return split_words(_whole(row, fact, clip), row.length, row.low_first)


def _turned(row: Row, value: float) -> float:
    return (-value if row.plus in _TURNED else value) / row.k + 0.0  # a meter shows no -0.0


def _whole(row: Row, fact: Fact, clip: bool) -> int:
    if row.constant:
        return _unsigned(row.what)
    if isinstance(fact, frozenset):
        return sum(1 << place for flag, place in row.bits.items() if flag in fact)
    if isinstance(fact, str):
        if fact not in row.codes and "else" not in row.codes:
            raise ValueError(f"{row.what}: the list has no number for {fact!r}")
        return row.codes.get(fact, row.codes.get("else", 0))
    return raw_number(row, fact, clip)


def split_words(pattern: int, length: int, low_first: bool) -> tuple[int, ...]:
    """A number's two's complement as `length` words.

    >>> split_words(65537 + 1, 2, True)
    (2, 1)
    """
    words = [(pattern >> 16 * place) & 0xFFFF for place in range(length)]
    return tuple(words if low_first else reversed(words))


def empty_words(row: Row) -> tuple[int, ...]:
    """The words of a row on a device whose tables are still empty: its own pattern, or the usual one of its type."""
    if row.type.startswith("s"):
        return (0,) * row.length
    usual = _EMPTY.get(row.type, (1 << 16 * row.length) - 1)
    return split_words(usual if row.nan is None else row.nan, row.length, row.low_first)


def spot_of(function: int, row: Row) -> Spot:
    """Where the row stands, for those who break it."""
    return Spot(function, row.addresses, row.what, row.kind, empty_words(row), row.low_first)


def bridged(addresses: Iterable[int], holes: int) -> set[int]:
    """The addresses and the holes of at most `holes` words between them.

    >>> sorted(bridged([1, 4, 9], 2))
    [1, 2, 3, 4, 9]
    """
    ordered = sorted(set(addresses))
    known = set(ordered)
    for left, right in pairwise(ordered):
        if right - left <= holes + 1:
            known.update(range(left, right))
    return known
