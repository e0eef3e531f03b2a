import re

import pytest

from agent.domain import signals as sg
from tests.cloud.dashboard.conftest import Pages
from tests.helpers.fleet import NOW_MS


def directions(text: str) -> dict[str, str]:
    return dict(re.findall(r'data-branch="(\w+)" data-direction="(\w+)"', text))


def test_the_power_picture_shows_the_fault(pages: Pages) -> None:
    text = pages.text("/sites/ember-102")
    assert directions(text) == {"solar": "in", "house": "out", "battery": "in", "grid": "out"}
    assert "180 W" in text
    assert "times in America/Los_Angeles (now 10:10)" in text
    assert "Battery not charging" in text
    assert "Check the battery&#39;s breaker" in text


def test_a_heating_site_has_a_heating_picture(pages: Pages) -> None:
    text = pages.text("/sites/ember-104")
    assert 'data-burner="off" data-pump="on"' in text
    assert "data-branch" not in text
    assert "24.1 °C" in text


def test_a_site_can_have_both(pages: Pages) -> None:
    text = pages.text("/sites/ember-106")
    assert "data-branch" in text
    assert "data-pump" in text


def test_a_missing_value_is_a_dash_and_says_why(pages: Pages) -> None:
    values = {sg.PV_POWER: 900.0, sg.LOAD_POWER: 300.0}
    bad = {sg.BATTERY_POWER: "missing", sg.BATTERY_SOC: "invalid", sg.GRID_POWER: "stale"}
    pages.fleet.change("ember-101", last_values=values, last_bad=bad)
    text = pages.text("/sites/ember-101/live")
    assert directions(text) == {"solar": "in", "house": "out", "battery": "unknown", "grid": "unknown"}
    for reason in ("no answer", "not a possible value", "repeats an old value"):
        assert reason in text


@pytest.mark.parametrize(("age_ms", "stale"), [(60_000, "no"), (3_600_000, "yes")])
def test_an_old_reading_is_greyed(pages: Pages, age_ms: int, stale: str) -> None:
    pages.fleet.change("ember-101", last_at_ms=NOW_MS - age_ms)
    text = pages.text("/sites/ember-101/live")
    assert f'data-stale="{stale}"' in text
    assert ("too old" in text) == (stale == "yes")


def test_an_offline_site_is_greyed_at_once(pages: Pages) -> None:
    pages.fleet.change("ember-101", online=False)
    assert 'data-stale="yes"' in pages.text("/sites/ember-101/live")


def test_a_site_that_said_nothing_yet(pages: Pages) -> None:
    text = pages.text("/sites/ember-108")
    assert "No reading has arrived yet" in text
    assert "No summaries have arrived yet" in text


def test_every_gauge_has_a_chart(pages: Pages) -> None:
    text = pages.text("/sites/ember-102")
    assert set(re.findall(r'data-signal="(\w+)"', text)) == set(pages.fleet.signals("ember-102"))
    # One hour without data lies in the last day.
    assert text.count('class="mean"') == 2 * 5
    assert text.count("<title>Battery not charging") == 5


@pytest.mark.parametrize(("period", "label"), [("7d", "Thu 18"), ("30d", "15 Jun"), ("odd", "12:00")])
def test_periods(pages: Pages, period: str, label: str) -> None:
    text = pages.text(f"/sites/ember-101/history?period={period}")
    assert label in text


def test_a_states_code_is_said_in_words(pages: Pages) -> None:
    values = {sg.INVERTER_STATE: 4.0, sg.INVERTER_ALARM: 77.0, sg.PV_POWER: 1.0}
    pages.fleet.change("ember-101", last_values=values, last_bad={})
    text = pages.text("/sites/ember-101/live")
    assert "Throttled" in text
    assert "77" in text


def test_one_record_is_not_called_records(pages: Pages) -> None:
    pages.fleet.change("ember-101", backlog=1)
    assert "1 record waiting" in pages.text("/sites/ember-101/live")
