"""All registers of a device of some family, made from the facts of its site."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from agent.domain.signals import Equipment
from firmware_sim.families.family import Family, Layout, Table
from firmware_sim.families.rows import Facts, Row, bridged, row_words, spot_of
from firmware_sim.registers import HOLDING, Image, Spot
from firmware_sim.sunspec_map import chained, common, hybrid_models, inverter, meter, whole_image

FRONIUS_METER = Equipment("Fronius", "Smart Meter TS 65A-3", "2240123456", "1.4")
SOLAREDGE_METER = Equipment("SolarEdge", "SE-MTR-3Y-400V-A", "60512345", "75")


@dataclass(frozen=True, slots=True)
class Quirk:
    """What is bent in the encoding: how many steps the scale factors of powers moved, how many words all addresses.

    `turned` are the meters that count the other way, by their names in `Measured`; `options` stand above the device's
    own, as after a new firmware. `clip` leaves numbers that no longer fit at the end of their range.
    """

    scale_step: int = 0
    moved: int = 0
    turned: frozenset[str] = frozenset()
    options: tuple[tuple[str, str], ...] = ()
    clip: bool = False


STRAIGHT = Quirk()


def family_image(
    family: Family,
    options: Mapping[str, str],
    equipment: Equipment,
    unit_id: int,
    facts: Facts,
    quirk: Quirk = STRAIGHT,
) -> Image:
    """All registers of all units of a device. `options` holds a value for every option of the family."""
    options = {**options, **dict(quirk.options)}
    told = {**facts, **_names(equipment)}
    image = _native(family, options, equipment, unit_id, told, quirk)
    tables = [table for table in family.tables if table.fits(options)]
    by_unit = {
        unit: _rows_image(list(group), told, quirk)
        for unit, group in groupby(sorted(tables, key=_unit_of), key=_unit_of)
    }
    own = by_unit.pop(0, None)
    others = [replace(rest, unit_ids=frozenset({unit})) for unit, rest in by_unit.items()]
    if own is not None:
        image = _joined(image, own)
    everywhere = [_limited(other, family) for other in (*image.others, *others)]
    identity = {0: equipment.maker, 1: equipment.model, 2: equipment.firmware} if family.identifies else {}
    whole = replace(_limited(image, family), unit_ids=frozenset({unit_id}), others=tuple(everywhere))
    return replace(whole, identity=identity)


def _limited(image: Image, family: Family) -> Image:
    return replace(image, max_words=family.max_words, block=family.block)


def _unit_of(table: Table) -> int:
    return table.unit


def _names(equipment: Equipment) -> dict[str, str | float]:
    digits = "".join(letter for letter in equipment.serial if letter.isdigit()) or "0"
    return {
        "maker": equipment.maker, "model": equipment.model, "serial": equipment.serial, "version": equipment.firmware,
        "part": "01074120", "serial_number": float(int(digits) % 0xFFFF_FFFF), "maker_batt": "LG",
        "model_batt": "RESU10H", "version_batt": "1.7.4", "serial_batt": f"B{equipment.serial}"[:20],
    }  # fmt: skip


def _native(
    family: Family, options: Mapping[str, str], equipment: Equipment, unit_id: int, facts: Facts, quirk: Quirk
) -> Image:
    step = quirk.scale_step
    match family.layout:
        case Layout.SUNSPEC:
            return _shifted(whole_image(equipment, unit_id, facts, step), quirk.moved)
        case Layout.GEN24:
            chain = chained([common(equipment, padded=False), *hybrid_models(facts, step)])
            grid = chained([common(FRONIUS_METER, padded=False), meter(facts, step)])
            units = frozenset({int(options["meter"])})
            other = Image({HOLDING: grid.words}, unit_ids=units, spots=grid.spots)
            return _shifted(Image({HOLDING: chain.words}, spots=chain.spots, others=(other,)), quirk.moved)
        case Layout.STOREDGE:
            models = [
                common(equipment, padded=False),
                inverter(_bus(facts), step, "p_dc", "TmpSnk"),
                common(SOLAREDGE_METER, padded=False),
                meter(facts, step, turned=True),
            ]
            chain = chained(models)
            return _shifted(Image({HOLDING: chain.words}, spots=chain.spots), quirk.moved)
        case _:
            return Image({})


def _bus(facts: Facts) -> Facts:
    """With `p_dc`, the power on the DC bus: panels less what goes into the battery."""
    panels, battery = facts.get("p_pv"), facts.get("p_batt")
    if not isinstance(panels, float) or not isinstance(battery, float):
        return facts
    return {**facts, "p_dc": panels - battery}


def _rows_image(tables: list[Table], facts: Facts, quirk: Quirk) -> Image:
    words: dict[int, dict[int, int]] = {}
    spots: list[Spot] = []
    for function in sorted({function for table in tables for function in table.functions}):
        here = [table for table in tables if function in table.functions]
        words[function] = _around(here, quirk.moved)
        for row in (_moved(row, quirk.moved) for table in here for row in table.rows):
            values = row_words(row, facts.get(row.what), quirk.clip)
            words[function].update(zip(row.addresses, values, strict=True))
            spots.append(spot_of(function, row))
    return Image(words, spots=tuple(spots))


def _moved(row: Row, words: int) -> Row:
    return replace(row, addresses=tuple(address + words for address in row.addresses)) if words else row


def _around(tables: list[Table], moved: int) -> dict[int, int]:
    """What can be read besides the rows: named ranges, and small holes between rows."""
    addresses = [address for table in tables for row in table.rows for address in row.addresses]
    found = dict.fromkeys(bridged(addresses, max(table.bridge for table in tables)), 0)
    for table in tables:
        for first, last in table.ranges:
            found |= dict.fromkeys(range(first, last + 1), table.reserved)
    return {address + moved: word for address, word in found.items() if address + moved <= 0xFFFF}


def _shifted(image: Image, words: int) -> Image:
    """A chain that sits so many words further on, the marker too."""
    if not words:
        return image
    tables = {fn: {address + words: word for address, word in table.items()} for fn, table in image.tables.items()}
    return replace(image, tables=tables, spots=tuple(spot.moved(words) for spot in image.spots))


def _joined(first: Image, second: Image) -> Image:
    tables = {
        function: {**first.tables.get(function, {}), **second.tables.get(function, {})}
        for function in {*first.tables, *second.tables}
    }
    return replace(first, tables=tables, spots=first.spots + second.spots)
