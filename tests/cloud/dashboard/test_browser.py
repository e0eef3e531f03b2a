"""The pages in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.domain import signals as sg
from agent.domain.faults import FaultCode
from agent.domain.reliability import EpisodeReliability
from cloud.ports import EventRow, ReliabilityRow
from tests.helpers.browser import Page, browser_page, chromium
from tests.helpers.fleet import HOUR_MS, NOW_MS, HandClock, InMemoryFleet, demo_fleet
from tests.helpers.webapp import compose, served

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="Chromium is not installed: the pages cannot be opened"),
]
ROWS = "[...document.querySelectorAll('.fleet tbody tr')].map(row => row.dataset.key)"


@pytest.fixture(scope="module")
def chrome() -> Iterator[Page]:
    with browser_page() as page:
        yield page


@pytest.fixture
def browser(chrome: Page) -> Iterator[Page]:
    """A page of this test's own: what a page before it still loads is not this one's."""
    with chrome.beside() as page:
        yield page


@pytest.fixture
def fleet() -> InMemoryFleet:
    return demo_fleet()


@pytest.fixture
def address(fleet: InMemoryFleet) -> Iterator[str]:
    with served(compose(fleet, HandClock())) as base:
        yield base


def test_the_fleet_page_filters_and_sorts_while_one_types(browser: Page, address: str, tmp_path: Path) -> None:
    browser.goto(f"{address}/")
    assert len(browser.ask(ROWS)) == 8
    browser.ask("document.querySelector('[data-sort=name]').click()")
    browser.wait_for(f"{ROWS}[0] === 'ember-101'")
    browser.ask("document.querySelector('[data-sort=name]').click()")
    browser.wait_for(f"{ROWS}[0] === 'ember-107'")
    browser.ask("const box = document.querySelector('[name=q]'); box.focus(); box.value = 'heat'")
    browser.ask("document.querySelector('[name=q]').dispatchEvent(new Event('input', {bubbles: true}))")
    browser.wait_for(f"{ROWS}.length === 3")
    assert "q=heat" in browser.ask("location.search")
    assert browser.ask("document.activeElement.name") == "q"
    browser.screenshot(tmp_path / "fleet.png")
    assert (tmp_path / "fleet.png").read_bytes().startswith(b"\x89PNG")


def test_the_fleet_page_keeps_itself_fresh_and_keeps_its_rows(
    browser: Page, address: str, fleet: InMemoryFleet
) -> None:
    browser.goto(f"{address}/")
    browser.ask("document.querySelector('[data-key=ember-103]').mine = true")
    fleet.change("ember-103", online=False, name="Moved house")
    browser.wait_for("document.querySelector('[data-key=ember-103]').textContent.includes('Moved house')")
    assert browser.ask("document.querySelector('[data-key=ember-103]').mine") is True
    assert browser.ask("document.querySelector('[data-key=ember-103] .dot').className") == "dot offline"


def test_the_power_picture_follows_the_site(browser: Page, address: str, fleet: InMemoryFleet) -> None:
    grid = "document.querySelector('[data-branch=grid]')"
    browser.goto(f"{address}/sites/ember-102")
    assert browser.ask(f"{grid}.dataset.direction") == "out"
    assert browser.ask(f"getComputedStyle({grid}.querySelector('.stream')).animationName") == "outward"
    values = {sg.PV_POWER: 0.0, sg.LOAD_POWER: 700.0, sg.GRID_POWER: 700.0}
    browser.ask(f"{grid}.mine = true")
    fleet.change("ember-102", last_values=values, last_bad={sg.BATTERY_POWER: "missing"}, active_faults=[])
    browser.wait_for(f"{grid}.dataset.direction === 'in'")
    assert browser.ask(f"{grid}.querySelector('.watts').textContent") == "700 W"
    assert browser.ask(f"getComputedStyle({grid}.querySelector('.stream')).animationName") == "inward"
    assert browser.ask("document.querySelector('[data-branch=battery] .watts').textContent") == "–"
    assert browser.ask("document.querySelector('[data-branch=solar]').dataset.direction") == "idle"
    assert browser.ask(f"{grid}.mine") is True, "the picture was drawn anew: its animation jumps"


def test_the_charts_tell_values_under_the_pointer(browser: Page, address: str) -> None:
    browser.goto(f"{address}/sites/ember-102")
    drawing = f"document.querySelector('[data-signal={sg.BATTERY_SOC}] svg')"
    browser.ask(f"{drawing}.scrollIntoView({{block: 'center'}})")
    box = browser.ask(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({drawing}.getBoundingClientRect())")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
    browser.wait_for("document.querySelector('.tip')")
    assert "%" in browser.ask("document.querySelector('.tip').textContent")


@pytest.mark.parametrize("path", ["/", "/sites/ember-106", "/faults?show=all", "/api/v1/docs"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_ask_for_nothing_from_elsewhere(
    browser: Page, address: str, path: str, scheme: str
) -> None:
    browser.size(400, 800, mobile=True)
    browser.scheme(scheme)
    browser.goto(address + path)
    assert browser.ask("document.documentElement.scrollWidth") == 400
    dark = browser.ask("parseInt(getComputedStyle(document.body).backgroundColor.split('(')[1]) < 128")
    assert dark == (scheme == "dark")
    assert browser.complaints() == []
    assert {url.startswith(address) for url in browser.requested()} == {True}


SIDEWAYS = "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).length"


@pytest.mark.parametrize("width", [400, 1280, 1400])
@pytest.mark.parametrize("device", ["ember-102", "ember-104", "ember-106"])
def test_no_table_of_a_site_is_cut_off(
    browser: Page, address: str, fleet: InMemoryFleet, device: str, width: int
) -> None:
    fleet.change(device, last_values={sg.INVERTER_ALARM: 4.0, sg.PV_POWER: 2000.0})
    long = EpisodeReliability(3, 3, 430 * HOUR_MS, 9 * HOUR_MS).state()
    fleet.reliability_list += [ReliabilityRow(device, str(code), NOW_MS, long) for code in FaultCode]
    fleet.event_list.append(EventRow(device, NOW_MS, "command", {"id": "d95d03986a343e1c", "name": "read-now"}))
    browser.size(width, 1000, mobile=width == 400)
    browser.goto(f"{address}/sites/{device}")
    assert browser.ask(SIDEWAYS) == 0


def test_on_a_phone_all_cards_are_equally_wide(browser: Page, address: str, fleet: InMemoryFleet) -> None:
    fleet.change("ember-102", last_values={sg.INVERTER_ALARM: 4.0, sg.PV_POWER: 2000.0})
    browser.size(400, 1000, mobile=True)
    browser.goto(f"{address}/sites/ember-102")
    widths = browser.ask("[...document.querySelectorAll('.card')].map(one => Math.round(one.clientWidth))")
    assert len(set(widths)) == 1, widths


def test_a_script_in_a_name_does_not_run(browser: Page, address: str, fleet: InMemoryFleet) -> None:
    fleet.change("ember-102", name="<img src=x onerror='window.ran = 1'><script>window.ran = 1</script>")
    for path in ("/", "/sites/ember-102", "/faults"):
        browser.goto(address + path)
        assert browser.ask("window.ran") is None
        assert "<script>" in browser.ask("document.body.textContent")


def test_a_lost_server_is_said(browser: Page, fleet: InMemoryFleet) -> None:
    with served(compose(fleet, HandClock())) as base:
        browser.goto(f"{base}/sites/ember-102")
    browser.wait_for("!document.querySelector('[data-lost]').hidden")
    assert browser.ask("getComputedStyle(document.querySelector('.picture')).filter") == "grayscale(1)"
