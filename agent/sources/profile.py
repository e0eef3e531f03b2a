"""What a device's registers mean, as data.

A profile names registers by their place in a device, absolute or inside a SunSpec model. `Field` is such a register
found at its place; `Layout` is all that one device gives. Addresses are 0-based, as they travel on the wire.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from agent.domain.signals import INVERTER_ALARM, INVERTER_STATE, InverterAlarm, InverterState, SignalName

TYPE_WORDS: Final[Mapping[str, int]] = {
    "coil": 1,
    "u8": 1,
    "u8_high": 1,
    "u16": 1,
    "i16": 1,
    "sm16": 1,
    "bits16": 1,
    "enum16": 1,
    "u32": 2,
    "i32": 2,
    "sm32": 2,
    "f32": 2,
    "bits32": 2,
    "u64": 4,
    "i64": 4,
    "bits64": 4,
    "str": 0,
}
"""Words that a value of each type takes; a text says its own number, a coil is one bit.

u8 is a word's low half and u8_high its high half; sm16 and sm32 have their sign in the top bit and their size in the
others.
"""

HALVES: Final = ("u8", "u8_high")

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
    address: of the first word; or of every word where they do not lie side by side, in the register's word order.
    station: a further unit of the device that it stands in, one of the profile's `[[station]]`.
    at: words behind the header of a SunSpec model named in `models`; `role` picks the repeated modules it belongs to.
    scale_register: where the power-of-ten factor stands (address, or `at` in a model), or that register's name.
    sentinel: raw patterns that mean "no value"; unset takes the profile's patterns of this type.
    direction: the name of a register whose mapped number, 1 or -1, is the sign of this size. Where that is 0 the size
    must be within `floor` of nothing.
    asleep: what "no value" means while the inverter's state says off or sleeping.
    witness: its words never change; when they do, nothing of the same answer is believed.
    map, bits: vendor's number or bit, or a range of them ("3..8"), to a word of the common small set; the first in the
    file's order wins.
    bit: this one bit as 0 or 1. above: 1 when the number is above it, else 0.
    low, high: outside them the value is not believed. floor: that far below the signal's range it counts as the bound.
    group: all of one group are read in one request. fallback: the name that gives the value where this one has none.
    """

    type: str
    signal: str = ""
    identity: IdentityField | None = None
    function: int = 3
    address: int | tuple[int, ...] | None = None
    station: str = ""
    models: tuple[int, ...] = ()
    at: int | None = None
    role: str = ""
    words: int = 0
    order: WordOrder | None = None
    scale: float = 1.0
    scale_register: int | str | None = None
    sign: Literal[1, -1] = 1
    direction: str = ""
    offset: float = 0.0
    unit: str = ""
    sentinel: tuple[int, ...] | None = None
    asleep: float | None = None
    witness: bool = False
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
        """The lowest address, or `at` inside a model."""
        if isinstance(self.address, tuple):
            return min(self.address, default=-1)
        if self.address is not None:
            return self.address
        return self.at if self.at is not None else -1

    @property
    def scattered(self) -> tuple[int, ...]:
        """The address of each word in order, or nothing where they lie side by side."""
        return self.address if isinstance(self.address, tuple) else ()


