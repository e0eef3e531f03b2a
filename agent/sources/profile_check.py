"""What each entry of a profile must keep to beyond its types. A breach is a `BadSetup` with line, field and value."""

import math
import re
from collections.abc import Iterable
from typing import Final, NoReturn

from agent.domain.misfit import near
from agent.domain.signals import signal_name, spec_of
from agent.sources.profile import (
    COIL_FUNCTIONS,
    HALVES,
    MODBUS_BITS,
    MODBUS_WORDS,
    TYPE_WORDS,
    Fingerprint,
    Modules,
    Profile,
    Register,
    code_of,
    numbers_of,
)
from agent.sources.profile_relations import check_relations
from agent.sources.profile_text import Place, ProfileText

_HIGHEST: Final = 0xFFFF
_FINGERPRINTS: Final = frozenset({*TYPE_WORDS} - {"coil", "sm16", "sm32", "i64", "bits64"})


def check(source: ProfileText, profile: Profile) -> None:
    """Raise `BadSetup` for the first thing that is wrong."""
    _check_limits(source, profile)
    _check_sentinels(source, profile)
    for index, register in enumerate(profile.register):
        _check_register(source, Place("register", index, register.name), profile, register)
    for index, modules in enumerate(profile.modules):
        _check_modules(source, Place("modules", index), modules)
    for index, fingerprint in enumerate(profile.fingerprint):
        _check_fingerprint(source, Place("fingerprint", index), fingerprint)
    check_relations(source, profile)


