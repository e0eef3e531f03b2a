"""Where sites are and what stands there, as far as it matters for grouping."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloud.ports import EquipmentSpan, Site

Cell = tuple[str, int, int]
# About 5.5 km in the middle of Europe; a burst looks at a cell and its eight neighbours, so at a town.
_LATITUDE_STEP: Final = 0.05
_LONGITUDE_STEP: Final = 0.075


@dataclass(frozen=True, slots=True)
class Part:
    """Equipment of a site; `since_ms` is when its firmware was seen to change, 0 when it never was."""

    source: str
    maker: str
    model: str
    firmware: str
    since_ms: int = 0

    @property
    def known(self) -> bool:
        return bool(self.maker and self.model)


@dataclass(frozen=True, slots=True)
class Place:
    """One site. Without coordinates its town, or at least its time zone, says where it is."""

    device: str
    latitude: float | None = None
    longitude: float | None = None
    town: str = ""
    timezone: str = "UTC"
    parts: tuple[Part, ...] = ()

    @property
    def cell(self) -> Cell:
        if self.latitude is not None and self.longitude is not None:
            return "", math.floor(self.latitude / _LATITUDE_STEP), math.floor(self.longitude / _LONGITUDE_STEP)
        return (f"town {self.town}" if self.town else f"zone {self.timezone}"), 0, 0


def around(cell: Cell) -> list[Cell]:
    """The cell and its neighbours.

    >>> around(("zone UTC", 0, 0))
    [('zone UTC', 0, 0)]
    """
    name, row, column = cell
    if name:
        return [cell]
    return [("", row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]


def wider(cell: Cell, factor: int) -> Cell:
    """The large cell that holds `cell`."""
    name, row, column = cell
    return cell if name else ("", row // factor, column // factor)


def places(sites: Iterable[Site], spans: Sequence[EquipmentSpan]) -> dict[str, Place]:
    """Every site with its equipment as it is now, and since when."""
    since = {(span.device, span.source): span.since_ms for span in sorted(spans, key=lambda span: span.since_ms)}
    return {
        site.device: Place(
            device=site.device,
            latitude=site.latitude,
            longitude=site.longitude,
            timezone=site.timezone,
            parts=tuple(
                Part(
                    source,
                    facts.get("maker", ""),
                    facts.get("model", ""),
                    facts.get("firmware", ""),
                    since.get((site.device, source), 0),
                )
                for source, facts in sorted(site.equipment.items())
            ),
        )
        for site in sites
    }


def new_spans(sites: Iterable[Site], spans: Sequence[EquipmentSpan], looked_ms: int) -> list[EquipmentSpan]:
    """What has changed since the sites were looked at last, at `looked_ms`: a change lies somewhere behind that."""
    latest = {(span.device, span.source): span for span in sorted(spans, key=lambda span: span.since_ms)}
    found = []
    for site in sites:
        for source, facts in sorted(site.equipment.items()):
            maker, model, firmware = facts.get("maker", ""), facts.get("model", ""), facts.get("firmware", "")
            old = latest.get((site.device, source))
            if old is not None and (old.maker, old.model, old.firmware) == (maker, model, firmware):
                continue
            since_ms = 0 if old is None else max(looked_ms, old.since_ms + 1)
            found.append(EquipmentSpan(site.device, source, since_ms, maker, model, firmware))
    return found


def name_of(members: Iterable[Place]) -> str:
    """A region in words: its towns where they are known, else its middle.

    >>> name_of([Place("a", town="Lyon"), Place("b", town="Lyon")])
    'Lyon'
    """
    found = sorted(members, key=lambda place: place.device)
    towns = Counter(place.town for place in found if place.town)
    if towns:
        ranked = sorted(towns, key=lambda town: (-towns[town], town))
        return ranked[0] if len(ranked) == 1 else f"{ranked[0]} and {len(ranked) - 1} more"
    where = [(p.latitude, p.longitude) for p in found if p.latitude is not None and p.longitude is not None]
    if not where:
        return ", ".join(sorted({place.timezone for place in found})[:3])
    north, east = (sum(column) / len(where) for column in zip(*where, strict=True))
    return f"around {abs(north):.2f}° {'N' if north >= 0 else 'S'} {abs(east):.2f}° {'E' if east >= 0 else 'W'}"


def by_cell(fleet: Mapping[str, Place]) -> Counter[Cell]:
    """How many sites each small cell holds."""
    return Counter(place.cell for place in fleet.values())
