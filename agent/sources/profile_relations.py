"""How the entries of a profile go together: overlaps, factors, sums, variants, requests."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import isfinite
from typing import Final

import msgspec
from msgspec.structs import replace

from agent.domain.signals import signal_name
from agent.sources.planning import rules_of, spans_of
from agent.sources.profile import HALVES, Derived, Fingerprint, Profile, Register, absolute_fields
from agent.sources.profile_text import Place, ProfileText

_HIGHEST: Final = 0xFFFF


def check_relations(source: ProfileText, profile: Profile) -> None:
    """Raise `BadSetup` for the first thing that is wrong."""
    for index, register in enumerate(profile.register):
        place = Place("register", index, register.name)
        _check_fallback(source, place, profile, register)
        _check_direction(source, place, profile, register)
    _check_names(source, profile)
    _check_overlaps(source, profile)
    _check_scales(source, profile)
    for index, entry in enumerate(profile.derived):
        _check_derived(source, Place("derived", index, entry.signal), profile, entry)
    _check_variants(source, profile)
    _check_reads(source, profile)


def _check_fallback(source: ProfileText, place: Place, profile: Profile, register: Register) -> None:
    names = {other.name for other in profile.register if not other.role and not other.fallback}
    if register.fallback and (register.role or register.fallback not in names):
        expected = "the signal of another register that is not repeated and has no fallback itself"
        source.refuse(place, "fallback", f"got {register.fallback!r}, expected {expected}")


def _check_direction(source: ProfileText, place: Place, profile: Profile, register: Register) -> None:
    """The direction comes with the size: in one request, as 1, -1 or 0."""
    if not register.direction:
        return
    other = next((r for r in profile.register if r.name == register.direction), None)
    if other is None:
        source.refuse(place, "direction", f"got {register.direction!r}, expected the signal of another register")
    words = [*other.map.values(), *other.bits.values()]
    if not words or any(word not in (1, -1, 0) for word in words):
        source.refuse(place, "direction", f"got {register.direction!r}, expected one whose map or bits give 1, -1 or 0")
    if not register.group or register.group != other.group or register.function != other.function:
        source.refuse(place, "direction", "expected size and direction to be of one group and function")


def _check_names(source: ProfileText, profile: Profile) -> None:
    """One place gives a signal; in a SunSpec chain the first that is there."""
    seen: dict[str, list[tuple[int, str]]] = {}
    for index, register in enumerate(profile.register):
        if not register.signal or register.signal.startswith("_") or register.models:
            continue
        for other, variant in seen.get(register.signal, []):
            if not variant or not register.variant or variant == register.variant:
                problem = f"register {other + 1} gives it too, expected another signal or another variant"
                source.refuse(Place("register", index, register.signal), "signal", problem)
        seen.setdefault(register.signal, []).append((index, register.variant))


def _addresses(register: Register) -> Iterator[tuple[object, ...]]:
    """Every word it takes, as a key that only the same word of the same device part has."""
    for model in register.models or (0,):
        for word in register.scattered or range(register.place, register.place + register.width):
            yield (register.station, register.function, model, register.role, word)


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
            if (one.variant and other.variant and one.variant != other.variant) or one.witness or other.witness:
                continue
            place = Place("register", right, other.name)
            field = "at" if other.models else "address"
            source.refuse(
                place, field, f"overlaps {one.name} (register {left + 1}) at word {key[-1]} of the same function"
            )


def _is_view(register: Register) -> bool:
    return register.bit is not None or bool(register.bits) or register.type in HALVES


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
            if (register.station, register.function, model, "", scale) in values:
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
    try:
        signal_name(entry.signal)
    except ValueError as error:
        source.refuse(place, "signal", str(error))
    if not entry.plus and not entry.minus:
        source.refuse(place, "plus", "expected at least one term")
    known = {register.name for register in profile.register}
    for field, names in (("plus", entry.plus), ("minus", entry.minus), ("unless", entry.unless)):
        for name in names:
            if name not in known:
                source.refuse(place, field, f"got {name!r}, expected the signal of a [[register]]")
    for name in entry.optional:
        if name not in (*entry.plus, *entry.minus):
            source.refuse(place, "optional", f"got {name!r}, expected a name of plus or minus")


def _check_variants(source: ProfileText, profile: Profile) -> None:
    names = {entry.name for entry in profile.variant}
    known = {register.name for register in profile.register}
    for index, entry in enumerate(profile.variant):
        for field, given in (("flip", entry.flip), ("times", tuple(entry.times))):
            for name in given:
                if name not in known:
                    place = Place("variant", index, entry.name)
                    source.refuse(place, field, f"got {name!r}, expected a register's signal")
        for name, factor in entry.times.items():
            if factor == 0 or not isfinite(factor):
                source.refuse(Place("variant", index, entry.name), "times", f"{name}: got {factor:g}, expected not 0")
    tables: Sequence[tuple[str, Sequence[Register | Derived | Fingerprint]]] = (
        ("register", profile.register),
        ("derived", profile.derived),
        ("fingerprint", profile.fingerprint),
    )
    for table, entries in tables:
        for index, choice in enumerate(entries):
            if choice.variant and choice.variant.removeprefix("!") not in names:
                expected = ", ".join(sorted(names)) or "none"
                place = Place(table, index, "" if isinstance(choice, Fingerprint) else choice.signal)
                source.refuse(place, "variant", f"got {choice.variant!r}, expected one of: {expected}")


def _check_reads(source: ProfileText, profile: Profile) -> None:
    """Every value, with its factor and its group, fits into one request that the device answers."""
    stations = {entry.name: _HIGHEST + index for index, entry in enumerate(profile.station, 1)}
    unit = profile.limits.unit
    rules = rules_of(profile.limits, unit, stations)
    resolved = resolve_scales(profile)
    fields = absolute_fields(resolved, unit, stations)
    for found in fields:
        for span in spans_of([replace(found, group="")], rules):
            if not rules.allows(span.unit, span.function, span.first, span.last):
                got = f"{span.first} to {span.last}, function {span.function}"
                place = _place_of(profile, found.register)
                source.refuse(place, "address", f"got {got}, expected inside one of limits.readable")
    values = [found for found in fields if found.register.identity is None]
    for group in sorted({found.group for found in values if found.group}):
        members = [found for found in values if found.group == group]
        if len(spans_of(members, rules)) > 1:
            place = _place_of(profile, members[0].register)
            source.refuse(place, "group", f"{group!r} does not fit into one request")


def _place_of(profile: Profile, register: Register) -> Place:
    index = next(i for i, r in enumerate(profile.register) if (r.name, r.address) == (register.name, register.address))
    return Place("register", index, register.name)


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
