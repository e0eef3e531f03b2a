import random

import msgspec

from agent.domain.faults import FaultCode as C
from cloud.incidents.places import places
from cloud.incidents.plan import Standing, plan
from cloud.incidents.symptoms import of_fault
from cloud.ports import Incident, Regrouping
from tests.helpers.book import Book
from tests.helpers.incidents import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, Faults, country, home, town_of


def go(fleet: Faults, book: Book, now_ms: int = NOW_MS) -> Regrouping:
    """One run over what the fleet shows at `now_ms`, written down."""
    seen = [row for row in fleet.fault_list if row.start_ms <= now_ms]
    standing = Standing(book.incidents(), book.incident_sites(), book.lessons(now_ms))
    changes = plan([of_fault(row) for row in seen], places(fleet.sites(), fleet.span_list), standing, [], now_ms)
    book.regroup(changes)
    return changes


def only(book: Book) -> Incident:
    (one,) = book.incidents()
    return one


def cold_home() -> Faults:
    fleet = Faults([home(1, 50.0, 8.0)])
    fleet.breaks("home-00001", C.NO_HEAT, NOW_MS - 2 * HOUR_MS, 4 * HOUR_MS, evidence={"x": 1.0})
    return fleet


def test_the_same_data_change_nothing() -> None:
    chance, book = random.Random(1), Book()
    fleet = country(chance, 300)
    fleet.noise(chance, 6.0, (C.GAP, C.HUNTING, C.INVERTER_ALARM))
    for site in town_of(fleet, 5):
        fleet.breaks(site.device, C.GAP, NOW_MS - 20 * HOUR_MS, 2 * HOUR_MS)
    assert go(fleet, book).incidents != []
    chance.shuffle(fleet.fault_list)
    again = go(fleet, book)
    assert (again.incidents, again.sites, again.entries) == ([], [], [])


def test_a_run_in_pieces_comes_to_the_same_incidents() -> None:
    """Run every six hours or once: the same causes, under the same names."""
    chance = random.Random(2)
    fleet = country(chance, 200)
    for site in town_of(fleet, 5):
        fleet.breaks(site.device, C.GAP, NOW_MS - 20 * HOUR_MS + chance.randrange(9 * MINUTE_MS), 2 * HOUR_MS)
    fleet.breaks("home-00001", C.NO_HEAT, NOW_MS - 30 * HOUR_MS)
    often, once = Book(), Book()
    for hours in range(48, -1, -6):
        go(fleet, often, NOW_MS - hours * HOUR_MS)
    go(fleet, once)
    assert [one.id for one in often.incidents()] == [one.id for one in once.incidents()]


def test_what_comes_back_is_the_same_incident_opened_again() -> None:
    fleet, book = cold_home(), Book()
    go(fleet, book)
    first = only(book)
    book.rows[first.id] = msgspec.structs.replace(first, state="fixed", state_ms=NOW_MS + 3 * HOUR_MS, owner="anna")
    later = NOW_MS + 12 * DAY_MS
    assert go(fleet, book, later).entries == []
    fleet.breaks("home-00001", C.ROOM_TOO_COLD, later)
    go(fleet, book, later + 2 * HOUR_MS)
    again = only(book)
    assert (again.id, again.state, again.reopened, again.owner) == (first.id, "new", 1, "anna")
    assert book.entries[-1].what == "reopened"


def test_an_incident_that_nobody_touched_goes_when_its_fault_has_gone() -> None:
    fleet, book = cold_home(), Book()
    go(fleet, book)
    go(fleet, book, NOW_MS + 4 * DAY_MS)
    assert (only(book).active, only(book).cost_per_day, only(book).state) == (False, 0.0, "new")
    go(fleet, book, NOW_MS + 10 * DAY_MS)
    assert only(book).state == "fixed"


def test_people_keep_what_they_wrote_when_the_facts_change() -> None:
    fleet, book = cold_home(), Book()
    go(fleet, book)
    mine = msgspec.structs.replace(only(book), state="visit_planned", comment="Tuesday", version=4)
    book.rows[mine.id] = mine
    fleet.breaks("home-00001", C.BOILER_LOCKOUT, NOW_MS)
    go(fleet, book, NOW_MS + HOUR_MS)
    after = only(book)
    assert (after.state, after.comment, after.version, after.code) == ("visit_planned", "Tuesday", 4, "boiler_lockout")


def test_single_sites_become_part_of_the_equipment_that_is_to_blame() -> None:
    fleet, book = country(random.Random(3), 200), Book()
    kostal = [site.device for site in fleet.site_list if site.equipment["inverter"]["maker"] == "Kostal"]
    fleet.breaks(kostal[0], C.INVERTER_ALARM, NOW_MS - 5 * DAY_MS)
    go(fleet, book, NOW_MS - 4 * DAY_MS)
    single = only(book)
    for device in kostal[1:30]:
        fleet.breaks(device, C.INVERTER_ALARM, NOW_MS - 3 * DAY_MS)
    go(fleet, book)
    wide = next(one for one in book.incidents() if one.kind == "equipment")
    assert book.rows[single.id].merged_into == wide.id
    assert [entry.what for entry in book.incident_history(single.id)] == ["opened", "merged"]
    assert wide.sites == 30
    assert wide.action == "maker"


def test_a_region_that_was_seen_is_not_seen_anew_when_its_past_is_forgotten() -> None:
    fleet, book = country(random.Random(4), 200), Book()
    for site in town_of(fleet, 5):
        fleet.breaks(site.device, C.GAP, NOW_MS - HOUR_MS, 3 * HOUR_MS)
    go(fleet, book)
    region = only(book)
    fleet.fault_list = fleet.fault_list[:2]
    go(fleet, book, NOW_MS + HOUR_MS)
    assert only(book).id == region.id
    assert only(book).kind == "region"