def _check_limits(source: ProfileText, profile: Profile) -> None:
    limits, place = profile.limits, Place("limits", 0, " ")
    rows = [
        ("words_per_read", limits.words_per_read, 1, MODBUS_WORDS),
        ("bits_per_read", limits.bits_per_read, 1, MODBUS_BITS),
        ("merge_gap", limits.merge_gap, 0, MODBUS_WORDS),
        ("gap_ms", limits.gap_ms, 0, 60_000),
        ("after_connect_ms", limits.after_connect_ms, 0, 60_000),
        ("busy_retry_ms", limits.busy_retry_ms, 0, 60_000),
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


def _check_sentinels(source: ProfileText, profile: Profile) -> None:
    place, numbers = Place("sentinel", 0, " "), {name: words for name, words in TYPE_WORDS.items() if words}
    for kind, patterns in profile.sentinel.items():
        if kind not in numbers:
            source.refuse(place, kind, f"unknown type, {near(kind, numbers)}")
        _check_patterns(source, place, kind, patterns, _bits_of(kind, numbers[kind]))


def _check_patterns(source: ProfileText, place: Place, field: str, patterns: Iterable[int], width: int) -> None:
    for pattern in patterns:
        if not 0 <= pattern < 1 << width:
            source.refuse(place, field, f"got {pattern}, expected a raw pattern of {width} bits")


def _bits_of(kind: str, words: int) -> int:
    return 8 if kind in HALVES else 16 * words


def _check_numbers(source: ProfileText, place: Place, register: Register) -> None:
    """None of them may be infinite or no number, and a scale of 0 would make every value 0."""
    low = -math.inf if register.low is None else register.low
    high = math.inf if register.high is None else register.high
    rows = [
        ("scale", register.scale, math.isfinite(register.scale) and register.scale != 0, "a number other than 0"),
        ("offset", register.offset, math.isfinite(register.offset), "a number"),
        ("floor", register.floor, math.isfinite(register.floor) and register.floor >= 0, "0 or more"),
        ("above", register.above, register.above is None or math.isfinite(register.above), "a number"),
        ("low", register.low, low <= high, "a number up to high"),
    ]
    for field, value, is_right, expected in rows:
        if not is_right:
            source.refuse(place, field, f"got {value:g}, expected {expected}")


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
    if register.witness and not register.signal.startswith("_"):
        refuse("witness", "expected a signal that begins with _")
    if register.function not in (1, 2, 3, 4) or (register.function in COIL_FUNCTIONS) != (register.type == "coil"):
        refuse("function", f"got {register.function}, expected 1 or 2 for a coil and 3 or 4 for words")
    if register.text.count("{}") != 1 or register.text.count("{") != 1 or register.text.count("}") != 1:
        refuse("text", f"got {register.text!r}, expected one {{}}")
    _check_place(source, place, profile, register)
    _check_numbers(source, place, register)
    _check_codes(source, place, register)


def _check_signal(source: ProfileText, place: Place, name: str, unit: str = "") -> None:
    try:
        signal_name(name)
    except ValueError as error:
        source.refuse(place, "signal", str(error))
    spec = spec_of(name)
    if unit and spec and unit != spec.unit:
        source.refuse(place, "unit", f"got {unit!r}, expected {spec.unit!r} for {name}")


def _check_place(source: ProfileText, place: Place, profile: Profile, register: Register) -> None:
    if register.address is not None:
        if register.models or register.at is not None:
            source.refuse(place, "address", "expected an address, and no models or at")
    elif profile.kind != "sunspec":
        source.refuse(place, "address", "expected an address, and no models or at")
    elif not register.models or register.at is None:
        source.refuse(place, "at", "expected models and at, or an address, in a sunspec profile")
    if register.role and not any(m.model in register.models for m in profile.modules):
        source.refuse(place, "role", f"got {register.role!r}, expected a model that has [[modules]]")
    if register.scattered and len(register.scattered) != register.width:
        expected = f"one for each of the {register.width} words of {register.type}"
        source.refuse(place, "address", f"got {len(register.scattered)} addresses, expected {expected}")
    width = 1 if register.scattered else register.width
    for address in register.scattered or (register.place,):
        if not 0 <= address <= _HIGHEST + 1 - width:
            source.refuse(place, "address", f"got {address}, expected 0 to {_HIGHEST + 1 - width}")
    if register.station and register.station not in {entry.name for entry in profile.station}:
        expected = ", ".join(entry.name for entry in profile.station) or "none"
        source.refuse(place, "station", f"got {register.station!r}, expected one of: {expected}")


def _check_codes(source: ProfileText, place: Place, register: Register) -> None:
    width = _bits_of(register.type, register.width)
    if register.bit is not None and not 0 <= register.bit < width:
        source.refuse(place, "bit", f"got {register.bit}, expected 0 to {width - 1}")
    for key, word in register.map.items():
        numbers = _numbers(key)
        if not numbers or not 0 <= numbers[0] <= numbers[-1] < 1 << width:
            expected = f"a number, or a range first..last, from 0 to {(1 << width) - 1}"
            source.refuse(place, "map", f"got {key!r}, expected {expected}")
        _check_code(source, place, "map", register.signal, key, word)
    for key, word in register.bits.items():
        bits = range(1) if key == "other" else _numbers(key)
        if not bits or not 0 <= bits[0] <= bits[-1] < width:
            source.refuse(
                place, "bits", f"got {key!r}, expected a number, or a range first..last, from 0 to {width - 1}"
            )
        _check_code(source, place, "bits", register.signal, key, word)
    _check_patterns(source, place, "sentinel", register.sentinel or (), width)


def _check_code(source: ProfileText, place: Place, field: str, signal: str, key: str, word: str | float) -> None:
    try:
        code_of(signal, word)
    except ValueError as error:
        source.refuse(place, field, f"{key}: {error}")


def _numbers(key: str) -> range:
    try:
        return numbers_of(key)
    except ValueError:
        return range(0)


def _check_modules(source: ProfileText, place: Place, modules: Modules) -> None:
    if (modules.kind_at is None) == (modules.name_words == 0):
        source.refuse(place, "kind_at", "expected either kind_at with kinds, or name_at and name_words with roles")
    for key in modules.kinds:
        if len(_numbers(key)) != 1:
            source.refuse(place, "kinds", f"got {key!r}, expected a number")


def _check_fingerprint(source: ProfileText, place: Place, entry: Fingerprint) -> None:
    if entry.type not in _FINGERPRINTS or (entry.type == "str") != (entry.words > 0):
        known = ", ".join(sorted(_FINGERPRINTS - {"str"}))
        source.refuse(place, "type", f"got {entry.type!r}, expected one of {known}, or str with words")
    within = (entry.low is None) is (entry.high is None) and (entry.low or 0.0) <= (entry.high or 0.0)
    if not within:
        source.refuse(place, "low", f"got {entry.low} and {entry.high}, expected both, the lower one first")
    told = [bool(entry.values), entry.low is not None, bool(entry.contains), bool(entry.pattern)]
    if sum(told) != 1 or any(told[2:]) != (entry.type == "str"):
        source.refuse(place, "values", "expected values, or low and high, for a number; contains or pattern for a str")
    if entry.values and entry.type == "f32":
        source.refuse(place, "values", "expected low and high for f32")
    if entry.required and (entry.portrait or entry.unit is not None):
        source.refuse(place, "required", "a fingerprint of a portrait or of a unit of its own cannot be required")
    try:
        re.compile(entry.pattern)
    except re.error as error:
        source.refuse(place, "pattern", f"got {entry.pattern!r}, expected a regular expression ({error})")
    if entry.function not in (3, 4) or not 0 <= entry.address <= _HIGHEST + 1 - entry.width:
        source.refuse(place, "address", f"got {entry.address}, function {entry.function}, expected function 3 or 4")
