"""Quantiles against scipy."""

import pytest
from scipy import stats

from agent.domain.distributions import chi_square_quantile, f_quantile

PROBABILITIES = [1e-4, 0.025, 0.05, 0.5, 0.8, 0.95, 0.975, 0.9999]
DEGREES = [1, 2, 3, 4, 7, 20, 101, 2_000, 40_000]


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize("df", DEGREES)
def test_chi_square(p: float, df: int) -> None:
    assert chi_square_quantile(p, df) == pytest.approx(stats.chi2.ppf(p, df), rel=1e-9)


@pytest.mark.parametrize("p", PROBABILITIES)
@pytest.mark.parametrize(("above", "below"), [(df, df) for df in DEGREES] + [(2, 40), (40, 2), (3, 1000)])
def test_f(p: float, above: int, below: int) -> None:
    assert f_quantile(p, above, below) == pytest.approx(stats.f.ppf(p, above, below), rel=1e-9)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, 1.1])
def test_a_probability_lies_between_0_and_1(p: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        chi_square_quantile(p, 2)
    with pytest.raises(ValueError, match="probability"):
        f_quantile(p, 2, 2)


def test_degrees_of_freedom_are_above_0() -> None:
    with pytest.raises(ValueError, match="degrees"):
        chi_square_quantile(0.5, 0)
    with pytest.raises(ValueError, match="degrees"):
        f_quantile(0.5, 2, -1)
