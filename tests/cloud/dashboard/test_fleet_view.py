import re

import pytest

from agent.domain import signals as sg
from cloud.dashboard import fleet_view
from cloud.dashboard.app import make_dashboard
from cloud.dashboard.fleet_view import Query
from cloud.ports import SILENT_AFTER_MS, Site
from tests.cloud.dashboard.conftest import Pages
from tests.helpers.fleet import NOW_MS, HandClock, demo_fleet
from tests.helpers.web import Client


def order(query: Query) -> list[str]:
    return [row.device[-1] for row in fleet_view.rows(demo_fleet().sites(), query, NOW_MS)]


def test_who_needs_attention_comes_first() -> None:
    assert order(Query())[:5] == ["2", "4", "5", "7", "8"]


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("name", "1", "7"),
        ("mtbf", "2", "8"),
        ("failures", "2", "7"),
        ("contact", "8", "6"),
        ("state", "8", "7"),
    ],
)
def test_columns_sort(sort: str, first: str, last: str) -> None:
    up = order(Query(sort=sort))
    assert up[0] == first
    assert sorted(up) == list("12345678")
    if sort in ("name", "mtbf"):
        assert up[-1] == last
        assert order(Query(sort=sort, descending=True)) == up[::-1] or sort == "mtbf"


@pytest.mark.parametrize("sort", fleet_view.SORTS)
def test_every_sort_keeps_every_site(sort: str) -> None:
    for descending in (False, True):
        assert sorted(order(Query(sort=sort, descending=descending))) == list("12345678")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(text="BALLARD"), "2"),
        (Query(text="fronius gen24"), "5"),
        (Query(text="not charging"), "2"),
        (Query(text="no_heat"), "4"),
        (Query(show="faults"), "245"),
        (Query(show="critical"), "24"),
        (Query(show="offline"), "7"),
        (Query(show="never"), "8"),
        (Query(show="heating"), "346"),
        (Query(text="zzz"), ""),
    ],
)
def test_filters(query: Query, expected: str) -> None:
    assert "".join(sorted(order(query))) == expected


def test_counts() -> None:
    assert fleet_view.counts(demo_fleet().sites(), NOW_MS) == fleet_view.Counts(sites=8, online=6, faulty=3, critical=2)


def test_who_was_online_and_is_not_heard_of_is_silent_and_needs_attention(pages: Pages) -> None:
    pages.fleet.change("ember-106", last_contact_ms=NOW_MS - SILENT_AFTER_MS - 1)
    pages.fleet.change("ember-103", last_contact_ms=NOW_MS - SILENT_AFTER_MS)
    sites = pages.fleet.sites()
    assert fleet_view.counts(sites, NOW_MS).online == 5
    rows = fleet_view.rows(sites, Query(), NOW_MS)
    assert [row.device[-1] for row in rows][:6] == ["2", "4", "5", "6", "7", "8"]
    assert rows[3].state == "silent"
    assert [row.device[-1] for row in fleet_view.rows(sites, Query(show="silent"), NOW_MS)] == ["6"]
    assert 'class="dot silent"' in pages.text("/")
    assert 'class="pill silent"' in pages.text("/sites/ember-106")


@pytest.mark.parametrize(("heard", "said"), [(True, False), (None, False), (False, True)])
@pytest.mark.parametrize("path", ["/", "/fleet/table", "/sites/ember-101", "/sites/ember-101/live"])
def test_pages_say_that_the_broker_is_away(heard: bool | None, said: bool, path: str) -> None:
    client = Client(make_dashboard(demo_fleet(), HandClock(), broker=lambda: heard))
    assert ("no line to its broker" in client.get(path).text) is said


def test_kinds_come_from_signals_even_when_none_answers() -> None:
    site = demo_fleet().sites()[0]
    assert fleet_view.kinds_of(site) == ("solar",)
    fleet = demo_fleet()
    fleet.change("ember-103", last_values={}, last_bad={sg.FLOW_TEMPERATURE: "missing"})
    silent = fleet.site("ember-103")
    assert isinstance(silent, Site)
    assert fleet_view.kinds_of(silent) == ("heating",)
    assert [live.text for live in fleet_view.live_values(silent)] == ["–", "–"]


def row_of(text: str, device: str) -> str:
    match = re.search(rf'<tr data-key="{device}".*?</tr>', text, re.DOTALL)
    assert match is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", match[0]))


def test_a_row_tells_what_a_fleet_manager_asks(pages: Pages) -> None:
    row = row_of(pages.text("/"), "ember-102")
    for part in (
        "Ballard Ave 12",
        "solar",
        "Battery not charging",
        "for 5 h",
        "Solar 3",
        "62 h (&gt; 26 h)",
        "SolarEdge",
    ):
        assert part in row
    assert "20 s ago" in row


def test_a_site_without_a_failure_has_a_bound_never_a_zero(pages: Pages) -> None:
    assert "&gt; 120 h, no failure yet" in row_of(pages.text("/"), "ember-101")
    never = row_of(pages.text("/"), "ember-108")
    assert "no status yet" in never
    assert "no reading yet" in never


def test_the_absolute_time_is_the_sites_own(pages: Pages) -> None:
    assert "2026-06-18 10:09:40 PDT (America/Los_Angeles)" in pages.text("/")


def test_the_table_works_without_scripts(pages: Pages) -> None:
    text = pages.text("/fleet/table?sort=name&order=down")
    devices = re.findall(r'<tr data-key="([^"]+)"', text)
    assert devices[0] == "ember-107"
    assert 'aria-sort="descending"' in text
    assert "No site matches" in pages.text("/?q=zzz")


def test_every_order_can_be_chosen(pages: Pages) -> None:
    text = pages.text("/?sort=mtbf")
    box = text[text.index('<select name="sort"') :]
    offered = re.findall(r'<option value="(\w+)"', box[: box.index("</select>")])
    assert set(offered) == set(fleet_view.SORTS)
    assert '<option value="mtbf" selected>' in box


def test_an_empty_fleet_says_what_to_do(pages: Pages) -> None:
    pages.fleet.site_list = []
    assert "Start an agent" in pages.text("/")
