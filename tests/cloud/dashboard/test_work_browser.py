"""Incidents and jobs in a real browser, with and without scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.browser import Page, browser_page, chromium
from tests.helpers.webapp import served
from tests.helpers.works import Works, demo_works

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="Chromium is not installed: the pages cannot be opened"),
]


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
def works(tmp_path: Path) -> Works:
    return demo_works(tmp_path)


@pytest.fixture
def address(works: Works) -> Iterator[str]:
    with served(works.app()) as base:
        yield base


@pytest.mark.parametrize("path", ["/incidents", "/incidents/i-heat", "/incidents/i-fw", "/jobs", "/runs/2"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_ask_for_nothing_from_elsewhere(
    browser: Page, address: str, path: str, scheme: str
) -> None:
    browser.size(400, 800, mobile=True)
    browser.scheme(scheme)
    browser.goto(address + path)
    assert browser.ask("document.documentElement.scrollWidth") == 400
    assert browser.complaints() == []
    assert {url.startswith(address) for url in browser.requested()} == {True}


def test_on_a_phone_the_buttons_come_before_a_thousand_sites(browser: Page, address: str) -> None:
    browser.size(400, 800, mobile=True)
    browser.goto(f"{address}/incidents/i-fw")
    top = "document.querySelector('{}').getBoundingClientRect().top"
    assert browser.ask(f"{top.format('.reasons')} < {top.format('.act')}")
    assert browser.ask(f"{top.format('.act')} < {top.format('section.sites')}")


def test_an_incident_is_handled_without_scripts(browser: Page, address: str, works: Works) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.goto(f"{address}/incidents/i-heat")
        browser.ask("document.querySelector('[name=by]').value = 'Anna'")
        browser.ask("document.querySelector('[name=comment]').value = 'after 16:00'")
        browser.ask("document.querySelector('button[value=visit_planned]').click()")
        browser.wait_for("document.querySelector('.stage')?.textContent === 'Visit planned'")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    one = works.book.rows["i-heat"]
    assert (one.state, one.comment) == ("visit_planned", "after 16:00")
    assert browser.ask("document.querySelector('[name=by]').value") == "Anna", "the name is typed once"


def test_the_filters_of_the_list_work_at_once(browser: Page, address: str) -> None:
    browser.goto(f"{address}/incidents")
    browser.ask("document.querySelector('[name=action]').value = 'maker'")
    browser.ask("document.querySelector('[name=action]').dispatchEvent(new Event('change', {bubbles: true}))")
    browser.wait_for("location.search.includes('action=maker') && document.querySelectorAll('tbody tr').length === 1")


def test_a_job_is_started_and_a_report_runs_no_script(browser: Page, address: str, works: Works) -> None:
    browser.goto(f"{address}/jobs")
    browser.ask("window.before = 1; document.querySelectorAll('.start button')[1].click()")
    browser.wait_for("document.readyState === 'complete' && window.before === undefined")
    assert [job for job, _ in works.jobs.wishes] == ["mine"]
    browser.goto(f"{address}/runs/2/files/report.html")
    assert browser.ask("getComputedStyle(document.querySelector('b')).color") == "rgb(255, 0, 0)"
    assert browser.ask("window.ran") is None
