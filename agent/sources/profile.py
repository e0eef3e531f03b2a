"""What a device's registers mean, as data.

A profile names registers by their place in a device, absolute or inside a SunSpec model. `Field` is such a register
found at its place; `Layout` is all that one device gives. Addresses are 0-based, as they travel on the wire.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

import msgspec

from agent.domain.signals import INVERTER_ALARM, INVERTER_STATE, InverterAlarm, InverterState, SignalName

TYPE_WORDS: Final[Mapping[str, int]] = {
    "coil": 1,
    "u16": 1,
    "i16": 1,
    "bits16": 1,
    "enum16": 1,
    "u32": 2,
    "i32": 2,
    "f32": 2,
    "bits32": 2,
    "u64": 4,
    "str": 0,
}
"""Words that a value of each type takes; a text says its own number, a coil is one bit."""

COIL_FUNCTIONS: Final = (1, 2)
MODBUS_WORDS: Final = 125
MODBUS_BITS: Final = 2000

IdentityField = Literal["maker", "model", "serial", "firmware"]
WordOrder = Literal["hi", "lo"]


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table whose unknown keys are refused."""


class Register(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of the device. Its number is `(raw · scale · 10^factor) · sign + offset`.

    signal: a name of the vocabulary, or one beginning with `_` for formulas only.
    at: words behind the header of a SunSpec model named in `models`; `role` picks the repeated modules it belongs to.
    scale_register: where the power-of-ten factor stands (address, or `at` in a model), or that register's name.
    sentinel: raw patterns that mean "no value"; unset takes the profile's patterns of this type.
    map, bits: vendor's number or bit to a word of the common small set; the first bit in the file's order wins.
    bit: this one bit as 0 or 1. above: 1 when the number is above it, else 0.
    low, high: outside them the value is not believed. floor: that far below the signal's range it counts as the bound.
    group: all of one group are read in one request. fallback: the name that gives the value where this one has none.
    """

    type: str
    signal: str = ""
    identity: IdentityField | None = None
    function: int = 3
    address: int | None = None
    models: tuple[int, ...] = ()
    at: int | None = None
    role: str = ""
    words: int = 0
    order: WordOrder | None = None
    scale: float = 1.0
    scale_register: int | str | None = None
    sign: Literal[1, -1] = 1
    offset: float = 0.0
    unit: str = ""
    sentinel: tuple[int, ...] | None = None
    map: dict[str, str | float] = {}
    bits: dict[str, str | float] = {}
    bit: int | None = None
    above: float | None = None
    low: float | None = None
    high: float | None = None
    floor: float = 0.0
    group: str = ""
    fallback: str = ""
    variant: str = ""
    text: str = "{}"
    note: str = ""

    @property
    def name(self) -> str:
        return self.signal or (self.identity or "")

    @property
    def width(self) -> int:
        """Words (or coils) it takes."""
        return self.words or TYPE_WORDS.get(self.type, 0)

    @property
    def place(self) -> int:
        """`address`, or `at` inside a model."""
        if self.address is not None:
            return self.address
        return self.at if self.at is not None else -1


class Derived(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signal that is a sum of others of the same poll.

    Of several with one signal the first counts whose terms the device has, and that has no name of `unless`.
    """

    signal: str
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    floor: float = 0.0
    variant: str = ""
    note: str = ""


class Readable(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses `first` to `last` exist; a read that leaves them fails as a whole."""

    function: int
    first: int
    last: int


class Limits(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the device puts up with. `merge_gap` words may be read in vain to save a request."""

    words_per_read: int = MODBUS_WORDS
    bits_per_read: int = MODBUS_BITS
    merge_gap: int = 0
    gap_ms: int = 0
    timeout_s: float = 3.0
    unit: int = 1
    one_client: bool = False
    readable: tuple[Readable, ...] = ()


class Role(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A module whose name contains one of these texts, upper or lower case, has this role."""

    role: str
    contains: tuple[str, ...]


class Modules(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The repeated part of a SunSpec model: `words` each, the first one `first` words behind the header."""

    model: int
    first: int
    words: int
    name_at: int
    name_words: int
    roles: tuple[Role, ...] = ()
    otherwise: str = ""


class Variant(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A choice of the site file: `flip` turns the sign of these names; registers may belong to a variant."""

    name: str
    about: str
    flip: tuple[str, ...] = ()


class Profile(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One family of devices."""

    name: str
    maker: str
    model: str
    kind: Literal["modbus", "sunspec"] = "modbus"
    order: WordOrder = "hi"
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()
    bases: tuple[int, ...] = (40000, 0, 50000)
    limits: Limits = Limits()
    sentinel: dict[str, tuple[int, ...]] = {}
    modules: tuple[Modules, ...] = ()
    variant: tuple[Variant, ...] = ()
    register: tuple[Register, ...]
    derived: tuple[Derived, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A register at its place in one device."""

    name: str
    unit: int
    address: int
    register: Register
    scale_address: int | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class BoundSum:
    """A derived signal whose terms are known: indices into `Layout.fields`."""

    signal: SignalName
    plus: tuple[int, ...]
    minus: tuple[int, ...]
    floor: float


@dataclass(frozen=True, slots=True)
class Guard:
    """Words that show that the map is still the one the fields were placed by; `last` ends what they vouch for."""

    unit: int
    function: int
    address: int
    words: tuple[int, ...]
    last: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything one device gives."""

    fields: tuple[Field, ...]
    identity: tuple[Field, ...]
    sums: tuple[BoundSum, ...]
    guards: tuple[Guard, ...] = ()

    @property
    def signals(self) -> frozenset[SignalName]:
        own = (SignalName(f.name) for f in self.fields if not f.name.startswith("_"))
        return frozenset((*own, *(s.signal for s in self.sums)))


def signals_of(profile: Profile) -> frozenset[SignalName]:
    """Every signal that a device of this profile can give."""
    own = (r.signal for r in profile.register if r.signal and not r.signal.startswith("_"))
    return frozenset(SignalName(name) for name in (*own, *(d.signal for d in profile.derived)))


def code_of(signal: str, word: str | float) -> float:
    """The number of a mapped word: a word of the signal's small set, or a plain number. Raises `ValueError`."""
    if not isinstance(word, str):
        return float(word)
    words: type[IntEnum] | None = {INVERTER_STATE: InverterState, INVERTER_ALARM: InverterAlarm}.get(SignalName(signal))
    if words is None:
        raise ValueError(f"got {word!r}, expected a number")
    try:
        return float(words[word.upper()])
    except KeyError:
        known = ", ".join(w.name.lower() for w in words)
        raise ValueError(f"got {word!r}, expected one of {known}") from None


def bind_sums(profile: Profile, fields: tuple[Field, ...]) -> tuple[BoundSum, ...]:
    """The derived signals that these fields allow."""
    places: dict[str, list[int]] = {}
    for index, found in enumerate(fields):
        places.setdefault(found.name, []).append(index)
    taken = {name for name in places if not name.startswith("_")}
    sums: list[BoundSum] = []
    for entry in profile.derived:
        possible = all(term in places for term in (*entry.plus, *entry.minus))
        if entry.signal in taken or not possible or any(name in places for name in entry.unless):
            continue
        taken.add(entry.signal)
        plus = tuple(i for term in entry.plus for i in places[term])
        minus = tuple(i for term in entry.minus for i in places[term])
        sums.append(BoundSum(SignalName(entry.signal), plus, minus, entry.floor))
    return tuple(sums)


def bind_absolute(profile: Profile, unit: int) -> Layout:
    """The layout of a device whose addresses the profile knows."""
    fields = []
    for register in profile.register:
        scale = register.scale_register
        address = register.place
        scale_address = scale if isinstance(scale, int) else None
        fields.append(Field(register.name, unit, address, register, scale_address, register.group))
    values = tuple(f for f in fields if f.register.identity is None)
    identity = tuple(f for f in fields if f.register.identity is not None)
    return Layout(values, identity, bind_sums(profile, values))
