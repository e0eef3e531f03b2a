"""Intervals of rates and of their ratio against printed answers and simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.reliability import EpisodeReliability
from cloud.fleet.equipment_rates import mtbf, ratio


def test_the_rates_of_breast_cancer_after_fluoroscopy() -> None:
    """Boice & Monson (1977), as in Rothman, Modern Epidemiology: 41 in 28,010 against 15 in 19,017 woman-years."""
    found = ratio((41, 28_010), (15, 19_017))
    assert found.value == pytest.approx(1.8558, abs=1e-4)
    assert (found.low, found.high) == (pytest.approx(1.0057, abs=1e-4), pytest.approx(3.6093, abs=1e-4))
    assert found.p_value == pytest.approx(0.0477, abs=1e-4)


@given(st.integers(0, 200), st.integers(1, 10**9))
def test_mtbf_is_the_agents(failures: int, up_ms: int) -> None:
    own = EpisodeReliability(failures=failures, up_ms=up_ms)
    found = mtbf(failures, up_ms / 3_600_000)
    assert found.hours == (pytest.approx(own.mtbf_hours(), rel=1e-12) if failures else None)
    low, high = own.mtbf_interval_hours() or (None, None)
    assert found.low == pytest.approx(low, rel=1e-9)
    assert found.high == (None if high is None else pytest.approx(high, rel=1e-9))


def test_without_exposure_nothing_is_said() -> None:
    assert mtbf(0, 0.0).low is None
    assert ratio((0, 0.0), (3, 5.0)).value is None


@given(st.integers(0, 50), st.integers(0, 50), st.floats(0.1, 10), st.floats(0.1, 10))
def test_turning_the_ratio_around_turns_its_bounds(k1: int, k2: int, e1: float, e2: float) -> None:
    there, back = ratio((k1, e1), (k2, e2)), ratio((k2, e2), (k1, e1))
    assert there.p_value == pytest.approx(back.p_value, rel=1e-9)
    if there.low and back.high:
        assert there.low == pytest.approx(1 / back.high, rel=1e-9)
    if there.low is not None and there.high is not None and k1 + k2:
        assert (there.p_value < 0.05) == (not there.low <= 1 <= there.high) or there.p_value == pytest.approx(0.05)


def test_no_failure_on_one_side_leaves_that_bound_open() -> None:
    assert ratio((3, 10.0), (0, 10.0)).high is None
    assert ratio((0, 10.0), (3, 10.0)).low == 0.0
    assert ratio((0, 10.0), (0, 10.0)).low is None


def test_the_ratios_interval_covers() -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for k1, k2 in zip(rng.poisson(20, 400), rng.poisson(10, 400), strict=True):
        found = ratio((int(k1), 100.0), (int(k2), 100.0))
        hits += (found.low or 0.0) <= 2 <= (found.high or np.inf)
    assert hits >= 0.93 * 400


def test_dispersion_widens() -> None:
    plain, wide = mtbf(40, 1000.0), mtbf(40, 1000.0, dispersion=4.0)
    assert wide.hours == plain.hours
    assert wide.low is not None
    assert plain.low is not None
    assert wide.low < plain.low
