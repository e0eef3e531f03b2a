"""Reads a TOML table field by field and refuses what it does not know, naming file, field, value and expectation."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from firmware_sim.errors import BadScenario

Word = TypeVar("Word", bound=StrEnum)


class Fields:
    """One table. Take every field that may be there, then call `end`."""

    def __init__(self, where: str, path: str, table: Mapping[str, Any]) -> None:
        self._where = where
        self._path = path
        self._table = table
        self._taken: set[str] = set()

    def problem(self, key: str, text: str) -> BadScenario:
        """The error for field `key`."""
        return BadScenario(self._where, f"{self._path}.{key}" if self._path else key, text)

    def has(self, key: str) -> bool:
        """Whether the field is there; it stays to be taken."""
        return key in self._table

    def take(self, key: str, expected: str) -> Any:
        """The raw value of a field that must be there."""
        self._taken.add(key)
        if key not in self._table:
            raise self.problem(key, f"is missing; expected {expected}")
        return self._table[key]

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty."""
        if default is not None and key not in self._table:
            self._taken.add(key)
            return default
        value = self.take(key, "a text")
        if not isinstance(value, str) or not value:
            raise self.problem(key, f"{value!r} is not a text; expected a text that is not empty")
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """A number in `low` … `high`."""
        if default is not None and key not in self._table:
            self._taken.add(key)
            return default
        value = self.take(key, f"a number from {low:g} to {high:g}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise self.problem(key, f"{value!r} is out of place; expected a number from {low:g} to {high:g}")
        return float(value)

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number in `low` … `high`."""
        value = self.number(key, low, high, default)
        if value != int(value):
            raise self.problem(key, f"{value!r} is not whole; expected a whole number from {low} to {high}")
        return int(value)

    def word(self, key: str, words: type[Word], default: Word | None = None) -> Word:
        """One of a fixed set of words."""
        value = self.text(key, default.value if default is not None else None)
        try:
            return words(value)
        except ValueError:
            known = ", ".join(words)
            raise self.problem(key, f"{value!r} is not known; expected one of {known}") from None

    def parsed(self, key: str, parse: Callable[[str], Any]) -> Any:
        """A text given to `parse`, whose `ValueError` says what was expected."""
        value = self.text(key)
        try:
            return parse(value)
        except ValueError as error:
            raise self.problem(key, str(error)) from None

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty when the field is not there."""
        self._taken.add(key)
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.problem(key, f"{value!r} is not a list of texts; expected one")
        return tuple(value)

    def table(self, key: str) -> "Fields":
        """A table below this one, empty when it is not there."""
        self._taken.add(key)
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise self.problem(key, f"{value!r} is not a table; expected [{key}]")
        return Fields(self._where, f"{self._path}.{key}" if self._path else key, value)

    def tables(self, key: str) -> list["Fields"]:
        """A list of tables below this one, empty when it is not there. They are counted from 1."""
        self._taken.add(key)
        value = self._table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.problem(key, f"is not a list of tables; expected [[{key}]]")
        return [Fields(self._where, f"{key}[{number}]", item) for number, item in enumerate(value, 1)]

    def end(self) -> None:
        """Refuses what nobody took."""
        for key in self._table:
            if key not in self._taken:
                near = get_close_matches(key, self._taken, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(self._taken))}"
                raise self.problem(key, f"is not a known field; {hint}")
