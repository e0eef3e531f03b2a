import pytest

from agent.domain.errors import BadInput
from agent.domain.twin import StaleVersion
from cloud.incidents.desk import Desk
from cloud.ports import IncidentChange, IncidentSite
from tests.helpers.book import Book, an_incident
from tests.helpers.fleet import HandClock
from tests.helpers.incidents import NOW_MS


@pytest.fixture
def book() -> Book:
    found = Book({one.id: one for one in (an_incident(), an_incident(id="i-2", state="fixed", score=99.0))})
    found.rows["i-3"] = an_incident(id="i-3", merged_into="i-1")
    found.site_rows["i-1", "home-00001", "no_heat"] = IncidentSite(
        "i-1", "home-00001", "no_heat", 1, 2, True, 1, 60.0, 0.9, ""
    )
    return found


@pytest.fixture
def desk(book: Book) -> Desk:
    return Desk(book, HandClock(NOW_MS))


def names(found: list[object]) -> list[str]:
    return [getattr(one, "id", "") for one in found]


def test_lists_show_what_is_open_unless_told_otherwise(desk: Desk) -> None:
    assert names(list(desk.incidents())) == ["i-1"]
    assert names(list(desk.incidents(("fixed",)))) == ["i-2"]
    assert names(list(desk.incidents(merged=True))) == ["i-1", "i-3"]
    assert names(list(desk.incidents(device="home-00001"))) == ["i-1"]
    assert desk.incidents(device="elsewhere") == []


def test_a_change_is_written_with_who_and_when(desk: Desk, book: Book) -> None:
    after = desk.change("i-1", IncidentChange("acknowledged", owner="ben"), " anna ", 1)
    assert (after.state, after.version) == ("acknowledged", 2)
    found = desk.incident("i-1")
    assert found is not None
    assert [(e.number, e.at_ms, e.who, e.what) for e in found[2]] == [
        (1, NOW_MS, "anna", "state"),
        (2, NOW_MS, "anna", "owner"),
    ]
    with pytest.raises(StaleVersion):
        desk.change("i-1", IncidentChange("fixed"), "ben", 1)
    assert book.rows["i-1"].state == "acknowledged"


def test_a_dismissal_leaves_a_lesson_and_taking_it_back_removes_it(desk: Desk, book: Book) -> None:
    desk.change("i-1", IncidentChange("dismissed"), "anna", 1)
    assert [lesson.cause for lesson in book.lessons(NOW_MS)] == ["heat"]
    desk.change("i-1", IncidentChange("acknowledged"), "anna", 2)
    assert book.lessons(NOW_MS) == []


@pytest.mark.parametrize(("name", "who"), [("i-9", "anna"), ("i-1", "  "), ("i-1", "x" * 101)])
def test_what_cannot_be_is_refused(desk: Desk, name: str, who: str) -> None:
    with pytest.raises(BadInput):
        desk.change(name, IncidentChange("fixed"), who, 1)
    assert desk.incident("i-9") is None
