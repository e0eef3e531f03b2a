"""SunSpec discovery: the chain of models is read from the device, and gives the profile's registers their addresses.

The chain: a two-word marker "SunS" at one of the base addresses, then models, each with its number, its length L and L
words, then 0xFFFF. Unknown models are skipped by their L. Some devices refuse the word behind the end, and some have no
end at all: a refused header ends the chain. Source: SunSpec Common Models 1.6; github.com/sunspec/pysunspec2, f2ece9a.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import msgspec

from agent.sources.decode import text_of
from agent.sources.planning import ReadRules
from agent.sources.profile import Field, Guard, Layout, Limits, Modules, Profile, Register, absolute_fields, layout_of

MARKER: Final = (0x5375, 0x6E53)
FUNCTION: Final = 3
NEVER: Final = frozenset({1, 2, 3})
"""Illegal function, address or value: the device has no such thing. All other exceptions may be gone next time."""

# Some devices fill what is behind their last model with zeros.
_ENDS: Final = frozenset({0xFFFF, 0})
_MOST_MODELS: Final = 100
_HIGHEST: Final = 0xFFFF


class Refused(Exception):  # never leaves this part
    """The device answered with Modbus exception `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code}")
        self.code = code


class ReadWords(Protocol):
    """One request to one unit. Raises `Refused`, or `SourceUnavailable` without any answer."""

    async def __call__(self, unit: int, function: int, address: int, count: int) -> Sequence[int]: ...


class Model(msgspec.Struct, frozen=True):
    """One model of the chain. `address` is that of its header; `length` does not count the two header words.

    `roles` names the role of each repeated module, in order.
    """

    unit: int
    number: int
    address: int
    length: int
    roles: tuple[str, ...] = ()

    @property
    def last(self) -> int:
        return self.address + 1 + self.length


async def discover(read: ReadWords, profile: Profile, unit: int) -> list[Model]:
    """The models of one unit in their order; empty if it has no "SunS" at any base.

    Raises `Refused` with a passing exception: half a chain would be taken for the whole.
    """
    for base in profile.bases:
        if await _try(read, unit, base, 2) == MARKER:
            return [await _with_roles(read, profile, model) for model in await _chain(read, unit, base + 2)]
    return []


async def _chain(read: ReadWords, unit: int, address: int) -> list[Model]:
    models: list[Model] = []
    while len(models) < _MOST_MODELS and address < _HIGHEST:
        header = await _try(read, unit, address, 2)
        if not header:
            break
        number, length = header
        if number in _ENDS or address + 1 + length > _HIGHEST:
            break
        models.append(Model(unit, number, address, length))
        address += 2 + length
    return models


async def _try(read: ReadWords, unit: int, address: int, count: int) -> tuple[int, ...]:
    """The words, or none where the device has none."""
    try:
        return tuple(await read(unit, FUNCTION, address, count))
    except Refused as refused:
        if refused.code in NEVER:
            return ()
        raise


async def _with_roles(read: ReadWords, profile: Profile, model: Model) -> Model:
    roles: list[str] = []
    for modules in profile.modules:
        if modules.model != model.number:
            continue
        for index in range(module_count(modules, model)):
            start = model.address + modules.first + modules.words * index
            if modules.kind_at is not None:
                roles.append(kind_of(modules, await _try(read, model.unit, start + modules.kind_at, 1)))
            else:
                name = await _try(read, model.unit, start + modules.name_at, modules.name_words)
                roles.append(role_of(modules, text_of(name)))
    return Model(model.unit, model.number, model.address, model.length, tuple(roles))


def module_count(modules: Modules, model: Model) -> int:
    """How many repeated modules the length has room for; the device's own count is not needed."""
    return max(0, (model.length + 2 - modules.first) // modules.words)


def role_of(modules: Modules, name: str) -> str:
    """The role of a module of this name.

    >>> from agent.sources.profile import Modules, Role
    >>> rule = Role(role="charge", contains=("stcha",))
    >>> role_of(Modules(model=160, first=10, words=20, name_at=1, name_words=8, roles=(rule,)), "StCha 3")
    'charge'
    """
    folded = name.casefold()
    for rule in modules.roles:
        if any(part in folded for part in rule.contains):
            return rule.role
    return modules.otherwise


def kind_of(modules: Modules, words: Sequence[int]) -> str:
    """The role of a module whose kind is this one word.

    >>> from agent.sources.profile import Modules
    >>> kind_of(Modules(model=714, first=20, words=25, kind_at=0, kinds={"1": "battery"}), [1])
    'battery'
    """
    kinds = {int(number, 0): role for number, role in modules.kinds.items()}
    return kinds.get(words[0], modules.otherwise) if words else modules.otherwise


def locate(profile: Profile, models: Iterable[Model], unit: int = 1) -> Layout:
    """The profile's registers at their addresses in this device; `unit` is that of registers beside the models.

    Of a register outside repeated modules the first place counts: a second meter of a chain is another thing.
    """
    chain = list(models)
    fields: list[Field] = []
    for register in profile.register:
        if register.address is not None:
            continue
        if register.role:
            fields += _repeated(profile, chain, register)
        elif not any(f.name == register.name and f.register.identity == register.identity for f in fields):
            fields += _single(chain, register)
    fields += absolute_fields(profile, unit, {})
    guards = tuple(Guard(m.unit, FUNCTION, m.address, (m.number, m.length), m.last) for m in chain)
    return layout_of(profile, fields, guards)


def rules_in(models: Iterable[Model], limits: Limits, unit: int = 1) -> ReadRules:
    """A request stays inside one model, so that a refusal costs that model only; inside, gaps are read along.

    What the profile lists as readable lies beside the models.
    """
    readable: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for model in models:
        readable.setdefault((model.unit, FUNCTION), []).append((model.address, model.last))
    for entry in limits.readable:
        readable.setdefault((unit, entry.function), []).append((entry.first, entry.last))
    return ReadRules(limits.words_per_read, merge_gap=limits.words_per_read, readable=readable)


def _single(models: Sequence[Model], register: Register) -> list[Field]:
    for model in models:
        if model.number in register.models and _fits(model, register, register.place):
            return [_field(model, register, model.address + register.place)]
    return []


def _repeated(profile: Profile, models: Sequence[Model], register: Register) -> list[Field]:
    """Modules of one signal of the vocabulary: the first keeps the name, the others are not a signal of their own."""
    found: list[Field] = []
    for model in models:
        if model.number not in register.models:
            continue
        modules = next(m for m in profile.modules if m.model == model.number)
        for index, role in enumerate(model.roles):
            place = modules.first + modules.words * index + register.place
            if role == register.role and _fits(model, register, place):
                found.append(_field(model, register, model.address + place))
    return found if register.name.startswith("_") else found[:1]


def _fits(model: Model, register: Register, place: int) -> bool:
    scale = register.scale_register
    inside = place + register.width <= model.length + 2
    return inside and (not isinstance(scale, int) or scale <= model.length + 1)


def _field(model: Model, register: Register, address: int) -> Field:
    scale = register.scale_register
    scale_address = model.address + scale if isinstance(scale, int) else None
    group = f"{register.group}@{model.address}" if register.group else ""
    return Field(register.name, model.unit, address, register, scale_address, group)
