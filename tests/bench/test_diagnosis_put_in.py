"""Faults put into recordings: which fit, when, and what they make of the values."""

from itertools import pairwise

from agent.domain.signals import (
    BATTERY_POWER,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    RETURN_TEMPERATURE,
    Quality,
    SignalName,
)
from bench.diagnosis_fleet import Seen
from bench.diagnosis_put_in import moments, story_of
from bench.diagnosis_recordings import Recorded
from firmware_sim.labelled.story import DAY_MS, HOUR_MS, Label

START_MS = 1_704_067_200_000
POWERS: dict[SignalName, float] = {PV_POWER: 3000.0, LOAD_POWER: 400.0, BATTERY_POWER: 2000.0, GRID_POWER: -600.0}
WATER: dict[SignalName, float] = {
    FLOW_TEMPERATURE: 45.0,
    RETURN_TEMPERATURE: 38.0,
    OUTDOOR_TEMPERATURE: 3.0,
    PUMP_ON: 1.0,
}


def recording(values: dict[SignalName, float], days: int = 60) -> Recorded:
    times = [START_MS + number * HOUR_MS for number in range(days * 24)]
    return Recorded("some", "home", {}, times, [dict(values) for _ in times])


def test_faults_fit_the_signals_rest_in_between_and_come_after_a_time_to_learn() -> None:
    for values, codes in (
        (POWERS, {"no_solar_production", "battery_not_charging", "sign_or_scale_error", "gap"}),
        ({LOAD_POWER: 300.0}, {"gap", "out_of_range", "stuck_value"}),
        (WATER, {"sensors_swapped", "outdoor_sensor_implausible", "stuck_value", "gap", "out_of_range"}),
    ):
        recorded = recording(values)
        labels = story_of(recorded)
        assert codes <= {label.code for label in labels}
        assert labels == story_of(recorded), "the same recording has the same story"
        assert labels[0].start_ms == START_MS + 10 * DAY_MS
        for before, after in pairwise(labels):
            assert after.start_ms == before.end_ms + 2 * DAY_MS
        assert labels[-1].end_ms <= recorded.times[-1] - DAY_MS
    assert story_of(recording(POWERS, days=9)) == []


def changed(values: dict[SignalName, float], label: Label) -> tuple[dict[SignalName, float], Seen]:
    """The values in the middle of the fault, and how long it showed."""
    seen = Seen(label)
    every = list(moments(recording(values, days=4), [label], [seen]))
    assert every[0].values == values == every[-1].values, "before and after it nothing is changed"
    return every[30].values, seen


def test_each_fault_changes_what_it_should() -> None:
    day = (START_MS + 24 * HOUR_MS, START_MS + 48 * HOUR_MS)
    values, seen = changed(POWERS, Label("no_solar_production", *day))
    assert (values[PV_POWER], values[GRID_POWER], seen.shown_min) == (0.0, 2400.0, 24 * 60)
    values, _ = changed(POWERS, Label("battery_not_charging", *day))
    assert (values[BATTERY_POWER], values[GRID_POWER]) == (0.0, -2600.0)
    values, _ = changed(POWERS, Label("pv_underperformance", *day, "", {"size": 0.45}))
    assert (values[PV_POWER], values[GRID_POWER]) == (1650.0, 750.0)
    values, _ = changed(WATER, Label("sensors_swapped", *day))
    assert (values[FLOW_TEMPERATURE], values[RETURN_TEMPERATURE]) == (38.0, 45.0)


def test_a_fault_of_a_plant_at_rest_does_not_show() -> None:
    label = Label("sensors_swapped", START_MS + 24 * HOUR_MS, START_MS + 48 * HOUR_MS)
    _, seen = changed(WATER | {PUMP_ON: 0.0}, label)
    assert (seen.shown_min, seen.counts) == (0, False)


def test_cells_that_are_empty_are_missing_and_hinder_no_fault() -> None:
    recorded = recording(WATER, days=3)
    for row in recorded.rows[20:40]:
        del row[OUTDOOR_TEMPERATURE]
        del row[PUMP_ON]
    start_ms, end_ms = START_MS + 10 * HOUR_MS, START_MS + 60 * HOUR_MS
    for code, detail in (("outdoor_sensor_implausible", {"offset": 15.0}), ("sensors_swapped", {})):
        label = Label(code, start_ms, end_ms, "", detail)
        every = list(moments(recorded, [label], [Seen(label)]))
        assert every[25].bad == {OUTDOOR_TEMPERATURE: Quality.MISSING, PUMP_ON: Quality.MISSING}
        assert every[45].values != WATER
