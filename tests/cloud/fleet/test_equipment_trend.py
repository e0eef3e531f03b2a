"""Trend tests and the power law against printed answers."""

import numpy as np
import pytest

from cloud.fleet.equipment_trend import Watch, laplace, power_law

# Three systems watched for 200 h: Crow, Reliability Analysis for Complex, Repairable Systems (1974), table 1.
CROW = (
    (4.3, 4.4, 10.2, 23.5, 23.8, 26.4, 74.0, 77.1, 92.1, 197.2),
    (0.1, 5.6, 18.6, 19.5, 24.2, 26.7, 45.1, 45.8, 75.7, 79.7, 98.6, 120.1, 161.8, 180.6, 190.8),
    (8.4, 32.5, 44.7, 48.4, 50.6, 73.6, 98.7, 112.2, 129.8, 136.0, 195.8),
)


def test_crows_example() -> None:
    found = power_law([Watch(times, 200.0) for times in CROW])
    assert found is not None
    assert (round(found.shape, 3), round(found.scale, 3)) == (0.615, 0.461)
    trend = laplace([Watch(times, 200.0) for times in CROW])
    assert trend is not None
    assert trend.score == pytest.approx(-3.012, abs=1e-3)
    assert trend.p_value < 0.01


def test_evenly_spread_failures_have_no_trend() -> None:
    found = laplace([Watch([10.0 * i - 5 for i in range(1, 11)], 100.0)])
    assert found is not None
    assert found.score == pytest.approx(0.0)
    assert found.p_value == pytest.approx(1.0)


def test_without_failures_nothing_is_said() -> None:
    assert laplace([Watch([], 10.0)]) is None
    assert power_law([Watch([5.0], 10.0)]) is None
    assert laplace([Watch([10.0], 10.0)], by_failure=True) is None


def test_the_shapes_interval_covers_and_constant_rates_are_seldom_trends() -> None:
    rng = np.random.default_rng(3)
    covered = alarms = 0
    for _ in range(300):
        watches = [Watch(np.sort(rng.uniform(0, end, rng.poisson(end / 10))).tolist(), end) for end in (40.0, 90.0)]
        found, trend = power_law(watches), laplace(watches)
        if found is None or trend is None:
            covered += 1
            continue
        covered += found.shape_low <= 1 <= found.shape_high
        alarms += trend.p_value < 0.05
    assert covered >= 0.92 * 300
    assert alarms <= 0.08 * 300


def test_failures_ever_closer_are_seen_as_wear() -> None:
    times = [100 * (i / 30) ** 0.5 for i in range(1, 31)]
    found = power_law([Watch(times, 100.0)], by_failure=True)
    trend = laplace([Watch(times, 100.0)], by_failure=True)
    assert found is not None
    assert trend is not None
    assert found.shape_low > 1
    assert trend.score > 2
    assert found.mtbf_now < 100 / 30
