"""Signals that repeat themselves although they should move."""

import pytest

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_POWER,
    PV_POWER,
    SignalName,
)
from agent.domain.standing import LIMITS_H, Standing

MINUTE_MS = 60_000


def moved(name: SignalName, start: float = 1000.0, count: int = 60) -> Standing:
    standing = Standing(name)
    for minute in range(count):
        standing.update(minute * MINUTE_MS, start + minute, {})
    return standing


def stand(standing: Standing, value: float, minutes: int, others: dict[SignalName, float] | None = None) -> None:
    for minute in range(minutes):
        standing.update((60 + minute) * MINUTE_MS, value, others or {})


def test_a_load_that_stands_is_stuck_after_hours_and_doubtful_at_once() -> None:
    load = moved(LOAD_POWER)
    stand(load, 1500.0, 17)
    assert (load.stuck, load.doubtful) == (False, True)
    stand(load, 1500.0, round(LIMITS_H[LOAD_POWER] * 60) + 2)
    assert load.stuck


def test_a_counter_whose_other_direction_counts_does_not_stand() -> None:
    turned, stuck = moved(GRID_IMPORT_TOTAL), moved(GRID_IMPORT_TOTAL)
    for minute in range(60, 500):
        turned.update(minute * MINUTE_MS, 1059.0, {GRID_POWER: 900.0, GRID_EXPORT_TOTAL: 5000.0 + minute})
        stuck.update(minute * MINUTE_MS, 1059.0, {GRID_POWER: 900.0, GRID_EXPORT_TOTAL: 5000.0})
    assert (turned.stuck, stuck.stuck) == (False, True)
    stuck.forget()
    assert (stuck.stuck, stuck.moving_ms) == (False, 0)


def test_a_state_of_an_earlier_version_goes_on() -> None:
    counter, later = moved(GRID_IMPORT_TOTAL), Standing(GRID_IMPORT_TOTAL)
    later.restore(counter.state()[:9])
    assert later.state() == counter.state()


@pytest.mark.parametrize(
    ("name", "value", "others"),
    [
        (GRID_POWER, 0.0, {}),  # at rest
        (PV_POWER, 1059.0, {}),  # the highest it ever gave: the inverter's limit
        (PV_POWER, 0.0, {}),
        (BATTERY_SOC, 100.0, {BATTERY_POWER: 500.0}),
        (BATTERY_SOC, 50.0, {BATTERY_POWER: 20.0}),
    ],
)
def test_rest_and_limits_are_no_standing(name: SignalName, value: float, others: dict[SignalName, float]) -> None:
    standing = moved(name)
    stand(standing, value, 1000, others)
    assert not standing.stuck
    assert not standing.doubtful


def test_what_never_moved_is_not_known_to() -> None:
    load = Standing(LOAD_POWER)
    stand(load, 500.0, 2000)
    assert not load.stuck


def test_a_coarse_meter_and_one_that_often_stands_are_given_time() -> None:
    coarse = Standing(LOAD_POWER)
    for minute in range(60):
        coarse.update(minute * MINUTE_MS, 400.0 + 100 * (minute % 3), {})
    stand(coarse, 400.0, 10 * 60)
    assert (coarse.stuck, coarse.doubtful) == (False, False)


def test_a_restart_changes_nothing() -> None:
    load = moved(LOAD_POWER)
    stand(load, 900.0, 100)
    again = Standing(LOAD_POWER)
    again.restore(load.state())
    for each in (load, again):
        for minute in range(200, 400):
            each.update(minute * MINUTE_MS, 900.0, {})
    assert again.state() == load.state()
    assert again.stuck == load.stuck