class Derived(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signal that is a sum of others of the same poll.

    Of several with one signal the first counts whose terms the device has, and that has no name of `unless`. What the
    device does not have of `optional` is left out of the sum.
    """

    signal: str
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    floor: float = 0.0
    variant: str = ""
    note: str = ""


class Readable(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses `first` to `last` exist; a read that leaves them fails as a whole."""

    function: int
    first: int
    last: int
    station: str = ""


class Limits(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the device puts up with.

    merge_gap: words that may be read in vain to save a request. after_connect_ms: pause before the first request.
    busy_retry_ms: pause before a request is sent again, once, that was refused with "busy" (exception 5 or 6).
    """

    words_per_read: int = MODBUS_WORDS
    bits_per_read: int = MODBUS_BITS
    merge_gap: int = 0
    gap_ms: int = 0
    after_connect_ms: int = 0
    busy_retry_ms: int = 0
    timeout_s: float = 3.0
    unit: int = 1
    one_client: bool = False
    readable: tuple[Readable, ...] = ()


class Role(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A module whose name contains one of these texts, upper or lower case, has this role."""

    role: str
    contains: tuple[str, ...]


class Modules(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The repeated part of a SunSpec model: `words` each, the first one `first` words behind the header.

    What a module is, is told by its name (`roles`), or by the number at `kind_at` (`kinds`).
    """

    model: int
    first: int
    words: int
    name_at: int = 0
    name_words: int = 0
    roles: tuple[Role, ...] = ()
    kind_at: int | None = None
    kinds: dict[str, str] = {}
    otherwise: str = ""


class Variant(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A choice of the site file. Registers and sums may belong to a variant, or with "!" before its name to all others.

    flip: the sign of these names is turned. times: the scale of these names is multiplied. order: the word order of
    everything that does not state its own.
    """

    name: str
    about: str
    firmware: str = ""
    flip: tuple[str, ...] = ()
    times: dict[str, float] = {}
    order: WordOrder | None = None


class Station(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A further unit of the same device, read if the site file gives its number; `usual` numbers are for a person."""

    name: str
    about: str
    usual: tuple[int, ...] = ()


class Fingerprint(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What tells this family from others: a register whose number is one of `values` or lies within `low` and `high`,
    or whose text has `contains` or is all `pattern`, a regular expression.

    unit: asked of this unit only. portrait: entries of one name tell the family only all together.
    required: a device that answers otherwise is not read with this profile at all.
    """

    function: int = 3
    address: int
    type: str = "u16"
    words: int = 0
    values: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None
    contains: str = ""
    pattern: str = ""
    unit: int | None = None
    portrait: str = ""
    required: bool = False
    variant: str = ""

    @property
    def width(self) -> int:
        return self.words or TYPE_WORDS.get(self.type, 0)


class Profile(_Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One family of devices."""

    name: str
    maker: str
    model: str
    firmware: str = ""
    kind: Literal["modbus", "sunspec"] = "modbus"
    order: WordOrder = "hi"
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()
    bases: tuple[int, ...] = (40000, 0, 50000)
    limits: Limits = Limits()
    sentinel: dict[str, tuple[int, ...]] = {}
    modules: tuple[Modules, ...] = ()
    variant: tuple[Variant, ...] = ()
    station: tuple[Station, ...] = ()
    fingerprint: tuple[Fingerprint, ...] = ()
    register: tuple[Register, ...]
    derived: tuple[Derived, ...] = ()


class Field(msgspec.Struct, frozen=True):
    """A register at its place in one device."""

    name: str
    unit: int
    address: int
    register: Register
    scale_address: int | None = None
    group: str = ""


class BoundSum(msgspec.Struct, frozen=True):
    """A derived signal whose terms are known: indices into `Layout.fields`.

    `optional` are those that count only where the device has them.
    """

    signal: SignalName
    plus: tuple[int, ...]
    minus: tuple[int, ...]
    floor: float
    optional: frozenset[int] = frozenset()


class Guard(msgspec.Struct, frozen=True):
    """Words that show that the map is still the one the fields were placed by; `last` ends what they vouch for."""

    unit: int
    function: int
    address: int
    words: tuple[int, ...]
    last: int


class Layout(msgspec.Struct, frozen=True):
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


def numbers_of(key: str) -> range:
    """The raw numbers of a key of `map`: one, or "first..last". Raises `ValueError`.

    >>> numbers_of("0x10"), numbers_of("3..5")
    (range(16, 17), range(3, 6))
    """
    first, dots, last = key.partition("..")
    start = int(first, 0)
    return range(start, (int(last, 0) if dots else start) + 1)


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
        terms = (*entry.plus, *entry.minus)
        possible = all(term in places for term in terms if term not in entry.optional)
        some = any(term in places for term in terms)
        if entry.signal in taken or not possible or not some or any(name in places for name in entry.unless):
            continue
        taken.add(entry.signal)
        plus = tuple(i for term in entry.plus for i in places.get(term, ()))
        minus = tuple(i for term in entry.minus for i in places.get(term, ()))
        optional = frozenset(i for term in entry.optional for i in places.get(term, ()))
        sums.append(BoundSum(SignalName(entry.signal), plus, minus, entry.floor, optional))
    return tuple(sums)


def absolute_fields(profile: Profile, unit: int, stations: Mapping[str, int]) -> list[Field]:
    """The registers that stand at an address of their own. What stands in a station that is not there is left out."""
    fields = []
    for register in profile.register:
        if register.address is None or (register.station and register.station not in stations):
            continue
        where = stations[register.station] if register.station else unit
        scale = register.scale_register if isinstance(register.scale_register, int) else None
        fields.append(Field(register.name, where, register.place, register, scale, register.group))
    return fields


def bind_absolute(profile: Profile, unit: int, stations: Mapping[str, int] = MappingProxyType({})) -> Layout:
    """The layout of a device whose addresses the profile knows; `stations` are the numbers of its further units."""
    return layout_of(profile, absolute_fields(profile, unit, stations))


def layout_of(profile: Profile, fields: Iterable[Field], guards: tuple[Guard, ...] = ()) -> Layout:
    """Fields sorted into values and identity, with the sums that they allow."""
    found = tuple(fields)
    values = tuple(f for f in found if f.register.identity is None)
    identity = tuple(f for f in found if f.register.identity is not None)
    return Layout(values, identity, bind_sums(profile, values), guards)
