import re
from pathlib import Path

import pytest

import cloud.dashboard
from agent.domain.errors import Transient
from tests.cloud.dashboard.conftest import Pages

ROOM = Path(cloud.dashboard.__file__).parent
ASSETS = [path for folder in ("templates", "static") for path in sorted((ROOM / folder).iterdir())]
PATHS = ["/", "/fleet/table", "/sites/ember-102", "/sites/ember-104/live", "/sites/ember-108", "/faults?show=all"]


@pytest.mark.parametrize("path", ASSETS, ids=lambda path: path.name)
def test_no_asset_points_outside(path: Path) -> None:
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", path.read_text()))
    assert addresses <= {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("path", PATHS)
def test_pages_ask_for_nothing_from_elsewhere(pages: Pages, path: str) -> None:
    answer = pages.get(path)
    assert not re.search(r"""(?:src|href|action|url)\s*[=(]\s*["']?(?:https?:)?//""", answer.text)
    assert not re.search(r"\son\w+=|style=|<script(?! src)", answer.text)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_static_files_are_served_and_checked_again(pages: Pages) -> None:
    for name in ("pages.css", "pictures.css", "pages.js", "icon.svg"):
        answer = pages.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing", 404), ("/sites/nobody", 404), ("/faults?days=x", 422), ("/faults?show=odd", 422)]
)
def test_what_is_not_there_gets_a_page_that_says_so(pages: Pages, path: str, status: int) -> None:
    answer = pages.get(path)
    assert answer.status_code == status
    assert "To the fleet" in answer.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/?show=foo", "show = “foo”"),
        ("/?sort=foo", "&#39;attention&#39;"),
        ("/fleet/table?order=foo", "order = “foo”"),
        ("/faults?show=odd", "show = “odd”"),
    ],
)
def test_what_an_address_asks_in_vain_is_named_with_what_it_may_ask(pages: Pages, path: str, said: str) -> None:
    answer = pages.get(path)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_filter_that_matches_nothing_is_shown_as_it_was_asked(pages: Pages) -> None:
    text = pages.text("/faults?code=battery_not_chargin&device=nobody")
    assert '<option value="battery_not_chargin" selected>' in text
    assert '<option value="nobody" selected>' in text


def test_a_database_that_is_away(pages: Pages) -> None:
    pages.fleet.broken = Transient("locked")
    answer = pages.get("/")
    assert answer.status_code == 503
    assert "does not answer" in answer.text


HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'


@pytest.mark.parametrize("path", ["/", "/sites/ember-102", "/sites/ember-102/live", "/faults?show=all"])
def test_what_a_device_says_stays_text(pages: Pages, path: str) -> None:
    site = pages.fleet.site("ember-102")
    assert site is not None
    fault = pages.fleet.fault_list[0].__class__
    row = pages.fleet.faults(device="ember-102")[0]
    fields = {name: getattr(row, name) for name in row.__struct_fields__}
    pages.fleet.fault_list.append(
        fault(**{**fields, "code": HOSTILE, "component": HOSTILE, "evidence": {HOSTILE: 1.0}})
    )
    hostile = site.active_faults[0].__class__("f", HOSTILE, HOSTILE, HOSTILE, row.start_ms)
    gear = {HOSTILE: {"maker": HOSTILE, "model": HOSTILE, "serial": HOSTILE, "firmware": HOSTILE}}
    changes = {"name": HOSTILE, "timezone": HOSTILE, "agent_version": HOSTILE, "equipment": gear}
    pages.fleet.change("ember-102", **changes, active_faults=[hostile], last_bad={HOSTILE: HOSTILE})
    text = pages.text(path)
    assert "alert(" in text
    assert "<script>" not in text
    assert "<img src=x" not in text


def test_a_device_id_is_a_safe_address(pages: Pages) -> None:
    site = pages.fleet.site("ember-101")
    assert site is not None
    fields = {name: getattr(site, name) for name in site.__struct_fields__}
    pages.fleet.site_list.append(site.__class__(**{**fields, "device": "a b&c?d"}))
    assert 'href="/sites/a%20b%26c%3Fd"' in pages.text("/")
    assert "Ahornweg" in pages.text("/sites/a%20b%26c%3Fd")
