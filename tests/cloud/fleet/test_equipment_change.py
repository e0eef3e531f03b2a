"""Before and after a day: every home against itself."""

import numpy as np
import pytest

from cloud.fleet.equipment_change import Split, change
from cloud.fleet.equipment_rates import ratio


def test_homes_with_equal_watches_are_the_exact_binomial() -> None:
    found = change([Split(6, 100.0, 2, 50.0), Split(4, 200.0, 3, 100.0)])
    assert found is not None
    exact = ratio((5, 150.0), (10, 300.0))
    assert found.ratio.value == pytest.approx(exact.value)
    assert (found.ratio.low, found.ratio.high) == (pytest.approx(exact.low), pytest.approx(exact.high))
    assert (found.failures_before, found.failures_after, found.homes) == (10, 5, 2)


def test_a_home_watched_on_one_side_only_says_nothing() -> None:
    assert change([Split(5, 100.0, 0, 0.0), Split(0, 0.0, 9, 10.0)]) is None
    found = change([Split(0, 100.0, 0, 100.0)])
    assert found is not None
    assert found.ratio.value is None


def test_a_bad_home_that_joined_late_is_not_taken_for_a_change() -> None:
    """Pooled rates would rise fourfold; every home by itself stays as it was."""
    good = [Split(10, 1000.0, 1, 100.0)] * 5
    bad = [Split(10, 100.0, 100, 1000.0)] * 5
    found = change([*good, *bad])
    assert found is not None
    assert found.ratio.value == pytest.approx(1.0, abs=0.05)
    assert found.ratio.p_value > 0.5


def test_intervals_cover_where_homes_differ() -> None:
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(200):
        splits = []
        for _ in range(20):
            rate, before, after = rng.gamma(0.7, 1 / 30), rng.uniform(50, 900), rng.uniform(50, 900)
            splits.append(Split(int(rng.poisson(rate * before)), before, int(rng.poisson(0.5 * rate * after)), after))
        found = change(splits)
        assert found is not None
        covered += (found.ratio.low or 0.0) <= 0.5 <= (found.ratio.high or np.inf)
    assert covered >= 0.9 * 200
