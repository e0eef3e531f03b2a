"""Streaming equals batch, to the last digit, in any order and any split."""

import math
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import BATTERY_SOC, PV_POWER, WATER_PRESSURE, Quality, Reading, SignalName
from agent.domain.streaming import Extent, Mean, SignalWindow, Windows, pack_int, summary_of, unpack_int
from agent.domain.wire import SignalSummary, Summary

finite = st.floats(allow_nan=False, allow_infinity=False)
histories = st.lists(finite, max_size=40)


def carried(state: Any) -> Any:
    """The state after a restart."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state))


def exact_mean(xs: list[float]) -> float:
    return float(sum(map(Fraction, xs)) / len(xs))


def mean_of(xs: list[float]) -> Mean:
    mean = Mean()
    for x in xs:
        mean.update(x)
    return mean


@given(histories)
def test_the_mean_is_the_exact_one_at_each_step(xs: list[float]) -> None:
    mean = Mean()
    assert mean.value() is None
    for n, x in enumerate(xs, 1):
        mean.update(x)
        assert mean.value() == exact_mean(xs[:n])


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_the_mean_agrees_with_fsum(xs: list[float]) -> None:
    mean = mean_of(xs).value()
    assert mean is not None
    assert math.isclose(mean, math.fsum(xs) / len(xs), rel_tol=1e-15, abs_tol=5e-324)


@given(histories, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(xs: list[float], random: Any) -> None:
    shuffled = list(xs)
    random.shuffle(shuffled)
    assert mean_of(shuffled).state() == mean_of(xs).state()


@given(histories, st.integers(0, 40), st.integers(0, 40))
def test_means_of_parts_merge_to_the_mean_of_the_whole(xs: list[float], one: int, other: int) -> None:
    first, second = sorted((one, other))
    merged = mean_of(xs[:first])
    merged.merge(mean_of(xs[first:second]))
    merged.merge(mean_of(xs[second:]))
    assert merged.state() == mean_of(xs).state()


@given(histories, st.integers(0, 40))
def test_a_mean_goes_on_after_a_restart(xs: list[float], cut: int) -> None:
    mean = Mean.from_state(carried(mean_of(xs[:cut]).state()))
    for x in xs[cut:]:
        mean.update(x)
    assert mean.state() == mean_of(xs).state()


@given(histories, st.integers(0, 40))
def test_all_at_once_is_one_after_the_other(xs: list[float], cut: int) -> None:
    mean, extent, window = mean_of(xs[:cut]), extent_of(xs[:cut]), window_of(xs[:cut])
    for estimator in (mean, extent, window):
        estimator.update_all(xs[cut:])
    assert mean.state() == mean_of(xs).state()
    assert extent.state() == extent_of(xs).state()
    assert window.state() == window_of(xs).state()
    with pytest.raises((ValueError, OverflowError)):
        mean.update_all([1.0, math.nan])
    assert mean.state() == mean_of(xs).state()


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_changes_nothing(x: float) -> None:
    mean = mean_of([1.0, 2.0])
    with pytest.raises((ValueError, OverflowError)):
        mean.update(x)
    assert mean.value() == 1.5


def test_whole_numbers_are_samples_too() -> None:
    mean = Mean()
    mean.update(3)
    mean.update(4)
    assert mean.value() == 3.5


@given(st.integers())
def test_whole_numbers_of_any_size_come_back(number: int) -> None:
    assert unpack_int(pack_int(number)) == number


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_quantising_is_to_the_nearest(numerator: int, denominator: int) -> None:
    mean = Mean()
    mean.mantissa, mean.n = numerator, denominator
    assert abs(Fraction(numerator * 100, denominator) - mean.quantised(100)) <= Fraction(1, 2)


def extent_of(xs: list[float]) -> Extent:
    extent = Extent()
    for x in xs:
        extent.update(x)
    return extent


@given(histories)
def test_the_extent_at_each_step(xs: list[float]) -> None:
    extent = Extent()
    assert extent.value() is None
    for n, x in enumerate(xs, 1):
        extent.update(x)
        assert extent.value() == (min(xs[:n]), max(xs[:n]), x)


@given(histories, st.integers(0, 40))
def test_extents_merge_and_go_on(xs: list[float], cut: int) -> None:
    merged = extent_of(xs[:cut])
    merged.merge(extent_of(xs[cut:]))
    resumed = Extent.from_state(carried(extent_of(xs[:cut]).state()))
    for x in xs[cut:]:
        resumed.update(x)
    assert merged.state() == resumed.state() == extent_of(xs).state()


powers = st.one_of(st.floats(-1e5, 1e5), st.sampled_from([q for q in Quality if q is not Quality.GOOD]))


def window_of(samples: list[Any]) -> SignalWindow:
    window = SignalWindow()
    for sample in samples:
        if isinstance(sample, Quality):
            window.count(sample)
        else:
            window.update(sample)
    return window


@given(st.lists(powers, max_size=30), st.integers(0, 30))
def test_a_window_is_its_formula(samples: list[Any], cut: int) -> None:
    good: list[float] = [x for x in samples if not isinstance(x, Quality)]
    summary = window_of(samples).value(BATTERY_SOC)
    assert (summary.signal, summary.decimals, summary.n) == (BATTERY_SOC, 1, len(good))
    counted = (Quality.STALE, Quality.MISSING, Quality.INVALID, Quality.ESTIMATED)
    bad = [sum(sample is quality for sample in samples) for quality in counted]
    assert [summary.stale, summary.missing, summary.invalid, summary.estimated] == bad
    if good:
        exact = sum(map(Fraction, good), Fraction(0)) / len(good)
        assert abs(exact * 10 - summary.mean) <= Fraction(1, 2)
        assert summary.below >= 0
        assert summary.above >= 0
        assert abs(Fraction(min(good)) * 10 - (summary.mean - summary.below)) <= Fraction(1, 2)
        assert abs(Fraction(max(good)) * 10 - (summary.mean + summary.above)) <= Fraction(1, 2)
        assert abs(Fraction(good[-1]) * 10 - (summary.mean + summary.last)) <= Fraction(1, 2)
    merged = window_of(samples[:cut])
    merged.merge(SignalWindow.from_state(carried(window_of(samples[cut:]).state())))
    assert merged.state() == window_of(samples).state()


def test_a_good_sample_is_not_counted_as_bad() -> None:
    window = SignalWindow()
    window.count(Quality.GOOD)
    assert window.value(PV_POWER) == SignalSummary(PV_POWER, 0, 0, 0, 0, 0, 0)


def reading(minute: float, pv: float | None = None, soc: Quality | None = None) -> Reading:
    bad: dict[SignalName, Quality] = {} if soc is None else {BATTERY_SOC: soc}
    return Reading(round(minute * 60_000), {} if pv is None else {PV_POWER: pv}, bad)


def test_windows_are_aligned_and_close_with_the_next_reading() -> None:
    windows = Windows(900)
    assert windows.update(reading(16, 100.0, Quality.MISSING)) is None
    assert windows.update(reading(29.99, 300.0)) is None
    closed = windows.update(reading(47, 7.0))
    pv = SignalSummary(PV_POWER, 0, 200, 100, 100, 100, 2)
    soc = SignalSummary(BATTERY_SOC, 1, 0, 0, 0, 0, 0, missing=1)
    assert closed == Summary(900_000, 900, [soc, pv])
    assert windows.value() == Summary(2_700_000, 900, [SignalSummary(PV_POWER, 0, 7, 0, 0, 0, 1)])


def test_a_window_without_anything_is_not_told() -> None:
    windows = Windows(60)
    assert windows.value() is None
    assert windows.update(reading(0)) is None
    assert windows.update(reading(1, 5.0)) is None


readings = st.lists(
    st.builds(
        reading,
        st.integers(0, 300),
        st.none() | st.floats(0, 1e5),
        st.none() | st.sampled_from([Quality.MISSING, Quality.STALE]),
    ),
    max_size=40,
).map(lambda some: sorted(some, key=lambda each: each.at_ms))


@given(readings, st.integers(0, 40))
def test_windows_go_on_after_a_restart(history: list[Reading], cut: int) -> None:
    straight = Windows(900)
    told = [straight.update(each) for each in history]
    before = Windows(900)
    split = [before.update(each) for each in history[:cut]]
    after = Windows.from_state(900, carried(before.state()))
    split += [after.update(each) for each in history[cut:]]
    assert split == told
    assert after.state() == straight.state()


def test_windows_of_another_length_start_anew() -> None:
    windows = Windows(900)
    windows.update(reading(1, 5.0))
    assert Windows.from_state(300, carried(windows.state())).value() is None


@given(st.lists(st.floats(0, 1e5), max_size=10), st.lists(st.floats(0, 1e5), max_size=10))
def test_halves_of_one_window_merge(first: list[float], second: list[float]) -> None:
    whole, left, right = Windows(900), Windows(900), Windows(900)
    for second_of_day, pv in enumerate(first + second):
        sample = reading(second_of_day / 60, pv)
        whole.update(sample)
        (left if second_of_day < len(first) else right).update(sample)
    left.merge(right)
    assert left.state() == whole.state()


def test_rows_are_summed_up_before_they_are_too_many() -> None:
    windows = Windows(3600)
    for second in range(3000):
        windows.update(Reading(second * 1000, {PV_POWER: float(second)}))
    assert windows.value() == Summary(0, 3600, [SignalSummary(PV_POWER, 0, 1500, 1500, 1499, 1499, 3000)])


def test_different_windows_do_not_merge() -> None:
    left, right = Windows(900), Windows(900)
    left.update(reading(1, 1.0))
    right.update(reading(20, 1.0))
    with pytest.raises(ValueError, match="not the same"):
        left.merge(right)


@given(
    st.lists(
        st.one_of(
            st.integers(-50, 50).map(lambda k: k / 10),
            st.floats(-1e9, 1e9),
            st.floats(allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_a_summary_at_one_go_is_that_of_a_window(xs: list[float]) -> None:
    window = SignalWindow()
    window.update_all(xs)
    for signal in (PV_POWER, WATER_PRESSURE, "some_other"):
        assert summary_of(signal, xs) == window.value(signal)
