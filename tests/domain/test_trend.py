"""The trend of a repairable system from running sums: equal to the formulas over the whole list of failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.reliability import EpisodeReliability
from agent.domain.trend import trend
from cloud.fleet.equipment_trend import Watch, laplace, power_law

UP_TIMES = st.lists(st.integers(10**5, 10**9), min_size=4, max_size=40)


def lived(up_times: list[int]) -> EpisodeReliability:
    """Up for a while, then a failure, and so on; the last time up ends without one."""
    reliability = EpisodeReliability()
    for number, up_ms in enumerate(up_times):
        reliability.add_up(up_ms)
        if number < len(up_times) - 1:
            reliability.add_failure()
            reliability.add_down(60_000)
    return reliability


@given(UP_TIMES)
def test_running_sums_give_what_the_whole_list_gives(up_times: list[int]) -> None:
    told = lived(up_times).trend()
    end = sum(up_times)
    watch = Watch([sum(up_times[: n + 1]) / end for n in range(len(up_times) - 1)], 1.0)
    test, law = laplace([watch]), power_law([watch])
    assert told is not None
    assert test is not None
    assert law is not None
    assert told.score == pytest.approx(test.score, abs=1e-9)
    assert told.p_value == pytest.approx(test.p_value, abs=1e-9)
    assert told.shape == pytest.approx(law.shape, rel=1e-6)
    assert (told.shape_low, told.shape_high) == pytest.approx((law.shape_low, law.shape_high), rel=1e-6)


@given(UP_TIMES)
def test_a_restart_changes_nothing(up_times: list[int]) -> None:
    reliability = lived(up_times)
    again = EpisodeReliability.from_state(reliability.state())
    for each in (reliability, again):
        each.add_up(5_000)
        each.add_failure()
    assert again.state() == reliability.state()
    assert again.trend() == reliability.trend()


def test_failures_that_crowd_late_are_getting_worse() -> None:
    worse, better = lived([1000, 500, 200, 100, 50, 10]).trend(), lived([10, 50, 100, 200, 500, 1000]).trend()
    assert worse is not None
    assert better is not None
    assert worse.score > 1 > worse.p_value
    assert worse.shape > 1
    assert better.score < -1
    assert better.shape < 1


def test_what_was_pooled_has_no_trend_and_a_copy_keeps_its_own() -> None:
    one, two, pool = lived([100, 90, 80, 70]), lived([100, 90, 80, 70]), EpisodeReliability()
    pool.merge(one)
    assert pool.trend() == one.trend() is not None
    pool.merge(two)
    assert pool.trend() is None
    assert "trend_score" not in pool.report()
    assert "trend_score" in one.report()


def test_too_few_failures_tell_nothing() -> None:
    assert lived([100, 100, 100]).trend() is None
    assert trend(5, 1.0, 0.0, 1.0) is None
