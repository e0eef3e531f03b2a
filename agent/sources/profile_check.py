"""What a profile must keep to beyond its types. A breach is a `BadSetup` with line, field, value and expectation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, NoReturn

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.signals import signal_name, spec_of
from agent.sources.planning import Span, rules_of, spans_of
from agent.sources.profile import (
    COIL_FUNCTIONS,
    MODBUS_BITS,
    MODBUS_WORDS,
    TYPE_WORDS,
    Derived,
    Profile,
    Register,
    bind_absolute,
    code_of,
)

_HIGHEST: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the file an entry stands: the `index`-th (0-based) `[[table]]`."""

    table: str
    index: int
    label: str = ""


class ProfileText:
    """The text of a profile, to point into."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = text.splitlines()

    def line_of(self, place: Place, key: str = "") -> int | None:
        """The 1-based line of `key` in that entry, of the entry's head, or None."""
        seen = -1
        head: int | None = None
        for number, line in enumerate(self._lines, 1):
            bare = line.strip()
            if bare.startswith("["):
                if head is not None:
                    return head
                seen += bare.startswith((f"[[{place.table}]]", f"[{place.table}]"))
                head = number if seen == place.index else None
            if head is not None and key and bare.split("=")[0].strip().strip('"') == key:
                return number
        return head

    def refuse(self, place: Place, field: str, problem: str) -> NoReturn:
        """Raise `BadSetup` for one field of one entry."""
        line = self.line_of(place, field.split(".")[0])
        where = self.name if line is None else f"{self.name}:{line}"
        subject = f"{place.table} {place.label or place.index + 1}"
        raise BadSetup(where, f"{subject}, field {field}: {problem}" if field else f"{subject}: {problem}")


def check(source: ProfileText, profile: Profile) -> None:
    """Raise `BadSetup` for the first thing that is wrong."""
    _check_limits(source, profile)
    for index, register in enumerate(profile.register):
        _check_register(source, Place("register", index, register.name), profile, register)
    _check_overlaps(source, profile)
    _check_scales(source, profile)
    for index, entry in enumerate(profile.derived):
        _check_derived(source, Place("derived", index, entry.signal), profile, entry)
    _check_variants(source, profile)
    if profile.kind == "modbus":
        _check_reads(source, profile)


def _check_limits(source: ProfileText, profile: Profile) -> None:
    limits, place = profile.limits, Place("limits", 0, " ")
    rows = [
        ("words_per_read", limits.words_per_read, 1, MODBUS_WORDS),
        ("bits_per_read", limits.bits_per_read, 1, MODBUS_BITS),
        ("merge_gap", limits.merge_gap, 0, MODBUS_WORDS),
        ("gap_ms", limits.gap_ms, 0, 60_000),
        ("timeout_s", limits.timeout_s, 0.05, 120.0),
        ("unit", limits.unit, 0, 255),
    ]
    for field, value, low, high in rows:
        if not low <= value <= high:
            source.refuse(place, field, f"got {value}, expected {low} to {high}")
    for entry in limits.readable:
        if not 0 <= entry.first <= entry.last <= _HIGHEST or entry.function not in (1, 2, 3, 4):
            got = f"function {entry.function}, {entry.first} to {entry.last}"
            source.refuse(place, "readable", f"got {got}, expected function 1 to 4 and 0 ≤ first ≤ last ≤ {_HIGHEST}")


def _check_register(source: ProfileText, place: Place, profile: Profile, register: Register) -> None:
    def refuse(field: str, problem: str) -> NoReturn:
        source.refuse(place, field, problem)

    if bool(register.signal) == bool(register.identity):
        refuse("signal", "expected either signal or identity")
    if register.signal and not register.signal.startswith("_"):
        _check_signal(source, place, register.signal, register.unit)
    if register.type not in TYPE_WORDS:
        refuse("type", f"got {register.type!r}, expected one of {', '.join(TYPE_WORDS)}")
    if (register.type == "str") != (register.words > 0):
        refuse("words", f"got {register.words}, expected the number of words for a str and nothing for other types")
    if register.type == "str" and register.identity is None:
        refuse("type", "a text can only be an identity")
    if register.function not in (1, 2, 3, 4) or (register.function in COIL_FUNCTIONS) != (register.type == "coil"):
        refuse("function", f"got {register.function}, expected 1 or 2 for a coil and 3 or 4 for words")
    if register.text.count("{}") != 1 or register.text.count("{") != 1 or register.text.count("}") != 1:
        refuse("text", f"got {register.text!r}, expected one {{}}")
    _check_place(source, place, profile, register)
    _check_codes(source, place, register)
    _check_fallback(source, place, profile, register)


