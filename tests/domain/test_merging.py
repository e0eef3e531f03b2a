"""Windows joined: what can be exact is exact."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.merging import DAY_S, HOUR_S, bucket_ms, join
from agent.domain.records import SignalSummary, Summary
from agent.domain.signals import BATTERY_SOC, PV_POWER

small = st.integers(-5_000, 5_000)
counts = st.integers(0, 20)
parts = st.builds(
    lambda name, mean, below, above, at, n, bad: SignalSummary(
        name, 1, mean, below, above, max(-below, min(above, at)), n, *bad
    ),
    st.sampled_from([PV_POWER, BATTERY_SOC]),
    small,
    st.integers(0, 300),
    st.integers(0, 300),
    small,
    counts,
    st.tuples(counts, counts, counts, counts),
)
windows = st.lists(
    st.lists(parts, min_size=1, max_size=2, unique_by=lambda part: part.signal), min_size=1, max_size=6
).map(lambda rows: [Summary(number * 900_000, 900, signals) for number, signals in enumerate(rows)])


@given(windows)
def test_counts_extremes_and_last_are_exact_and_the_mean_is_rounded_once(some: list[Summary]) -> None:
    whole = join(some, 0, DAY_S)
    assert (whole.start_ms, whole.window_s, whole.merged) == (0, DAY_S, len(some))
    for one in whole.signals:
        mine = [part for summary in some for part in summary.signals if part.signal == one.signal]
        good = [part for part in mine if part.n]
        assert one.n == sum(part.n for part in good)
        assert one.missing == sum(part.missing for part in mine)
        assert one.estimated == sum(part.estimated for part in mine)
        if good:
            exact = Fraction(sum(part.n * part.mean for part in good), one.n)
            assert abs(one.mean - exact) <= Fraction(1, 2)
            assert one.mean - one.below == min(part.mean - part.below for part in good)
            assert one.mean + one.above == max(part.mean + part.above for part in good)
            assert one.mean + one.last == good[-1].mean + good[-1].last


@given(windows, st.integers(1, 5))
def test_joined_in_two_steps_it_is_nearly_the_same(some: list[Summary], cut: int) -> None:
    once = join(some, 0, DAY_S)
    halves = [part for part in (some[:cut], some[cut:]) if part]
    twice = join([join(part, 0, HOUR_S) for part in halves], 0, DAY_S)
    assert twice.merged == once.merged
    for one, two in zip(once.signals, twice.signals, strict=True):
        assert (one.n, one.stale, one.invalid) == (two.n, two.stale, two.invalid)
        assert abs(one.mean - two.mean) <= 1
        assert (one.mean - one.below, one.mean + one.above) == (two.mean - two.below, two.mean + two.above)


def test_coarser_and_finer_decimals_meet_in_the_finer() -> None:
    old = Summary(0, 900, [SignalSummary(PV_POWER, 0, 10, 1, 2, 1, 3)])
    new = Summary(900_000, 900, [SignalSummary(PV_POWER, 1, 130, 10, 10, -5, 1)])
    assert join([old, new], 0, HOUR_S).signals == [SignalSummary(PV_POWER, 1, 108, 18, 32, 17, 4)]


def test_a_window_that_straddles_has_no_bucket() -> None:
    assert bucket_ms(Summary(3_000_000, 900, []), HOUR_S) is None
    assert bucket_ms(Summary(2_700_000, 900, []), HOUR_S) == 0
    assert bucket_ms(Summary(0, DAY_S, []), HOUR_S) is None
    assert bucket_ms(Summary(0, 0, []), HOUR_S) is None
