"""The site file as text: a new one, or an old one with other sources and every other line kept. Pure."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from agent.domain.errors import BadSetup
from agent.onsite.bench import SourcePlan

_HEADER: Final = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}")
_BARE: Final = re.compile(r"^[A-Za-z0-9_-]+$")


def new_text(device: str, site: Mapping[str, Any], state: str, sources: Sequence[SourcePlan]) -> str:
    """A whole site file."""
    head = f"[device]\nid = {_value(device)}\nstate = {_value(state)}\n\n[site]\n"
    return head + "".join(f"{key} = {_value(value)}\n" for key, value in site.items()) + _sources_text(sources)


def merged_text(old: str, sources: Sequence[SourcePlan]) -> str:
    """The old text with these sources in the place of its own. Raises `BadSetup` if the old text is not TOML."""
    try:
        before = tomllib.loads(old)
    except tomllib.TOMLDecodeError as error:
        raise BadSetup("site file", f"is not TOML: {error}") from error
    kept = _without_sources(old).rstrip() + "\n"
    text = kept + _sources_text(sources)
    try:
        after = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        after = {}
    before.pop("source", None)
    after.pop("source", None)
    if before != after:
        raise BadSetup("site file", "its sources cannot be replaced without touching the rest; write them by hand")
    return text


def _without_sources(text: str) -> str:
    """Lines of all tables but `source` and those inside it; comments right above the next table belong to that."""
    kept: list[str] = []
    pending: list[str] = []
    dropping = False
    for line in text.splitlines(keepends=True):
        header = _HEADER.match(line)
        if header is not None:
            dropping = header[1] == "source" or header[1].startswith("source.")
        elif dropping:
            loose = not line.strip() or line.lstrip().startswith("#")
            pending = [*pending, line] if loose else []
            continue
        kept += [] if dropping else [*pending, line]
        pending = []
    return "".join(kept)


def _sources_text(sources: Sequence[SourcePlan]) -> str:
    return "".join(_source_text(source) for source in sources)


def _source_text(source: SourcePlan) -> str:
    lines = ["", "[[source]]"]
    lines += [f"{_key(key)} = {_value(value)}" for key, value in source.table.items()]
    if source.correct:
        lines += ["", "[source.correct]"]
        lines += [f"{_key(key)} = {_value(value)}" for key, value in msgspec.to_builtins(source.correct).items()]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """A basic string; its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + " }"
    raise BadSetup("site file", f"{value!r} cannot be written as TOML")
