import random

import msgspec
import pytest

from agent.domain.errors import Transient
from agent.domain.faults import FaultCode as C
from cloud.incidents.regroup import regroup
from cloud.incidents.symptoms import FindingRow
from tests.helpers.book import Book
from tests.helpers.fleet import HandClock
from tests.helpers.incidents import DAY_MS, HOUR_MS, NOW_MS, Faults, country, home, town_of


def test_faults_findings_and_silence_meet() -> None:
    gone = msgspec.structs.replace(home(3, 50.0, 8.0, online=False), last_contact_ms=NOW_MS - 2 * DAY_MS)
    fleet = Faults([home(1, 48.0, 8.0), home(2, 49.0, 9.0), gone])
    fleet.breaks("home-00001", C.NO_HEAT, NOW_MS - HOUR_MS)
    finding = FindingRow("home-00002", "behaviour", "short_cycling", 3.0, NOW_MS - 9 * DAY_MS, NOW_MS, 4.5, "9 an hour")
    book = Book()
    regroup(fleet, book, [finding], HandClock(NOW_MS))
    found = {one.subject: one for one in book.incidents()}
    assert {name: one.code for name, one in found.items()} == {
        "home-00001": "no_heat",
        "home-00002": "short_cycling",
        "home-00003": "device_unreachable",
    }
    assert found["home-00002"].why == "9 an hour"
    assert found["home-00002"].cost_per_day == 4.5


def test_equipment_is_remembered_so_that_an_update_is_seen() -> None:
    fleet, book, clock = country(random.Random(1), 80), Book(), HandClock(NOW_MS - 5 * DAY_MS)
    regroup(fleet, book, [], clock)
    looked_ms, clock.at_ms = clock.at_ms, NOW_MS
    new = {"inverter": {"maker": "Fronius", "model": "GEN24 8.0", "firmware": "1.30.0"}}
    for place, site in enumerate(fleet.site_list):
        if site.equipment["inverter"]["maker"] == "Fronius":
            fleet.site_list[place] = msgspec.structs.replace(site, equipment=new)
            fleet.breaks(site.device, C.SIGN_OR_SCALE_ERROR, NOW_MS - 4 * DAY_MS)
    regroup(fleet, book, [], clock, looked_ms)
    (one,) = book.incidents()
    assert (one.kind, one.firmware) == ("equipment", "1.30.0")
    assert "before their update on 0 of" in one.why


def test_a_person_who_was_faster_is_not_overwritten() -> None:
    fleet, book = Faults([home(1, 50.0, 8.0)]), Book()
    fleet.breaks("home-00001", C.NO_HEAT, NOW_MS - HOUR_MS)
    regroup(fleet, book, [], HandClock(NOW_MS))
    (one,) = book.incidents()
    book.meanwhile = [msgspec.structs.replace(one, state="acknowledged", owner="anna", version=2)]
    fleet.breaks("home-00001", C.BOILER_LOCKOUT, NOW_MS - HOUR_MS)
    regroup(fleet, book, [], HandClock(NOW_MS))
    (after,) = book.incidents()
    assert (after.owner, after.state, after.code) == ("anna", "acknowledged", "boiler_lockout")


def test_a_book_that_never_rests_is_given_up_for_now() -> None:
    class Restless(Book):
        def regroup(self, changes: object) -> None:
            for name, one in self.rows.items():
                self.rows[name] = msgspec.structs.replace(one, version=one.version + 1)
            super().regroup(changes)  # type: ignore[arg-type]

    fleet, book = Faults([home(1, 50.0, 8.0)]), Restless()
    fleet.breaks("home-00001", C.NO_HEAT, NOW_MS - HOUR_MS)
    regroup(fleet, book, [], HandClock(NOW_MS))
    fleet.breaks("home-00001", C.BOILER_LOCKOUT, NOW_MS - HOUR_MS)
    with pytest.raises(Transient, match="changed by others"):
        regroup(fleet, book, [], HandClock(NOW_MS))


def test_a_town_goes_silent_and_one_home_stays_so() -> None:
    """Nobody reports a power cut while it lasts: the sites are gone, and most of them come back."""
    fleet, book, clock = country(random.Random(2), 400), Book(), HandClock(NOW_MS)
    town = [site.device for site in town_of(fleet, 5)]

    def silent(devices: list[str]) -> None:
        fleet.site_list = [
            msgspec.structs.replace(site, online=site.device not in devices, last_contact_ms=NOW_MS - 3 * HOUR_MS)
            for site in fleet.site_list
        ]

    silent(town)
    regroup(fleet, book, [], clock)
    (region,) = book.incidents()
    assert (region.kind, region.active_sites, region.action) == ("region", len(town), "wait")
    silent(town[:1])
    clock.at_ms = NOW_MS + 30 * HOUR_MS
    regroup(fleet, book, [], clock)
    found = {one.kind: one for one in book.incidents()}
    assert found["site"].subject == town[0]
    assert found["site"].action == "visit"
    assert (found["region"].active, found["region"].state) == (False, "fixed")
    assert found["region"].why == region.why
