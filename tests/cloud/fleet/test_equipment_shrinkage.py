"""The gamma-Poisson fit against a printed answer, and what it must never do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.fleet.equipment_shrinkage import Prior, fit_prior

# Ten pumps of a nuclear plant, thousands of hours: Gaver & O'Muircheartaigh, Technometrics 29 (1987), table 3.
PUMP_FAILURES = [5, 1, 5, 14, 3, 19, 1, 1, 4, 22]
PUMP_HOURS = [94.320, 15.720, 62.880, 125.760, 5.240, 31.440, 1.048, 1.048, 2.096, 10.480]


def test_the_pumps() -> None:
    """Maximum likelihood of the negative binomial on these data: shape 0.823, exposure 1.26."""
    found = fit_prior(np.array(PUMP_FAILURES, dtype=float), np.array(PUMP_HOURS))
    assert found.shape == pytest.approx(0.8223, abs=2e-3)
    assert found.exposure == pytest.approx(1.2590, abs=3e-3)
    last = found.posterior(22, 10.480)
    assert 1 / (last.mtbf or 0) == pytest.approx((0.8223 + 22) / (1.2590 + 10.480), rel=1e-3)


def test_homes_that_do_not_differ_share_one_rate() -> None:
    found = fit_prior(np.full(5, 10.0), np.full(5, 100.0))
    assert found.shape == 50.5
    assert found.mtbf == pytest.approx(10.0)


def test_a_fleet_without_failures_and_a_fleet_of_one() -> None:
    assert fit_prior(np.zeros(5), np.full(5, 100.0)) == Prior(0.5, 500.0)
    assert fit_prior(np.array([3.0]), np.array([10.0])) == Prior(0.5, 0.0)
    assert fit_prior(np.array([]), np.array([])).mtbf is None


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(0.01, 1e5)), min_size=2, max_size=30))
def test_shrinkage_lies_between_a_homes_own_rate_and_the_fleets(homes: list[tuple[int, float]]) -> None:
    counts, hours = (np.array(column, dtype=float) for column in zip(*homes, strict=True))
    prior = fit_prior(counts, hours)
    assert 0 < prior.shape <= counts.sum() + 0.5
    assert np.isfinite(prior.exposure)
    for failures, exposure in homes:
        known = prior.posterior(failures, exposure)
        assert known.mtbf is not None
        rates = sorted((failures / exposure, prior.shape / prior.exposure))
        assert rates[0] * (1 - 1e-9) <= 1 / known.mtbf <= rates[1] * (1 + 1e-9)
        low, high = known.bounds(0.95)
        assert low is not None
        assert high is not None
        assert low <= high


def test_the_fit_finds_the_fleet_it_was_drawn_from_and_its_intervals_cover() -> None:
    rng = np.random.default_rng(11)
    rates = rng.gamma(2.0, 1 / 400.0, 600)
    hours = rng.uniform(20, 4000, 600)
    counts = rng.poisson(rates * hours).astype(float)
    prior = fit_prior(counts, hours)
    assert prior.shape == pytest.approx(2.0, rel=0.25)
    hits = 0
    for rate, count, exposure in zip(rates, counts, hours, strict=True):
        low, high = prior.posterior(count, exposure).bounds(0.95)
        hits += (low or 0) <= 1 / rate <= (high or np.inf)
    assert 0.92 * 600 <= hits <= 0.98 * 600
