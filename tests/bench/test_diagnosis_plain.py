"""The plain alternatives on minutes of which it is known what happens in them."""

import numpy as np

from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER
from bench.diagnosis_plain import PLAIN, Columns, Minutes, half_space_trees, judge_plain
from firmware_sim.labelled.moments import Moment
from firmware_sim.labelled.story import LEARN_DAYS, Label

DAYS = LEARN_DAYS + 3
MINUTES = DAYS * 1440


def home() -> Columns:
    """Days that are alike, but for some noise."""
    draw = np.random.default_rng(4)
    sun = np.maximum(0.0, np.sin(np.arange(MINUTES) / 1440 * 2 * np.pi))
    return {
        PV_POWER: 4000 * sun + draw.normal(0, 30, MINUTES) * (sun > 0),
        LOAD_POWER: 500 + draw.normal(0, 30, MINUTES),
        BATTERY_POWER: 2000 * sun + draw.normal(0, 30, MINUTES) * (sun > 0),
        BATTERY_SOC: 50 + 30 * sun,
    }


def test_half_space_trees_know_the_first_days_and_see_what_lies_beside_them() -> None:
    columns = home()
    calm = half_space_trees(Minutes([]), columns)
    assert len(calm) == MINUTES
    assert not calm[: LEARN_DAYS * 1440].any(), "the limit is what was highest while it learned"
    broken = {name: column.copy() for name, column in columns.items()}
    fault = slice((LEARN_DAYS + 1) * 1440 + 300, (LEARN_DAYS + 1) * 1440 + 420)
    broken[PV_POWER][fault] = -30_000.0
    broken[LOAD_POWER][fault] = 90_000.0
    broken[BATTERY_POWER][fault] = -60_000.0
    alarms = half_space_trees(Minutes([]), broken)
    assert alarms[fault].any()
    assert (alarms[: fault.start] == calm[: fault.start]).all(), "what comes later changes nothing before it"


def test_every_alternative_judges_the_same_minutes() -> None:
    columns, start_ms = home(), 1_717_200_000_000
    label = Label("no_solar_production", start_ms, start_ms + 60_000)
    minutes = Minutes([label])
    for number in range(MINUTES):
        values = {name: float(column[number]) for name, column in columns.items()}
        moment = Moment(start_ms + number * 60_000, values, label=label if number == MINUTES - 5 else None)
        if moment.label:
            moment.values[BATTERY_SOC] = 5.0
        minutes.take(moment)
    told = judge_plain(minutes)
    assert list(told) == list(PLAIN)
    assert "half-space trees" in PLAIN
    assert told["fixed thresholds"].found == [0], "the state of charge falls by far more than five in a minute"
