"""Incidents in SQL: what is written is what is read, and nobody is overwritten."""

from collections.abc import Iterator

import msgspec
import pytest

from agent.domain.twin import StaleVersion
from cloud.ports import EquipmentSpan, IncidentBook, IncidentEntry, IncidentSite, Lesson, Regrouping
from cloud.store.database import Database
from cloud.store.incidents import SqlIncidents
from tests.helpers.book import Book, an_incident
from tests.helpers.uplinks import SetClock

SITE = IncidentSite("i-1", "home-1", "no_heat", 1, 2, True, 3, 60.0, 0.9, "cold")
OPENED = IncidentEntry("i-1", 0, 5, "emberwatt", "opened", "cold")


@pytest.fixture(params=["sql", "memory"])
def book(request: pytest.FixtureRequest, database_url: str) -> Iterator[IncidentBook]:
    """Both books must do the same: tests of other parts stand on the one in memory."""
    if request.param == "memory":
        yield Book()
        return
    with Database(database_url, SetClock()) as database:
        yield SqlIncidents(database)


def opened(book: IncidentBook) -> None:
    span = EquipmentSpan("home-1", "inverter", 7, "SMA", "STP", "3")
    book.regroup(Regrouping([an_incident(codes=["a", "b"])], {}, [SITE], [OPENED], [span]))


def test_everything_comes_back_as_it_was(book: IncidentBook) -> None:
    opened(book)
    assert book.incidents() == [an_incident(codes=["a", "b"])] == [book.incident("i-1")]
    assert book.incident_sites() == book.incident_sites("i-1") == [SITE]
    assert book.incident_sites("i-2") == []
    assert book.incident_history("i-1") == [msgspec.structs.replace(OPENED, number=1)]
    assert [span.firmware for span in book.equipment_spans()] == ["3"]
    assert book.incident("i-2") is None


def test_a_regrouping_replaces_and_its_history_grows(book: IncidentBook) -> None:
    opened(book)
    more = an_incident(score=3.0, quiet_until_ms=99, merged_into="i-7")
    ended = msgspec.structs.replace(SITE, active=False)
    book.regroup(Regrouping([more], {"i-1": 1}, [ended], [OPENED, OPENED], []))
    assert book.incidents() == [more]
    assert book.incident_sites() == [ended]
    assert [entry.number for entry in book.incident_history("i-1")] == [1, 2, 3]


def test_the_most_urgent_is_first(book: IncidentBook) -> None:
    ones = [an_incident(id=f"i-{score}", score=float(score)) for score in (2, 9, 4)]
    book.regroup(Regrouping(ones, {}, [], [], []))
    assert [one.id for one in book.incidents()] == ["i-9", "i-4", "i-2"]


def test_a_regrouping_on_an_old_version_writes_nothing(book: IncidentBook) -> None:
    opened(book)
    book.write_incident(an_incident(state="fixed", version=2), 1, [], None, False)
    with pytest.raises(StaleVersion) as caught:
        book.regroup(Regrouping([an_incident(score=1.0)], {"i-1": 1}, [], [OPENED], []))
    assert (caught.value.expected, caught.value.current) == (1, 2)
    assert [one.state for one in book.incidents()] == ["fixed"]
    assert len(book.incident_history("i-1")) == 1


def test_a_persons_change_on_an_old_version_is_refused(book: IncidentBook) -> None:
    opened(book)
    with pytest.raises(StaleVersion):
        book.write_incident(an_incident(state="fixed", version=9), 8, [OPENED], None, False)
    assert book.incidents()[0].state == "new"


def test_lessons_hold_until_their_time_or_until_they_are_forgotten(book: IncidentBook) -> None:
    opened(book)
    lesson = Lesson("i-1", "site", "home-1", "heat", 100, "anna", "empty house")
    book.write_incident(an_incident(version=2), 1, [], lesson, False)
    assert book.lessons(99) == [lesson]
    assert book.lessons(100) == []
    longer = msgspec.structs.replace(lesson, until_ms=500)
    book.write_incident(an_incident(version=3), 2, [], longer, False)
    assert book.lessons(0) == [longer]
    book.write_incident(an_incident(version=4), 3, [], None, True)
    assert book.lessons(0) == []


def test_a_thousand_incidents_at_once(book: IncidentBook) -> None:
    ones = [an_incident(id=f"i-{n}", key=f"k{n}") for n in range(1200)]
    entries = [msgspec.structs.replace(OPENED, incident=one.id) for one in ones]
    for _ in range(2):
        book.regroup(Regrouping(ones, {}, [], entries, []))
    assert len(book.incidents()) == 1200
    assert [entry.number for entry in book.incident_history("i-1199")] == [1, 2]
