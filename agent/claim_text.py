"""The site file's `[uplink]` told about a certificate: lines that are missing are added, nothing else changes. Pure."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

_HEADER: Final = re.compile(r"^[ \t]*\[[ \t]*uplink[ \t]*\][ \t]*(#.*)?$", re.MULTILINE)


def with_uplink(text: str, wanted: Mapping[str, str | int]) -> str | None:
    """The text with every key of `wanted` that its `[uplink]` lacks; None when that cannot be done in place.

    `host` and `port` of a table that is there stay together as they are. The keys that name files are set by the result
    as they are in `wanted`, or not at all: where the table names others, it is None.

    >>> with_uplink("[poll]\\n", {"host": "b", "port": 8883})
    '[poll]\\n\\n[uplink]\\nhost = "b"\\nport = 8883\\n'
    """
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    table = before.get("uplink")
    if table is None:
        return _checked(text.rstrip("\n") + "\n\n[uplink]\n" + _lines(wanted), before, dict(wanted))
    if not isinstance(table, dict) or any(
        table.get(key, value) != value for key, value in wanted.items() if _file(key)
    ):
        return None
    added = {key: value for key, value in wanted.items() if key not in table and (_file(key) or "host" not in table)}
    if not added:
        return text
    header = _HEADER.search(text)
    if header is None:
        return None
    at = header.end()
    return _checked(text[:at] + "\n" + _lines(added).rstrip("\n") + text[at:], before, {**table, **added})


def _file(key: str) -> bool:
    return key.endswith("file")


def _lines(table: Mapping[str, str | int]) -> str:
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())


def _checked(text: str, before: Mapping[str, Any], uplink: Mapping[str, Any]) -> str | None:
    """None unless the text says what it must: quoting and order are left to the parser to judge."""
    try:
        after = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    return text if after == {**before, "uplink": uplink} else None
