"""What the proof found wrong about one source, put right in its profile. Pure."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.proof_change import Change
from agent.domain.proof_model import POWERS, Channel
from agent.domain.signals import GRID_POWER, LOAD_POWER, Kind, SignalName, signal_name, spec_of
from agent.sources.profile import Derived, Profile, Register

WIDE: Final = 1e6
"""By how much the powers of a `widened` profile are too small."""

_MOST_WH: Final = 1e9

_FLOOR_W: Final = 50.0


def corrected(profile: Profile, change: Change) -> Profile:
    """The profile with the change applied. Raises `BadSetup` where it does not fit the profile."""
    for name in change.swap:
        profile = _each(profile, name, lambda register, order=profile.order: _swapped(register, order))  # type: ignore[misc]
    for one, other in change.exchange:
        profile = _exchanged(profile, one, other)
    for name, factor in change.times.items():
        profile = _each(profile, name, lambda register, by=factor: _scaled(register, by))  # type: ignore[misc]
    for name in change.flip:
        profile = _flipped(profile, name)
    for name, other in change.less.items():
        profile = _lessened(profile, name, other)
    return profile


def terms_of(profile: Profile, name: str) -> frozenset[str]:
    """The registers that make a signal: its own and those of its sums. Raises `BadSetup` where there are none."""
    own = {register.name for register in profile.register if register.name == name}
    sums = {term for entry in profile.derived if entry.signal == name for term in (*entry.plus, *entry.minus)}
    if not own | sums:
        raise BadSetup(f"profile {profile.name}", f"gives no {name}, so that nothing of it can be corrected")
    return frozenset(own | sums)


def follows_grid(profile: Profile) -> bool:
    """Whether house load is computed from the grid's power."""
    if any(register.name == LOAD_POWER for register in profile.register):
        return False
    sums = [entry for entry in profile.derived if entry.signal == LOAD_POWER]
    grid = _known_terms(profile, GRID_POWER) | {GRID_POWER}
    return any(grid & {*entry.plus, *entry.minus} for entry in sums)


def channels_of(profile: Profile) -> dict[SignalName, Channel]:
    """How finely each signal is counted, and in how many words. A sum has the coarsest of its terms."""
    names = {register.name for register in profile.register} | {entry.signal for entry in profile.derived}
    channels: dict[SignalName, Channel] = {}
    for name in names:
        registers = [register for register in profile.register if register.name in _known_terms(profile, name)]
        if name.startswith("_") or not registers:
            continue
        try:
            signal = signal_name(name)
        except ValueError:
            continue
        plain = [register for register in registers if register.scale_register is None and register.type != "f32"]
        resolution = max((abs(register.scale) for register in plain), default=0.1)
        sign = -1 if all(register.sign < 0 for register in registers) else 1
        channels[signal] = Channel(resolution, max(register.width for register in registers), sign)
    return channels


def widened(profile: Profile) -> Profile:
    """Powers a million times smaller, so that none is out of range: what is wrong with it can be told by its size.

    A counter that no house ever comes to has no value: with exchanged words it leaps, and takes its neighbours along.
    """
    names: set[str] = set()
    for name in POWERS:
        names |= _known_terms(profile, name)
    # A sum may have another signal among its terms.
    for term in [*names]:
        names |= _known_terms(profile, term)
    names |= {register.fallback for register in profile.register if register.name in names}
    registers = tuple(
        _widened(register) if register.name in names else _bounded(register) for register in profile.register
    )
    sums = tuple(
        msgspec.structs.replace(entry, floor=entry.floor / WIDE) if entry.signal in POWERS else entry
        for entry in profile.derived
    )
    return msgspec.structs.replace(profile, register=registers, derived=sums)


def _widened(register: Register) -> Register:
    return msgspec.structs.replace(
        register,
        scale=register.scale / WIDE,
        offset=register.offset / WIDE,
        floor=register.floor / WIDE,
        low=None,
        high=None,
    )


def _bounded(register: Register) -> Register:
    spec = spec_of(register.name)
    if spec is None or spec.kind is not Kind.COUNTER or register.high is not None:
        return register
    return msgspec.structs.replace(register, high=_MOST_WH)


def _known_terms(profile: Profile, name: str) -> frozenset[str]:
    try:
        return terms_of(profile, name)
    except BadSetup:
        return frozenset()


def _each(profile: Profile, name: str, new: Callable[[Register], Register]) -> Profile:
    terms = terms_of(profile, name)
    others = sorted(term for term in terms if term != name and not term.startswith("_"))
    if name in terms and others:
        terms = frozenset((name,))
    elif others:
        problem = f"{name} is computed from {', '.join(others)}; correct that instead"
        raise BadSetup(f"profile {profile.name}", problem)
    return _replaced(profile, terms, new)


def _replaced(profile: Profile, names: Iterable[str], new: Callable[[Register], Register]) -> Profile:
    registers = tuple(new(register) if register.name in names else register for register in profile.register)
    return msgspec.structs.replace(profile, register=registers)


def _swapped(register: Register, order: str) -> Register:
    return msgspec.structs.replace(register, order="hi" if (register.order or order) == "lo" else "lo")


def _scaled(register: Register, factor: float) -> Register:
    return msgspec.structs.replace(register, scale=register.scale * factor, offset=register.offset * factor)


def _flipped(profile: Profile, name: str) -> Profile:
    """A size with a direction of its own is turned by its direction."""
    directions = {r.direction for r in profile.register if r.name in terms_of(profile, name) and r.direction}
    profile = _each(profile, name, lambda r: r if r.direction else _turned(r))
    return _replaced(profile, directions, _turned_map)


def _turned(register: Register) -> Register:
    sign: Register = msgspec.structs.replace(register, sign=-1 if register.sign == 1 else 1, offset=-register.offset)
    return sign


def _turned_map(register: Register) -> Register:
    turned = {key: -word if isinstance(word, int | float) else word for key, word in register.map.items()}
    return msgspec.structs.replace(register, map=turned)


def _exchanged(profile: Profile, one: str, other: str) -> Profile:
    names = {one: other, other: one}
    for name in names:
        if not any(register.signal == name for register in profile.register):
            raise BadSetup(f"profile {profile.name}", f"{name} has no register of its own, so that it can be exchanged")
    return _replaced(profile, names, lambda r: msgspec.structs.replace(r, signal=names[r.signal]))


def _lessened(profile: Profile, name: str, other: str) -> Profile:
    """`name` − `other`: of a register a sum is made; a sum gets more terms."""
    plus, minus = _parts(profile, other)
    hidden = f"_{name}"
    registers = _replaced(profile, {name}, lambda r: msgspec.structs.replace(r, signal=hidden)).register
    terms_of(profile, name)
    sums = [
        msgspec.structs.replace(entry, plus=(*entry.plus, *minus), minus=(*entry.minus, *plus))
        if entry.signal == name
        else entry
        for entry in profile.derived
    ]
    if any(register.name == hidden for register in registers):
        sums.append(Derived(signal=name, plus=(hidden, *minus), minus=plus, floor=_FLOOR_W))
    return msgspec.structs.replace(profile, register=registers, derived=tuple(sums))


def _parts(profile: Profile, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What counts for and against a signal."""
    if any(register.name == name for register in profile.register):
        return (name,), ()
    entry = next((entry for entry in profile.derived if entry.signal == name), None)
    if entry is None:
        raise BadSetup(f"profile {profile.name}", f"gives no {name}")
    return entry.plus, entry.minus
