"""The two published scenarios to the letter, and what an engineer makes of them."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.domain.local_time import LocalTime
from agent.domain.rules import (
    BatteryLimits,
    BatteryNotCharging,
    InverterAlarmRule,
    Verdict,
)
from agent.domain.rules_published import PublishedBattery, PublishedSolar
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_STATE,
    LOAD_POWER,
    PV_POWER,
    InverterState,
    Reading,
)

SIGNALS = {
    "pv": PV_POWER,
    "load": LOAD_POWER,
    "batt": BATTERY_POWER,
    "soc": BATTERY_SOC,
    "alarm": INVERTER_ALARM,
    "state": INVERTER_STATE,
}


def reading(at: str | int = 0, /, **values: float) -> Reading:
    at_ms = at if isinstance(at, int) else round(datetime.fromisoformat(at).timestamp() * 1000)
    return Reading(at_ms, {SIGNALS[name]: value for name, value in values.items()})


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"pv": 732, "load": 115, "batt": -11, "soc": 50}, True),
        ({"pv": 732, "load": 115, "batt": 11, "soc": 50}, False),
        ({"pv": 732, "load": 115, "batt": 0, "soc": 50}, None),
        ({"pv": 732, "load": 115, "batt": -0.001, "soc": 99.9}, True),
        ({"pv": 732, "load": 115, "batt": -11, "soc": 100}, None),
        ({"pv": 115, "load": 115, "batt": -11, "soc": 50}, None),
        ({"pv": 115, "load": 116, "batt": -11, "soc": 50}, None),
        ({"pv": 732, "batt": -11, "soc": 50}, None),
        ({"pv": 732, "load": 115, "soc": 50}, None),
        ({"pv": 732, "load": 115, "batt": -11}, None),
        ({}, None),
    ],
)
def test_scenario_1_as_published(values: dict[str, float], verdict: Verdict) -> None:
    assert PublishedBattery().judge(reading(0, **values)) is verdict


@pytest.mark.parametrize(
    ("at", "pv", "verdict"),
    [
        ("2024-06-01T12:00:00+02:00", 0, True),
        ("2024-06-01T12:00:59+02:00", 0, True),
        ("2024-06-01T12:00:00+02:00", 0.1, False),
        ("2024-06-01T12:01:00+02:00", 0, None),
        ("2024-06-01T11:59:59+02:00", 0, None),
        ("2024-03-30T11:00:00+00:00", 0, True),  # the day before summer time
        ("2024-03-31T10:00:00+00:00", 0, True),  # and the day it begins
        ("2024-03-31T11:00:00+00:00", 0, None),
        ("2024-10-27T11:00:00+00:00", 0, True),
    ],
)
def test_scenario_2_as_published(at: str, pv: float, verdict: Verdict) -> None:
    rule = PublishedSolar(LocalTime(ZoneInfo("Europe/Berlin")))
    assert rule.judge(reading(at, pv=pv)) is verdict


def battery() -> BatteryNotCharging:
    return BatteryNotCharging(BatteryLimits(margin_w=200, dead_band_w=50, full_soc=97, soc_hysteresis=3))


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"pv": 3000, "load": 500, "batt": 0, "soc": 50}, True),
        ({"pv": 3000, "load": 500, "batt": 50, "soc": 50}, True),
        ({"pv": 3000, "load": 500, "batt": 51, "soc": 50}, False),
        ({"pv": 3000, "load": 500, "batt": -2000, "soc": 50}, True),
        ({"pv": 700, "load": 500, "batt": 0, "soc": 50}, None),
        ({"pv": 701, "load": 500, "batt": 0, "soc": 50}, True),
        ({"pv": 3000, "load": 500, "batt": 0, "soc": 97}, None),
        ({"pv": 3000, "load": 500, "batt": 0}, None),
        ({"pv": 3000, "batt": 0, "soc": 50}, None),
        ({"load": 500, "batt": 0, "soc": 50}, None),
    ],
)
def test_scenario_1_for_engineers(values: dict[str, float], verdict: Verdict) -> None:
    assert battery().judge(reading(0, **values)) is verdict


def idle(at_ms: int, **soc: float) -> Reading:
    return reading(at_ms, pv=3000, load=500, batt=0, **soc)


def test_a_full_battery_may_rest_until_it_is_well_below() -> None:
    rule = battery()
    verdicts = [rule.judge(idle(0, soc=soc)) for soc in (96.9, 97, 96, 94, 93.9, 96)]
    assert verdicts == [True, None, None, None, True, True]


def test_what_a_jump_of_the_counting_took_away_may_still_be_in_the_battery() -> None:
    rule = battery()
    told = [rule.judge(idle(minute * 60_000, soc=soc)) for minute, soc in enumerate((90, 70, 74, 78))]
    assert told == [True, True, True, None], "78 shown and 20 lost may be full"
    assert rule.judge(idle(300_000, soc=98)) is None
    assert rule.judge(idle(360_000, soc=92)) is True, "it counted to the end: what it shows is true again"


def test_a_house_that_draws_power_has_no_surplus() -> None:
    values = {PV_POWER: 3000.0, LOAD_POWER: 500.0, BATTERY_POWER: 0.0, BATTERY_SOC: 50.0}
    assert battery().judge(Reading(0, {**values, GRID_POWER: 400.0})) is None
    assert battery().judge(Reading(0, {**values, GRID_POWER: 0.0})) is True
    assert battery().judge(Reading(0, {**values, GRID_POWER: -2400.0})) is True
    assert battery().judge(Reading(0, {**values, BATTERY_POWER: -180.0, GRID_POWER: -2500.0})) is True
    assert battery().judge(Reading(0, {**values, BATTERY_POWER: -900.0, GRID_POWER: 0.0})) is None


def test_a_small_surplus_that_reaches_neither_battery_nor_grid_is_measured_wrongly() -> None:
    small = {PV_POWER: 275.0, LOAD_POWER: 0.3, BATTERY_POWER: 0.0, BATTERY_SOC: 50.0}  # a load a thousand times too low
    assert battery().judge(Reading(0, {**small, GRID_POWER: 0.0})) is None
    assert battery().judge(Reading(0, {**small, GRID_POWER: -260.0})) is True
    lossy = {PV_POWER: 5000.0, LOAD_POWER: 4700.0, BATTERY_POWER: 0.0, BATTERY_SOC: 50.0}
    assert battery().judge(Reading(0, {**lossy, GRID_POWER: -60.0})) is True  # the inverter loses the rest
    assert battery().judge(Reading(0, {**lossy, GRID_POWER: 60.0})) is None
    charging = {PV_POWER: 3000.0, LOAD_POWER: 500.0, BATTERY_POWER: 900.0, BATTERY_SOC: 50.0}
    assert battery().judge(Reading(0, {**charging, GRID_POWER: 400.0})) is False


def test_a_state_of_charge_holds_for_a_while() -> None:
    rule = battery()
    assert rule.judge(idle(0, soc=50)) is True
    assert rule.judge(idle(900_000)) is True
    assert rule.judge(idle(900_001)) is None
    assert rule.judge(idle(-1)) is None


def test_what_a_battery_remembers_survives_a_restart() -> None:
    before, after = battery(), battery()
    after.restore(before.state())
    assert after.judge(idle(0)) is None
    before.judge(idle(0, soc=98))
    after.restore(before.state())
    assert after.judge(idle(60_000, soc=95)) is None
    assert battery().judge(idle(60_000, soc=95)) is True
    before, after = battery(), battery()
    before.judge(reading(0, batt=-500))  # no state of charge so far
    after.restore(before.state())
    for rule in (before, after):
        rule.judge(reading(120_000, soc=10))
    assert after.state() == before.state()


@pytest.mark.parametrize(
    ("values", "loss"),
    [
        ({"pv": 3000, "load": 500, "batt": 0, "soc": 50}, 2500),
        ({"pv": 3000, "load": 500, "batt": 40, "soc": 50}, 2460),
        ({"pv": 3000, "load": 500, "batt": -900, "soc": 50}, 2500),
        ({"pv": 30_000, "load": 500, "batt": 0, "soc": 50}, 5000),
    ],
)
def test_the_loss_is_the_surplus_that_could_be_charged(values: dict[str, float], loss: float) -> None:
    assert battery().loss_w(reading(0, **values).values) == loss


def test_no_power_value_is_no_verdict() -> None:
    assert PublishedSolar(LocalTime(ZoneInfo("UTC"))).judge(reading("2022-06-21T12:00:00Z")) is None


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({}, None),
        ({"alarm": 0}, False),
        ({"alarm": 3}, True),
        ({"state": InverterState.RUNNING}, False),
        ({"state": InverterState.FAULT}, True),
        ({"alarm": 0, "state": InverterState.FAULT}, True),
        ({"alarm": 1, "state": InverterState.RUNNING}, True),
    ],
)
def test_an_inverter_that_says_so(values: dict[str, float], verdict: Verdict) -> None:
    assert InverterAlarmRule().judge(reading(0, **values)) is verdict


def test_rules_without_memory_have_no_state() -> None:
    rules: list[Any] = [PublishedBattery(), InverterAlarmRule()]
    for rule in rules:
        assert rule.state() == []
        rule.restore([])
        assert rule.loss_w({}) is None
