from pathlib import Path

import pytest

from tests.helpers.works import Works, demo_works

API = "/api/v1"


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return demo_works(tmp_path)


def ids(works: Works, query: str = "") -> list[str]:
    return [one["id"] for one in works.json(f"{API}/incidents{query}")["items"]]


def test_the_list_is_what_is_open_the_most_urgent_first(works: Works) -> None:
    assert ids(works) == ["i-heat", "i-fw", "i-curve"]
    assert ids(works, "?state=fixed") == ["i-old"]
    assert ids(works, "?state=fixed&state=new") == ["i-heat", "i-fw", "i-old"]
    assert ids(works, "?action=maker") == ids(works, "?kind=equipment") == ["i-fw"]
    assert ids(works, "?device=ember-102") == ["i-fw"]
    page = works.json(f"{API}/incidents?limit=1&offset=1")
    assert (page["total"], page["next"], page["items"][0]["id"]) == (3, 2, "i-fw")


def test_one_incident_with_its_sites_and_history(works: Works) -> None:
    answer = works.get(f"{API}/incidents/i-fw")
    assert answer.headers["etag"] == '"1"'
    document = answer.json()
    assert document["incident"]["first"] == "2026-06-18T12:10:00.000Z"
    assert [row["device"] for row in document["sites"]] == ["ember-101", "ember-102"]
    assert document["history"][0]["what"] == "opened"
    assert document["next_states"] == ["acknowledged", "visit_planned", "fixed", "dismissed"]


def test_a_change_is_made_on_a_version(works: Works) -> None:
    body = {"by": "anna", "state": "visit_planned", "owner": "Team South"}
    answer = works.call("PATCH", f"{API}/incidents/i-heat", json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    assert answer.json()["state"] == "visit_planned"
    stale = works.problem(f"{API}/incidents/i-heat?expected=1", 409, "PATCH", json={"by": "ben", "state": "fixed"})
    assert stale["current"] == 2
    assert works.book.rows["i-heat"].owner == "Team South"
    history = works.json(f"{API}/incidents/i-heat")["history"]
    assert [(entry["who"], entry["what"]) for entry in history[1:]] == [("anna", "state"), ("anna", "owner")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "fixed"}, "by"),
        ({"by": "anna", "state": "nonsense"}, "state"),
        ({"by": "anna", "colour": "red"}, "colour"),
        ({"by": "anna", "state": "dismissed", "quiet_days": 0}, "quiet_days"),
        ({"by": "anna", "state": "new"}, ""),
    ],
)
def test_what_cannot_be_is_named(works: Works, body: dict[str, object], field: str) -> None:
    assert works.problem(f"{API}/incidents/i-curve?expected=1", 422, "PATCH", json=body)["field"] == field
    assert works.book.rows["i-curve"].version == 1


def test_a_change_needs_its_version(works: Works) -> None:
    assert works.problem(f"{API}/incidents/i-heat", 422, "PATCH", json={"by": "a"})["field"] == "expected"


def test_what_is_not_there(works: Works) -> None:
    assert works.problem(f"{API}/incidents/i-9", 404)["field"] == "incident"
    works.problem(f"{API}/incidents/i-9?expected=1", 404, "PATCH", json={"by": "a"})
    works.problem(f"{API}/incidents?state=odd", 422)


def test_a_form_of_another_site_cannot_change_anything(works: Works) -> None:
    """A browser sends a form across sites without asking, JSON it does not."""
    answer = works.call("PATCH", f"{API}/incidents/i-heat?expected=1", data={"by": "x", "state": "fixed"})
    assert answer.status_code in (400, 422)
    assert works.book.rows["i-heat"].state == "new"
