"""A family of devices: its table, its limits, its manners on the line, read from `tables/NAME.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from agent.domain.signals import Equipment
from firmware_sim.errors import BadArgument, SimError
from firmware_sim.families.rows import Codes, Row, parse_rows


class FamilyKind(StrEnum):
    """Which sites can speak as it: a meter tells only the grid of a home."""

    HOME = "home"
    METER = "meter"
    HEAT = "heat"


class Layout(StrEnum):
    """Which map of its own a device has besides, or instead of, a table of rows."""

    ROWS = "rows"
    SUNSPEC = "sunspec"
    GEN24 = "gen24"
    STOREDGE = "storedge"
    TROVIS = "trovis"


class Clients(StrEnum):
    """What a second TCP client meets."""

    MANY = "many"
    RESET_OLD = "reset_old"
    REFUSE_NEW = "refuse_new"
    MUTE_NEW = "mute_new"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows behind one function code of one unit, and the addresses around them that can be read as 0."""

    functions: tuple[int, ...]
    rows: tuple[Row, ...]
    bridge: int
    ranges: tuple[tuple[int, int], ...]
    reserved: int
    unit: int
    when: Mapping[str, str]

    def fits(self, options: Mapping[str, str]) -> bool:
        """Whether a device with these options has it."""
        return all(options.get(key) in value.split("|") for key, value in self.when.items())


@dataclass(frozen=True, slots=True)
class Family:
    """One family. `options` lists, per option, its values; the first is what a device has when nobody chose.

    `identifies` says whether it answers function 43, read device identification.
    """

    name: str
    title: str
    kind: FamilyKind
    sources: str
    plate: Equipment
    unit: int
    tables: tuple[Table, ...]
    layout: Layout = Layout.ROWS
    max_words: int = 125
    block: int = 0
    gap_ms: int = 0
    clients: Clients = Clients.MANY
    battery_v: float = 400.0
    line: str = "9600N1"
    carriers: tuple[str, ...] = ("tcp",)
    identifies: bool = False
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def chosen(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """The value of every option. Raises `BadArgument` for one that the family does not have."""
        values = {key: known[0] for key, known in self.options.items()}
        for key, value in wanted.items():
            if key not in self.options:
                known = ", ".join((*self.options, *FREE_OPTIONS))
                raise BadArgument(f"option {key}={value}: {self.name} has no such option; expected one of {known}")
            if value not in self.options[key]:
                raise BadArgument(f"option {key}={value}: expected one of {', '.join(self.options[key])}")
            values[key] = value
        return values


# Options that every family has: what stands on the plate, the unit id, and whether its pause between requests is kept.
FREE_OPTIONS: Final = ("maker", "model", "serial", "version", "unit", "gap_ms", "clients")


@cache
def families() -> tuple[str, ...]:
    """Names of all families, sorted."""
    folder = files("firmware_sim").joinpath("families", "tables")
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


@cache
def family(name: str) -> Family:
    """A family by its name. Raises `BadArgument` for an unknown one."""
    if name not in families():
        raise BadArgument(f"no such family {name!r}; expected one of {', '.join(families())}")
    text = files("firmware_sim").joinpath("families", "tables", f"{name}.toml").read_text(encoding="utf-8")
    try:
        return _parsed(name, tomllib.loads(text))
    except (KeyError, ValueError) as error:
        raise SimError(f"families/tables/{name}.toml: {error}") from error


def _parsed(name: str, table: Mapping[str, Any]) -> Family:
    plate = table["plate"]
    limits = table.get("limits", {})
    order = table.get("order", "hi")
    lists: Mapping[str, Codes] = table.get("codes", {})
    return Family(
        name=name,
        title=table["title"],
        kind=FamilyKind(table["kind"]),
        sources=table["sources"],
        plate=Equipment(plate["maker"], plate["model"], plate["serial"], plate["version"]),
        unit=table.get("unit", 1),
        tables=tuple(_table(part, order, lists) for part in table.get("table", [])),
        layout=Layout(table.get("layout", "rows")),
        max_words=limits.get("max_words", 125),
        block=limits.get("block", 0),
        gap_ms=limits.get("gap_ms", 0),
        clients=Clients(limits.get("clients", "many")),
        battery_v=table.get("battery_v", 400.0),
        line=table.get("line", "9600N1"),
        identifies=table.get("identifies", False),
        carriers=tuple(table.get("carriers", ["tcp"])),
        options={key: tuple(values) for key, values in table.get("options", {}).items()},
    )


def _table(part: Mapping[str, Any], order: str, lists: Mapping[str, Codes]) -> Table:
    return Table(
        functions=tuple(part["functions"]),
        rows=parse_rows(part["rows"], part.get("order", order) == "lo", lists),
        bridge=part.get("bridge", 0),
        ranges=tuple((first, last) for first, last in part.get("ranges", [])),
        reserved=part.get("reserved", 0),
        unit=part.get("unit", 0),
        when=part.get("when", {}),
    )
