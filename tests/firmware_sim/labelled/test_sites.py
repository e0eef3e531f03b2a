"""Random sites whose faults are known: the same number is the same site, and a label holds what it says."""

from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BURNER_ON,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    RETURN_TEMPERATURE,
    Quality,
)
from firmware_sim.labelled.moments import Moment
from firmware_sim.labelled.sites import heat_moments, home_moments
from firmware_sim.labelled.story import (
    DAY_MS,
    HEAT_FAULTS,
    HOUR_MS,
    POWER_FAULTS,
    Label,
    Story,
    healthy_year,
    some_story,
)

JUNE_MS = 1_717_200_000_000
JANUARY_MS = 1_704_067_200_000
MINUTE_MS = 60_000


def one(code: str, component: str = "", *, winter: bool = False, **detail: Any) -> tuple[list[Moment], list[Moment]]:
    """A day with that fault from 6 h to 18 h, beside the same day without it."""
    start_ms = JANUARY_MS if winter else JUNE_MS
    label = Label(code, start_ms + 6 * HOUR_MS, start_ms + 18 * HOUR_MS, component, detail)
    story = Story(3, start_ms, 1, (label,))
    play = heat_moments if winter else home_moments
    return list(play(story)), list(play(replace(story, labels=())))


def test_the_same_number_is_the_same_life() -> None:
    story = some_story(7, POWER_FAULTS, winter=False)
    assert story == some_story(7, POWER_FAULTS, winter=False)
    assert story != some_story(8, POWER_FAULTS, winter=False)
    first, again = (list(islice(home_moments(story), 300)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("number", range(8))
def test_labels_do_not_overlap_and_leave_time_to_learn(number: int) -> None:
    for faults, winter in ((POWER_FAULTS, False), (HEAT_FAULTS, True)):
        story = some_story(number, faults, winter=winter)
        ends = [story.start_ms + 12 * DAY_MS, *(label.end_ms for label in story.labels)]
        assert all(label.start_ms >= end for label, end in zip(story.labels, ends, strict=False))
        assert ends[-1] <= story.start_ms + story.days * DAY_MS
        assert len({label.code for label in story.labels}) == len(story.labels)


@pytest.mark.parametrize(
    ("code", "component", "detail"),
    [
        ("battery_not_charging", "", {"discharging": 0.0}),
        ("no_solar_production", "", {}),
        ("pv_underperformance", "", {"size": 0.4}),
        ("battery_imbalance_soc_jump", "", {"jump": 15.0, "every_min": 60.0}),
        ("export_while_battery_could_charge", "", {"size": 0.1}),
        ("sign_or_scale_error", GRID_POWER, {"factor": -1.0, "computed": 0.0}),
        ("stuck_value", LOAD_POWER, {}),
        ("out_of_range", PV_POWER, {"invalid": 0.0}),
        ("gap", BATTERY_SOC, {}),
    ],
)
def test_a_fault_of_a_home_shows_inside_its_label_only(code: str, component: str, detail: dict[str, Any]) -> None:
    ill, well = one(code, component, **detail)
    assert ill[:300] == well[:300]
    inside = [(a, b) for a, b in zip(ill, well, strict=True) if a.label is not None]
    assert len(inside) == 12 * 60
    assert any(a.shows and a.values != b.values for a, b in inside)
    assert not any(moment.shows for moment in ill if moment.label is None)


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("no_heat", {}),
        ("short_cycling", {}),
        ("hunting", {"size": 9.0}),
        ("flat_heating_curve", {"size": 45.0}),
        ("room_too_cold", {"size": 2.0}),
        ("room_sensor_stuck", {}),
        ("sensors_swapped", {}),
        ("outdoor_sensor_implausible", {"offset": 12.0}),
        ("boiler_lockout", {}),
    ],
)
def test_a_fault_of_a_heating_site_changes_what_is_told(code: str, detail: dict[str, Any]) -> None:
    ill, well = one(code, winter=True, **detail)
    assert [moment.values for moment in ill[:300]] == [moment.values for moment in well[:300]]
    assert [moment.values for moment in ill[400:1000]] != [moment.values for moment in well[400:1000]]


def test_swapped_sensors_are_swapped_and_an_offset_is_one() -> None:
    ill, well = one("sensors_swapped", winter=True)
    assert ill[700].values[FLOW_TEMPERATURE] == well[700].values[RETURN_TEMPERATURE]
    ill, well = one("outdoor_sensor_implausible", winter=True, offset=12.0)
    assert ill[700].values[OUTDOOR_TEMPERATURE] == pytest.approx(well[700].values[OUTDOOR_TEMPERATURE] + 12)


def test_what_the_agent_hears() -> None:
    silent, _ = one("gap")
    assert not silent[700].heard
    lost, _ = one("out_of_range", PV_POWER, invalid=1.0)
    assert lost[700].bad == {PV_POWER: Quality.INVALID}
    away, _ = one("device_unreachable")
    assert (away[700].answers, away[700].values) == (False, {})
    assert away[700].reading().bad[BATTERY_POWER] is Quality.MISSING
    early, _ = one("clock_error", shift_h=-7.0)
    assert early[700].at_ms == JUNE_MS + 700 * MINUTE_MS - 7 * HOUR_MS


def test_a_leak_falls_below_what_a_boiler_needs() -> None:
    ill, _ = one("low_water_pressure", winter=True)
    assert [moment.shows for moment in ill[365:400]] == [False] * 35
    assert ill[17 * 60 + 50].shows


def test_nobody_at_home_for_three_weeks() -> None:
    story = healthy_year(5)
    from_ms, to_ms = max(story.away, key=lambda away: away[1] - away[0])
    assert to_ms - from_ms == 21 * DAY_MS
    day = Story(5, from_ms, 1, (), story.away)
    usual = sum(moment.values[LOAD_POWER] for moment in home_moments(replace(day, away=())))
    assert sum(moment.values[LOAD_POWER] for moment in home_moments(day)) < usual


def test_a_boiler_shows_that_it_cycles_while_it_starts_again_and_again() -> None:
    ill, _ = one("short_cycling", winter=True)
    labelled = [number for number, moment in enumerate(ill) if moment.label is not None]
    starts = [i for i in labelled if ill[i].values[BURNER_ON] > ill[i - 1].values[BURNER_ON]]
    assert len(starts) > 5
    assert not any(ill[i].shows for i in labelled if i < starts[0])
    assert all(ill[i].shows for i in starts)
    assert not any(ill[i].shows for i in labelled if all(not 0 <= i - start <= 15 for start in starts))
