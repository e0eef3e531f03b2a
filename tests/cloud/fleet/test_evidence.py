"""Severities at the edges: what a technician would call a fault, and what only looks like one."""

from dataclasses import replace

import numpy as np
import pytest

from cloud.fleet import climate, curve, daily, evidence
from cloud.fleet.daily import FLOW, OUT, ROOM

DAYS = 14


def fleet(seed: int = 1, count: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hours = np.arange(DAYS * 24)
    weather = 4 + 4 * np.sin(hours / 40) + 2 * np.sin(2 * np.pi * hours / 24)
    out = weather + rng.normal(0, 0.4, (count, 1)) + rng.normal(0, 0.1, (count, len(hours)))
    room = 20.5 + rng.normal(0, 0.6, (count, 1)) + rng.normal(0, 0.15, out.shape)
    flow = 24 + rng.uniform(0.8, 1.6, (count, 1)) * (20 - out) + rng.normal(0, 0.5, out.shape)
    return np.stack([out, room, flow], axis=1).reshape(count, 3, DAYS, 24).astype(np.float32)


def judge(values: np.ndarray) -> tuple[daily.Daily, evidence.Usual]:
    found = daily.of_fleet(values, climate.learn(values[:, OUT], [""] * len(values)))
    return found, evidence.usual(found, curve.fit(found, slice(0, DAYS), 20.5).response)


def test_no_heat_counts_only_when_it_is_cold_outside() -> None:
    values = fleet()
    values[0, FLOW, 4:] = values[0, ROOM, 4:]
    assert evidence.no_heat(*judge(values)).peak[0] >= 1
    values[:, OUT] += 14  # a warm week
    assert evidence.no_heat(*judge(values)).peak[0] < 1


def test_a_building_shut_at_weekends_is_not_without_heat() -> None:
    values = fleet()
    for first in (2, 9):
        values[0, FLOW, first : first + 2] = values[0, ROOM, first : first + 2] + 1
    assert evidence.no_heat(*judge(values)).peak[0] < 1


def test_a_weekend_that_lowers_the_room_as_far_as_every_night_is_not_without_heat() -> None:
    values = fleet()
    values[:, ROOM, :, :5] = 15.2
    for row, low in ((0, 15.2), (1, 13.5)):
        values[row, ROOM, 5:7] = low
        values[row, FLOW, 5:7] = low + 0.5
    peak = evidence.no_heat(*judge(values)).peak
    assert peak[0] < 1
    assert peak[1] >= 1


def test_a_house_that_is_lived_in_at_weekends_only_is_not_without_heat() -> None:
    values = fleet()
    for monday in (0, 7):
        values[0, ROOM, monday : monday + 4] = 13
        values[0, FLOW, monday : monday + 4] = 13.5
    values[1, ROOM, 2:11] = 13
    values[1, FLOW, 2:11] = 13.5
    peak = evidence.no_heat(*judge(values)).peak
    assert peak[0] < 1
    assert peak[1] >= 1, "nine days without heat are no schedule"


def test_a_church_that_is_kept_cold_asks_for_little() -> None:
    values = fleet()
    values[:2, ROOM] = 10 + np.random.default_rng(3).normal(0, 0.2, (2, DAYS, 24))
    values[:2, FLOW] = values[:2, ROOM] + 0.5
    values[0, FLOW, (3, 6, 13)] += 12
    values[:, OUT] += 5
    peak = evidence.no_heat(*judge(values)).peak
    assert peak[0] < 1
    assert peak[1] >= 1, "no heat ever came"


@pytest.mark.parametrize(("low", "missed"), [(0.0, False), (2.0, True)])
def test_a_mild_week_needs_no_heat_while_the_room_stays_warm(low: float, missed: bool) -> None:
    values = fleet()
    values[:, OUT] = np.clip(values[:, OUT] + 6, 9.8, 11.8)
    values[0, ROOM, 3:12] -= low
    values[0, FLOW, 3:12] = values[0, ROOM, 3:12]
    assert (evidence.no_heat(*judge(values)).peak[0] >= 1) == missed


def test_a_stuck_room_that_is_too_warm_hides_no_heat_that_comes() -> None:
    values = fleet()
    values[0, ROOM] = values[0, FLOW].max() + 1
    assert evidence.no_heat(*judge(values)).peak[0] < 1


def test_a_coarse_sensor_may_stand_still_for_some_days() -> None:
    values = fleet()
    values[:20, ROOM] = np.round(values[:20, ROOM] * 2) / 2
    values[0, ROOM, 3:7] = 20.5
    values[30, ROOM, 3:7] = 20.53
    peak = evidence.room_stuck(*judge(values)).peak
    assert peak[0] < 1
    assert peak[30] >= 1


@pytest.mark.parametrize(("a", "b", "pair"), [(OUT, ROOM, 0), (OUT, FLOW, 1), (ROOM, FLOW, 2)])
def test_swapped_sensors_and_which(a: int, b: int, pair: int) -> None:
    values = fleet()
    values[[0], a], values[[0], b] = values[[0], b].copy(), values[[0], a].copy()
    found, pairs = evidence.swapped(*judge(values))
    assert found.peak[0] >= 1
    assert pairs[0] == pair
    assert found.peak[1:].max() < 1


@pytest.mark.parametrize(
    ("signal", "factor", "offset", "mend"),
    [
        (OUT, -1, 0, 0),
        (OUT, 10, 0, 2),
        (ROOM, 0.1, 0, 1),
        (ROOM, 1.8, 32, 3),
        (ROOM, 1, 273.15, 4),
        (FLOW, 0.1, 0, 1),
        (FLOW, 1.8, 32, 3),
    ],
)
def test_wrong_sign_unit_or_scale_and_how_to_mend_it(signal: int, factor: float, offset: float, mend: int) -> None:
    values = fleet()
    values[0, signal] = values[0, signal] * factor + offset
    found, mends = evidence.wrong_scale(*judge(values))
    assert found.peak[0] >= 1
    severity, kinds = mends[signal]
    assert np.bincount(kinds[0][severity[0] >= 1].astype(int)).argmax() == mend
    assert found.peak[1:].max() < 1


@pytest.mark.parametrize("wrong", ["offset", "sun", "stuck"])
def test_an_odd_outdoor_sensor(wrong: str) -> None:
    values = fleet()
    sun = np.maximum(0, np.sin(2 * np.pi * (np.arange(24) - 7) / 24))
    values[0, OUT] = {"offset": values[0, OUT] + 8, "sun": values[0, OUT] + 12 * sun, "stuck": 0 * sun + 4}[wrong]
    peak = evidence.outdoor_odd(*judge(values)).peak
    assert peak[0] >= 1
    assert peak[1:].max() < 0.7


def test_a_cold_room_is_cold_below_comfort_only() -> None:
    values = fleet()
    values[0, ROOM] -= 5
    values[:, ROOM] += 0
    assert evidence.room_too_cold(*judge(values)).peak[0] >= 1
    values[:, ROOM] += 5  # a very warm fleet: 20 °C is not too cold
    assert evidence.room_too_cold(*judge(values)).peak[0] < 1


def test_a_flat_curve_is_flat_for_radiators_and_floors_alike() -> None:
    values = fleet()
    rng = np.random.default_rng(2)
    values[0, FLOW] = 45 + rng.normal(0, 0.5, (DAYS, 24))
    values[1, FLOW] = 28 + rng.normal(0, 0.3, (DAYS, 24))
    values[2, FLOW] = 22 + 0.4 * (20 - values[2, OUT]) + rng.normal(0, 0.3, (DAYS, 24))  # a floor that answers
    found, usual = judge(values)
    peak = curve.flat(found, usual.response[0], usual.room[0], 0, np.zeros(len(values), dtype=bool)).peak
    assert (peak[:2] >= 1).all()
    assert (peak[2:] < 0.8).all()


def test_a_holiday_is_no_flat_curve() -> None:
    values = fleet()
    rng = np.random.default_rng(4)
    values[0, ROOM, 6:12] -= 4
    values[0, FLOW, 6:12] = 27 + rng.normal(0, 0.3, (6, 24))
    values[1, FLOW, 6:12] = values[1, FLOW, :6].mean() + rng.normal(0, 0.3, (6, 24))
    found, usual = judge(values)
    peak = curve.flat(found, usual.response[0], usual.room[0], 0, np.zeros(len(values), dtype=bool)).peak
    assert peak[0] < 0.8
    assert peak[1] >= 1, "six days of the same water in a room that is lived in"


def test_weather_that_stands_still_says_nothing_about_the_curve() -> None:
    values = fleet()
    values[:, OUT] = 4 + np.random.default_rng(1).normal(0, 0.05, values[:, OUT].shape)
    found, usual = judge(values)
    assert curve.flat(found, 0.8, usual.room[0], 0, np.zeros(len(values), dtype=bool)).peak.max() == 0


def test_lasting_needs_its_days() -> None:
    one_day = np.zeros((1, 8), dtype=np.float32)
    one_day[0, 3] = 5
    assert evidence.lasting("x", one_day, 3).peak[0] == 0
    assert evidence.lasting("x", one_day, 1).peak[0] == 5
    assert replace(evidence.lasting("x", one_day, 1), smooth=np.full((1, 8), np.nan)).peak[0] == 0
