"""Pages and API behind the gate: over HTTP as a script and a browser send it, and in a real browser."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cloud.access.gate import COOKIE, Gate
from cloud.access.people import People, Role
from tests.cloud.access.conftest import PASSWORD
from tests.helpers.browser import browser_page, chromium
from tests.helpers.web import Client
from tests.helpers.webapp import served
from tests.helpers.works import Works, demo_works

ANNA, BEN = ("anna", PASSWORD), ("ben@home", PASSWORD)
OPENS = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
FORM = {"Origin": "http://test"}


@pytest.fixture
def works(tmp_path: Path) -> Works:
    return demo_works(tmp_path)


@pytest.fixture
def gate(works: Works, people: People) -> Gate:
    return Gate(works.app(), people, works.clock, session_h=2.0)


@pytest.fixture
def client(gate: Gate) -> Client:
    return Client(gate)


def log_in(client: Client, name: str = "anna") -> dict[str, str]:
    """The header with the cookie that a browser keeps afterwards."""
    answer = client.call("POST", "/login?next=/jobs", data={"name": name, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    return {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}


@pytest.mark.parametrize("path", ["/", "/incidents", "/sites/ember-101", "/api/v1/docs", "/nowhere"])
def test_who_opens_a_page_is_asked_for_a_name(client: Client, path: str) -> None:
    answer = client.get(path, headers=OPENS)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=%2F")
    assert "ember" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/devices", "/api/v1/jobs", "/live/fleet"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic nonsense"}, {"Authorization": "Bearer x"}])
def test_a_script_without_a_name_gets_a_problem(client: Client, path: str, headers: dict[str, str]) -> None:
    said = "name or password is wrong" if headers else "log in first"
    assert client.problem(path, 401, headers=headers)["message"] == said
    assert client.get(path, headers=headers).headers["www-authenticate"].startswith("Basic")


def test_a_page_that_keeps_itself_fresh_makes_the_browser_ask_for_nothing(client: Client) -> None:
    answer = client.get("/", headers={"Sec-Fetch-Mode": "cors", "Accept": "text/html"})
    assert answer.status_code == 401
    assert "www-authenticate" not in answer.headers


def test_health_and_style_are_for_everybody(client: Client) -> None:
    assert client.get("/api/v1/health").status_code == 200
    assert client.get("/static/pages.css").status_code == 200
    assert client.get("/login").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/health/../devices", "/static/../api/v1/devices", "/static/%2e%2e/jobs"])
def test_no_way_leads_round_the_gate(address: str, path: str) -> None:
    where = urlsplit(address)
    with socket.create_connection((where.hostname or "", where.port or 0)) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = line.makefile("rb").read()
    assert answer.split()[1] in (b"401", b"404")
    assert b"ember-1" not in answer


def test_a_script_sends_name_and_password(client: Client) -> None:
    assert client.json("/api/v1/devices", auth=ANNA)["total"] > 0
    assert client.json("/api/v1/devices", auth=BEN)["total"] > 0
    client.problem("/api/v1/devices", 401, auth=("anna", "something else"))
    client.problem("/api/v1/devices", 401, auth=("carl", PASSWORD))


def test_what_is_changed_carries_the_name_of_whoever_is_logged_in(client: Client, works: Works) -> None:
    answer = client.call("POST", "/api/v1/jobs/mine/runs", json={"by": "somebody else"}, auth=ANNA)
    assert answer.status_code == 202
    assert client.call("POST", "/api/v1/jobs/mine/runs", json={}, auth=ANNA).status_code == 202
    cookies = log_in(client)
    assert client.call("POST", "/jobs/mine/run", data={"by": "x"}, headers=cookies | FORM).status_code == 303
    fields = {"version": "1", "state": "acknowledged", "by": "somebody else"}
    assert client.call("POST", "/incidents/i-heat", data=fields, headers=cookies | FORM).status_code == 303
    assert works.jobs.wishes == [("mine", "anna")] * 3
    assert {entry.who for entry in works.book.entries} >= {"anna"}
    assert "somebody else" not in {entry.who for entry in works.book.entries}


def test_a_viewer_looks_and_changes_nothing(client: Client, works: Works) -> None:
    error = client.problem("/api/v1/jobs/mine/runs", 403, "POST", json={}, auth=BEN)
    assert error["message"] == "ben@home may look, and change nothing"
    cookies = log_in(client, "ben@home")
    assert client.get("/jobs", headers=cookies).status_code == 200
    assert client.call("POST", "/jobs/mine/run", data={"by": "x"}, headers=cookies | FORM).status_code == 403
    assert works.jobs.wishes == []


def test_a_login_ends_after_its_time_and_at_once_for_who_is_taken_out(
    client: Client, works: Works, people: People
) -> None:
    cookies = log_in(client)
    works.clock.at_ms += 2 * 3_600_000 - 1
    assert client.get("/jobs", headers=cookies).status_code == 200
    works.clock.at_ms += 1
    assert client.get("/jobs", headers=cookies | OPENS).status_code == 303
    cookies = log_in(client)
    assert client.json("/api/v1/devices", auth=ANNA)
    people.remove("anna")
    assert client.get("/jobs", headers=cookies).status_code == 401
    assert client.get("/api/v1/devices", auth=ANNA).status_code == 401


def test_who_logs_out_is_out(client: Client) -> None:
    cookies = log_in(client)
    answer = client.call("POST", "/logout", headers=cookies)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert f'{COOKIE}=""' in answer.headers["set-cookie"]


def test_guessing_is_slow_in_the_form_and_in_scripts(client: Client, works: Works) -> None:
    for _ in range(3):
        wrong = client.call("POST", "/login", data={"name": "anna", "password": "wrong"})
        assert (wrong.status_code, "Name or password is wrong" in wrong.text) == (401, True)
    for _ in range(2):
        client.problem("/api/v1/devices", 401, auth=("anna", "wrong"))
    answer = client.call("POST", "/login", data={"name": "anna", "password": PASSWORD})
    assert (answer.status_code, "Try again in 1 s" in answer.text) == (429, True)
    assert client.get("/api/v1/devices", auth=ANNA).headers["retry-after"] == "1"
    works.clock.at_ms += 1000
    log_in(client)


@pytest.mark.parametrize("path", ["/login", "/logout", "/jobs/mine/run", "/api/v1/jobs/mine/runs"])
def test_another_site_cannot_make_a_browser_do_something(client: Client, works: Works, path: str) -> None:
    cookies = log_in(client)
    headers = {"Sec-Fetch-Site": "cross-site"}
    data = {"name": "anna", "password": PASSWORD}
    assert client.call("POST", path, data=data, headers=cookies | headers).status_code == 403
    assert works.jobs.wishes == []


def test_a_file_that_was_damaged_lets_nobody_in_and_is_named(
    client: Client, people: People, caplog: pytest.LogCaptureFixture
) -> None:
    cookies = log_in(client)
    kept = people.path.read_text()
    people.path.write_text("secret = ")
    assert client.problem("/api/v1/devices", 503, headers=cookies)["message"] == "nobody can log in at the moment"
    assert "people.toml" in caplog.text
    people.path.write_text(kept)
    assert client.get("/api/v1/devices", headers=cookies).status_code == 200


def test_the_cookie_is_for_https_alone_where_the_page_is(gate: Gate, people: People) -> None:
    answer = Client(gate, "https://test").call("POST", "/login", data={"name": "anna", "password": PASSWORD})
    assert "Secure" in answer.headers["set-cookie"]


@pytest.fixture
def address(gate: Gate) -> Iterator[str]:
    with served(gate) as base:
        yield base


@pytest.mark.browser
@pytest.mark.skipif(chromium() is None, reason="Chromium is not installed: the pages cannot be opened")
def test_a_day_of_a_manager_in_a_real_browser(address: str, works: Works, people: People) -> None:
    with browser_page() as browser:
        browser.call("Page.navigate", url=f"{address}/incidents/i-heat")
        browser.wait_for("document.querySelector('h1')?.textContent === 'Log in'")
        browser.ask("document.querySelector('[name=name]').value = 'anna'")
        browser.ask("document.querySelector('[name=password]').value = 'not this one'")
        browser.ask("document.querySelector('button').click()")
        browser.wait_for("document.querySelector('[role=alert]')?.textContent === 'Name or password is wrong.'")
        assert browser.ask("document.querySelector('[name=name]').value") == "anna"
        browser.ask(f"document.querySelector('[name=password]').value = '{PASSWORD}'")
        browser.ask("document.querySelector('button').click()")
        browser.wait_for("location.pathname === '/incidents/i-heat' && document.readyState === 'complete'")
        assert browser.ask("document.querySelector('[name=by]')") is None
        browser.size(400, 800, mobile=True)
        assert browser.ask("document.documentElement.scrollWidth") == 400
        browser.size(1400, 900)
        browser.ask("document.querySelector('button[value=acknowledged]').click()")
        browser.wait_for("document.querySelector('.stage')?.textContent === 'Acknowledged'")
        assert works.book.rows["i-heat"].state == "acknowledged"
        people.add("anna", Role.MANAGER, PASSWORD)
        browser.call("Page.navigate", url=f"{address}/jobs")
        browser.wait_for("document.querySelector('h1')?.textContent === 'Log in'")
