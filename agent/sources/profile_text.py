"""Where an entry stands in a profile's text, and a refusal that points at it."""

from typing import NoReturn

import msgspec

from agent.domain.errors import BadSetup


class Place(msgspec.Struct, frozen=True):
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
        subject = f"{place.table} {place.label or place.index + 1}".strip()
        raise BadSetup(where, f"{subject}, field {field}: {problem}" if field else f"{subject}: {problem}")