def _check_signal(source: ProfileText, place: Place, name: str, unit: str = "") -> None:
    try:
        signal_name(name)
    except ValueError as error:
        source.refuse(place, "signal", str(error))
    spec = spec_of(name)
    if unit and spec and unit != spec.unit:
        source.refuse(place, "unit", f"got {unit!r}, expected {spec.unit!r} for {name}")


def _check_place(source: ProfileText, place: Place, profile: Profile, register: Register) -> None:
    if profile.kind == "sunspec":
        if not register.models or register.at is None or register.address is not None:
            source.refuse(place, "at", "expected models and at, and no address, in a sunspec profile")
        if register.role and not any(m.model in register.models for m in profile.modules):
            source.refuse(place, "role", f"got {register.role!r}, expected a model that has [[modules]]")
    elif register.address is None or register.models or register.at is not None:
        source.refuse(place, "address", "expected an address, and no models or at")
    if not 0 <= register.place <= _HIGHEST + 1 - register.width:
        source.refuse(place, "address", f"got {register.place}, expected 0 to {_HIGHEST + 1 - register.width}")


def _check_codes(source: ProfileText, place: Place, register: Register) -> None:
    width = 16 * register.width
    if register.bit is not None and not 0 <= register.bit < width:
        source.refuse(place, "bit", f"got {register.bit}, expected 0 to {width - 1}")
    for field, table, limit in (("map", register.map, 1 << width), ("bits", register.bits, width)):
        for key, word in table.items():
            if field == "bits" and key == "other":
                number = 0
            else:
                number = _number(key)
            if not 0 <= number < limit:
                source.refuse(place, field, f"got {key!r}, expected a number from 0 to {limit - 1}")
            try:
                code_of(register.signal, word)
            except ValueError as error:
                source.refuse(place, field, f"{key}: {error}")
    for pattern in register.sentinel or ():
        if not 0 <= pattern < 1 << width:
            source.refuse(place, "sentinel", f"got {pattern}, expected a raw pattern of {width} bits")


def _check_fallback(source: ProfileText, place: Place, profile: Profile, register: Register) -> None:
    names = {other.name for other in profile.register if not other.role and not other.fallback}
    if register.fallback and (register.role or register.fallback not in names):
        expected = "the signal of another register that is not repeated and has no fallback itself"
        source.refuse(place, "fallback", f"got {register.fallback!r}, expected {expected}")


def _number(key: str) -> int:
    try:
        return int(key, 0)
    except ValueError:
        return -1


def _addresses(register: Register) -> Iterator[tuple[object, ...]]:
    """Every word it takes, as a key that only the same word of the same device part has."""
    for model in register.models or (0,):
        for word in range(register.place, register.place + register.width):
            yield (register.function, model, register.role, word)


def _check_overlaps(source: ProfileText, profile: Profile) -> None:
    owners: dict[tuple[object, ...], list[int]] = {}
    for index, register in enumerate(profile.register):
        for key in _addresses(register):
            owners.setdefault(key, []).append(index)
    for key, indices in owners.items():
        for left, right in combinations(indices, 2):
            one, other = profile.register[left], profile.register[right]
            if _is_view(one) and _is_view(other) and one.place == other.place and one.width == other.width:
                continue
            if one.variant and other.variant and one.variant != other.variant:
                continue
            place = Place("register", right, other.name)
            field = "at" if other.models else "address"
            source.refuse(
                place, field, f"overlaps {one.name} (register {left + 1}) at word {key[-1]} of the same function"
            )


def _is_view(register: Register) -> bool:
    return register.bit is not None or bool(register.bits)


