from pathlib import Path

import msgspec
import pytest

from agent.domain.errors import Transient
from tests.cloud.dashboard.test_app import HOSTILE
from tests.helpers.fleet import HandClock, demo_fleet
from tests.helpers.web import Client
from tests.helpers.webapp import compose
from tests.helpers.works import Works, demo_works


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return demo_works(tmp_path)


def test_the_list_leads_to_each_incident_and_site(works: Works) -> None:
    page = works.text("/incidents")
    assert page.index(">No heat<") < page.index(">Heating ignores the weather<")
    for link in ('href="/incidents/i-heat"', 'href="/sites/ember-104"', 'href="/incidents/i-fw"'):
        assert link in page
    assert "i-old" not in page
    assert "Down-ranked until" in page


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("?action=maker", "i-fw", "i-heat"),
        ("?show=fixed", "i-old", 'href="/incidents/i-heat"'),
        ("?show=all", "i-old", "nothing"),
        ("?show=acknowledged", "i-curve", 'href="/incidents/i-heat"'),
        ("?device=ember-104", "i-heat", 'href="/incidents/i-curve"'),
    ],
)
def test_the_list_can_be_narrowed(works: Works, query: str, there: str, not_there: str) -> None:
    page = works.text(f"/incidents{query}")
    assert there in page
    assert not_there not in page


def test_a_sites_page_leads_to_its_incidents_only(works: Works) -> None:
    page = works.text("/sites/ember-104")
    assert 'href="/incidents/i-heat"' in page
    assert 'href="/incidents/i-curve"' not in page
    works.book.rows.clear()
    assert 'id="incidents"' not in works.text("/sites/ember-104")


def test_a_quiet_morning(works: Works) -> None:
    works.book.rows.clear()
    assert "Nothing needs anybody today." in works.text("/incidents")


def test_a_button_changes_the_state_and_the_name_is_remembered(works: Works) -> None:
    fields = {"by": "Änna B.", "version": "1", "state": "visit_planned", "owner": "South", "comment": "after 16:00"}
    answer = works.call("POST", "/incidents/i-heat", data=fields, headers={"Origin": "http://test"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/i-heat")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    one = works.book.rows["i-heat"]
    assert (one.state, one.owner, one.comment) == ("visit_planned", "South", "after 16:00")
    page = works.get("/incidents/i-heat", headers={"Cookie": cookie.partition(";")[0]}).text
    assert 'value="Änna B."' in page
    assert "marked it “visit planned”" in page


def test_saving_without_a_button_keeps_the_state(works: Works) -> None:
    assert works.post("/incidents/i-heat", {"by": "a", "version": "1", "comment": "x"})[0] == 303
    assert (works.book.rows["i-heat"].state, works.book.rows["i-heat"].comment) == ("new", "x")


def test_a_dismissal_takes_its_days(works: Works) -> None:
    fields = {"by": "a", "version": "1", "state": "dismissed", "quiet_days": "5", "comment": "empty house"}
    assert works.post("/incidents/i-heat", fields)[0] == 303
    assert [lesson.reason for lesson in works.book.lessons(works.clock.at_ms)] == ["empty house"]
    page = works.text("/incidents/i-heat")
    assert "Quiet until" in page
    assert "Open again" in page


def test_who_was_slower_is_told(works: Works) -> None:
    works.book.rows["i-heat"] = msgspec.structs.replace(works.book.rows["i-heat"], version=2)
    status, page = works.post("/incidents/i-heat", {"by": "a", "version": "1", "state": "fixed"})
    assert status == 409
    assert "Somebody else changed this incident" in page
    assert works.book.rows["i-heat"].state == "new"


@pytest.mark.parametrize("fields", [{"by": " "}, {"by": "a", "state": "nonsense"}, {"by": "a", "owner": "x" * 200}])
def test_what_cannot_be_is_said(works: Works, fields: dict[str, str]) -> None:
    status, page = works.post("/incidents/i-heat", {"version": "1", **fields})
    assert status == 422
    assert "That cannot be" in page


def test_another_site_cannot_send_the_form(works: Works) -> None:
    fields = {"by": "a", "version": "1", "state": "fixed"}
    assert works.post("/incidents/i-heat", fields, origin="http://evil.example")[0] == 403
    assert works.book.rows["i-heat"].state == "new"


def test_what_is_not_there(works: Works) -> None:
    assert works.get("/incidents/i-9").status_code == 404
    assert works.post("/incidents/i-9", {"by": "a"})[0] == 404
    assert works.get("/incidents?show=odd").status_code == 422


def test_a_database_that_is_away(works: Works) -> None:
    works.fleet.broken = Transient("locked")
    assert works.get("/incidents").status_code == 503


def test_what_people_and_devices_write_stays_text(works: Works) -> None:
    one = works.book.rows["i-fw"]
    texts = dict.fromkeys(("subject", "maker", "model", "firmware", "why", "note", "owner", "comment", "code"), HOSTILE)
    works.book.rows["i-fw"] = msgspec.structs.replace(one, **texts)
    works.book.site_rows["i-fw", "x", "y"] = msgspec.structs.replace(
        works.book.site_rows["i-fw", "ember-101", "sign_or_scale_error"], device=HOSTILE, code=HOSTILE, why=HOSTILE
    )
    works.post("/incidents/i-fw", {"by": HOSTILE, "version": "1", "comment": HOSTILE + "!"})
    for path in ("/incidents", "/incidents/i-fw"):
        page = works.text(path)
        assert "alert(" in page
        assert "<script>" not in page
        assert "<img src=x" not in page


def test_without_incidents_there_is_no_such_page() -> None:
    client = Client(compose(demo_fleet(), HandClock()))
    assert client.get("/incidents").status_code == 404
    assert "/incidents" not in client.get("/").text
    assert "/jobs" not in client.get("/").text


def test_an_incident_of_a_whole_country_stays_a_page(works: Works) -> None:
    row = works.book.site_rows["i-fw", "ember-101", "sign_or_scale_error"]
    for number in range(1000):
        device = f"home-{number}"
        works.book.site_rows["i-fw", device, row.code] = msgspec.structs.replace(row, device=device)
    page = works.text("/incidents/i-fw")
    assert page.count("<tr") < 400
    assert "702 more sites are not shown." in page
