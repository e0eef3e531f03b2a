"""Why a table that a person wrote does not fit its struct or its bounds: field, value, what was expected. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec

_STEP: Final = re.compile(r"\.([^.\[]+)|\[([0-9]+)\]")
_QUOTED: Final = re.compile(r"field `(.*)`")
_LONGEST: Final = 60
_WORDS: Final[Mapping[Any, str]] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    tuple: "a list",
}


def misfit(error: msgspec.ValidationError, table: object, kind: Any) -> str:
    """What `msgspec.convert(table, kind)` found wrong, in one line.

    >>> from agent.domain.proof_change import Change
    >>> try:
    ...     msgspec.convert({"flop": ["load_power"]}, Change)
    ... except msgspec.ValidationError as error:
    ...     misfit(error, {"flop": ["load_power"]}, Change)
    'unknown field `flop`, did you mean flip?'
    """
    return _told(error, table, kind, "")


def _told(error: msgspec.ValidationError, table: object, kind: Any, place: str) -> str:
    problem, _, path = str(error).partition(" - at `$")
    value = table
    # What stands under a key of a table without fields is shown with the whole table.
    for name, index in _STEP.findall(path.rstrip("`").partition("[...]")[0]):
        place += f"{'.' if place else ''}{name}" if name else f"[{index}]"
        kind = _in_struct(kind, name, value) if name else _in_list(kind, int(index))
        value = value[int(index)] if isinstance(value, list) else _in_table(value, name)
    if "[...]" in path and (wrong := _under_a_key(value, kind)) is not None:
        name, inner, kind, error = wrong
        return _told(error, inner, kind, f"{place}.{name}")
    named = _QUOTED.search(problem)
    if named is None:
        return f"{place or 'it'}: got {_shown(place, value)}, expected {expected(kind)}"
    field, where = named[1], f"{place}: " if place else ""
    if "unknown field" in problem:
        return f"{where}unknown field `{field}`, {near(field, _fields(kind, value))}"
    return f"{where}field `{field}` is missing, expected {expected(_in_struct(kind, field, value))}"


def _under_a_key(value: object, kind: Any) -> tuple[str, object, Any, msgspec.ValidationError] | None:
    """Of tables that a person names himself the one that does not fit: its name, itself, its type and its error."""
    inner = get_args(kind)[-1] if get_origin(kind) is dict else Any
    for name, each in value.items() if isinstance(value, Mapping) and _structs(inner) else ():
        try:
            msgspec.convert(each, inner)
        except msgspec.ValidationError as error:
            return name, each, inner, error
    return None


def near(name: str, known: Iterable[str]) -> str:
    """The names most like this one, or where there are none all that are known.

    >>> near("prot", ["host", "port"]), near("x", ["host", "port"])
    ('did you mean port?', 'expected one of host, port')
    """
    names = list(known)
    return did_you_mean(name, names) or f"expected one of {', '.join(names) or 'none'}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The names most like this one, as a question; nothing where there are none.

    >>> did_you_mean("prot", ["host", "port"]), did_you_mean("x", ["host", "port"])
    ('did you mean port?', '')
    """
    from difflib import get_close_matches

    alike = get_close_matches(name, list(known), n=3)
    return f"did you mean {', '.join(alike)}?" if alike else ""


Bounds = tuple[str, float, float, float]
"""A number of a table: its field, itself, the lowest and the highest that it may be."""


def outside(rows: Iterable[Bounds]) -> Iterator[Bounds]:
    """Those that are not within their bounds; NaN never is.

    >>> [field for field, *_ in outside([("a", 1, 0, 2), ("b", 3, 0, 2), ("c", float("nan"), 0, 2)])]
    ['b', 'c']
    """
    return (row for row in rows if not row[2] <= row[1] <= row[3])


def expected(kind: Any) -> str:
    """A type in words.

    >>> expected(float | None), expected(Literal["N", "E"]), expected(list[int])
    ('a number', 'N or E', 'a list')
    >>> expected(Annotated[int, msgspec.Meta(ge=1, le=65535)]), expected(Annotated[float, msgspec.Meta(gt=0)])
    ('a whole number, at least 1 and at most 65535', 'a number, more than 0')
    """
    return " or ".join(dict.fromkeys(_word(each) for each in _members(kind) if each is not NoneType))


def _word(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        bare, *metas = get_args(kind)
        limits = " and ".join(_limits(each) for each in metas if isinstance(each, msgspec.Meta))
        return f"{_word(bare)}, {limits}" if limits else _word(bare)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(str(each.value) for each in kind)
    if get_origin(kind) is Literal:
        return " or ".join(str(value) for value in get_args(kind))
    if get_origin(kind) is list and _is_table(get_args(kind)[0]):
        return "tables in double brackets, [[…]]"
    return _WORDS.get(get_origin(kind) or kind, "a table" if _structs(kind) else "something else")


def _is_table(kind: Any) -> bool:
    return bool(_structs(kind)) or get_origin(kind) is dict


def _limits(meta: msgspec.Meta) -> str:
    told = (
        ("at least", meta.ge),
        ("more than", meta.gt),
        ("at most", meta.le),
        ("less than", meta.lt),
        ("of a length of at least", meta.min_length),
    )
    return " and ".join(f"{word} {limit}" for word, limit in told if limit is not None)


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _structs(kind: Any) -> list[type[msgspec.Struct]]:
    return [each for each in _members(kind) if isinstance(each, type) and issubclass(each, msgspec.Struct)]


def _struct(kind: Any, value: object) -> type[msgspec.Struct] | None:
    """Of several the one that the value says it is."""
    structs = _structs(kind)
    for each in structs:
        config = each.__struct_config__
        if config.tag is not None and _in_table(value, str(config.tag_field)) == config.tag:
            return each
    return structs[0] if structs else None


def _fields(kind: Any, value: object) -> tuple[str, ...]:
    struct = _struct(kind, value)
    return () if struct is None else struct.__struct_fields__


def _in_struct(kind: Any, name: str, value: object) -> Any:
    struct = _struct(kind, value)
    if struct is None:
        return Any
    if name == struct.__struct_config__.tag_field:
        return Literal[tuple(each.__struct_config__.tag for each in _structs(kind))]
    return next((field.type for field in msgspec.structs.fields(struct) if field.name == name), Any)


def _in_list(kind: Any, index: int) -> Any:
    for each in _members(kind):
        inner = get_args(each)
        if get_origin(each) in (list, tuple) and inner:
            return inner[0] if inner[-1] is Ellipsis or len(inner) == 1 else inner[index]
    return Any


def _in_table(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None


def _shown(place: str, value: object) -> str:
    """A value as it was written, unless it is a secret."""
    if place.rpartition(".")[2] in ("password", "secret"):
        return type(value).__name__
    text = repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