def _check_scales(source: ProfileText, profile: Profile) -> None:
    values = {key for register in profile.register for key in _addresses(register) if not _is_factor(profile, register)}
    for index, register in enumerate(profile.register):
        scale = register.scale_register
        if scale is None:
            continue
        place = Place("register", index, register.name)
        if isinstance(scale, str):
            if _factor_named(profile, register, scale) is None:
                source.refuse(
                    place, "scale_register", f"got {scale!r}, expected the name of a register of the same place"
                )
            continue
        if not 0 <= scale <= _HIGHEST:
            source.refuse(place, "scale_register", f"got {scale}, expected 0 to {_HIGHEST}")
        for model in register.models or (0,):
            if (register.function, model, "", scale) in values:
                source.refuse(
                    place, "scale_register", f"got {scale}, which is a word of a value, expected a scale factor"
                )


def _is_factor(profile: Profile, register: Register) -> bool:
    return any(other.scale_register == register.name for other in profile.register)


def _factor_named(profile: Profile, register: Register, name: str) -> Register | None:
    for other in profile.register:
        same = other.function == register.function and set(other.models) >= set(register.models)
        if other.name == name and same and other.type == "i16" and not other.role:
            return other
    return None


def _check_derived(source: ProfileText, place: Place, profile: Profile, entry: Derived) -> None:
    _check_signal(source, place, entry.signal)
    if not entry.plus and not entry.minus:
        source.refuse(place, "plus", "expected at least one term")
    known = {register.name for register in profile.register}
    for field, names in (("plus", entry.plus), ("minus", entry.minus), ("unless", entry.unless)):
        for name in names:
            if name not in known:
                source.refuse(place, field, f"got {name!r}, expected the signal of a [[register]]")


def _check_variants(source: ProfileText, profile: Profile) -> None:
    names = {entry.name for entry in profile.variant}
    known = {register.name for register in profile.register}
    for index, entry in enumerate(profile.variant):
        for name in entry.flip:
            if name not in known:
                source.refuse(
                    Place("variant", index, entry.name), "flip", f"got {name!r}, expected a register's signal"
                )
    tables: Sequence[tuple[str, Sequence[Register | Derived]]] = (
        ("register", profile.register),
        ("derived", profile.derived),
    )
    for table, entries in tables:
        for index, choice in enumerate(entries):
            if choice.variant and choice.variant not in names:
                expected = ", ".join(sorted(names)) or "none"
                place = Place(table, index, choice.signal)
                source.refuse(place, "variant", f"got {choice.variant!r}, expected one of: {expected}")


def _check_reads(source: ProfileText, profile: Profile) -> None:
    """Every value, with its factor and its group, fits into one request that the device answers."""
    rules = rules_of(profile.limits, profile.limits.unit)
    layout = bind_absolute(resolve_scales(profile), profile.limits.unit)
    for found in (*layout.fields, *layout.identity):
        for span in spans_of([replace(found, group="")], rules):
            _check_span(source, profile, span, found.name)
    groups = {f.group for f in layout.fields if f.group}
    for group in sorted(groups):
        members = [f for f in layout.fields if f.group == group]
        if len(spans_of(members, rules)) > 1:
            index = next(i for i, r in enumerate(profile.register) if r.group == group)
            source.refuse(
                Place("register", index, members[0].name), "group", f"{group!r} does not fit into one request"
            )


def _check_span(source: ProfileText, profile: Profile, span: Span, name: str) -> None:
    rules = rules_of(profile.limits, profile.limits.unit)
    if not rules.allows(span.unit, span.function, span.first, span.last):
        index = next(i for i, r in enumerate(profile.register) if r.name == name)
        got = f"{span.first} to {span.last}, function {span.function}"
        source.refuse(Place("register", index, name), "address", f"got {got}, expected inside one of limits.readable")


def resolve_scales(profile: Profile) -> Profile:
    """Scale factors by name become scale factors by place, and their registers values no longer."""
    named = {r.scale_register for r in profile.register if isinstance(r.scale_register, str)}
    registers = []
    for register in profile.register:
        if register.name in named:
            continue
        if isinstance(register.scale_register, str):
            factor = _factor_named(profile, register, register.scale_register)
            register = msgspec.structs.replace(register, scale_register=factor.place if factor else None)
        registers.append(register)
    return msgspec.structs.replace(profile, register=tuple(registers))
