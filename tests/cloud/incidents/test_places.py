import msgspec

from cloud.incidents.places import Part, Place, around, name_of, new_spans, places, wider
from cloud.ports import EquipmentSpan
from tests.helpers.incidents import NOW_MS, home


def test_a_site_without_coordinates_is_where_its_town_or_zone_is() -> None:
    assert Place("a", town="Lyon").cell == Place("b", town="Lyon", timezone="Europe/Paris").cell
    assert Place("a", timezone="Europe/Rome").cell != Place("b", timezone="Europe/Paris").cell
    assert Place("a", 50.0, 8.0, town="Lyon").cell[0] == ""


def test_neighbours_touch() -> None:
    cells = around(("", 5, -3))
    assert len(set(cells)) == 9
    assert ("", 5, -3) in cells
    assert all(abs(row - 5) <= 1 and abs(column + 3) <= 1 for _, row, column in cells)


def test_a_large_cell_holds_its_small_ones_west_of_greenwich_too() -> None:
    assert wider(("", -1, -8), 8) == ("", -1, -1)
    assert wider(("", 0, 7), 8) == ("", 0, 0)
    assert wider(("town X", 0, 0), 8) == ("town X", 0, 0)


def test_equipment_is_seen_to_change_once() -> None:
    old = home(1, 50.0, 8.0, ("Fronius", "GEN24 8.0", "1.28"))
    new = home(1, 50.0, 8.0, ("Fronius", "GEN24 8.0", "1.30"))
    first = new_spans([old], [], NOW_MS)
    assert [span.since_ms for span in first] == [0], "nobody saw it begin"
    assert new_spans([old], first, NOW_MS) == []
    second = new_spans([new], first, NOW_MS)
    assert second == [EquipmentSpan("home-00001", "inverter", NOW_MS, "Fronius", "GEN24 8.0", "1.30")]
    assert new_spans([new], [*first, *second], NOW_MS) == []
    back = new_spans([old], [*first, *second], NOW_MS)
    assert [span.since_ms for span in back] == [NOW_MS + 1], "no two spans of one source begin together"


def test_places_know_since_when_their_firmware_is_there() -> None:
    site = home(1, 50.0, 8.0, ("Fronius", "GEN24 8.0", "1.30"))
    spans = [EquipmentSpan(site.device, "inverter", at, "Fronius", "GEN24 8.0", "1.30") for at in (700, 0)]
    assert places([site], spans)[site.device].parts == (Part("inverter", "Fronius", "GEN24 8.0", "1.30", 700),)


def test_a_region_has_a_name() -> None:
    assert name_of([Place("a", 50.0, 8.0), Place("b", 51.0, 9.0)]) == "around 50.50° N 8.50° E"
    assert name_of([Place("a", -33.5, -70.6)]) == "around 33.50° S 70.60° W"
    assert name_of([Place("a", town="Lyon"), Place("b", town="Nice"), Place("c", town="Lyon")]) == "Lyon and 1 more"
    assert name_of([Place("a", timezone="Europe/Rome")]) == "Europe/Rome"


def test_equipment_without_a_name_cannot_be_blamed() -> None:
    site = msgspec.structs.replace(home(1, 50.0, 8.0), equipment={"meter": {"maker": "", "model": "EM24"}})
    assert not places([site], [])[site.device].parts[0].known
