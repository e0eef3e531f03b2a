import math

from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cloud.incidents.chance import log_binomial_tail, log_poisson_tail


@given(st.integers(0, 60), st.floats(0.001, 40))
def test_the_poisson_bound_is_never_below_the_tail(count: int, expected: float) -> None:
    true = stats.poisson.logsf(count - 1, expected)
    assert log_poisson_tail(count, expected) >= true - 1e-9
    assert log_poisson_tail(count, expected) <= 0


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.001, 0.99))
def test_the_binomial_bound_is_never_below_the_tail(count: int, more: int, share: float) -> None:
    of = count + more
    true = stats.binom.logsf(count - 1, of, share) if of else 0.0
    assert log_binomial_tail(count, of, share) >= true - 1e-9
    assert log_binomial_tail(count, of, share) <= 0


def test_the_bounds_are_close_enough_to_decide_with() -> None:
    assert log_poisson_tail(12, 1.0) < math.log(1e-7)
    assert log_binomial_tail(12, 20, 0.05) < math.log(1e-8)
