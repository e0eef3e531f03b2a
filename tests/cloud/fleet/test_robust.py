import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cloud.fleet.robust import longest_run, mean, median, quantiles, rolling_median, spread

gappy = arrays(np.float64, (3, 7), elements=st.one_of(st.floats(-50, 50, width=32), st.just(np.nan)))


@given(gappy)
def test_means_and_spreads_leave_gaps_out(values: np.ndarray) -> None:
    for row, found, wide in zip(values, mean(values), spread(values.astype(np.float32)), strict=True):
        good = row[np.isfinite(row)]
        assert np.isnan(found) == (len(good) == 0)
        if len(good):
            assert abs(found - good.mean()) < 1e-3
            assert abs(wide - good.std()) < 1e-2


@given(gappy)
def test_quantiles_are_elements_in_order(values: np.ndarray) -> None:
    low, mid, high = quantiles(values, 0.0, 0.5, 1.0)
    for row, *found in zip(values, low, mid, high, strict=True):
        good = np.sort(row[np.isfinite(row)]).astype(np.float32)
        if len(good):
            assert found[0] == good[0]
            assert found[2] == good[-1]
            assert found[1] in good
            if len(good) % 2:
                assert found[1] == good[len(good) // 2]
        else:
            assert np.isnan(found).all()


def test_a_rolling_median_needs_half_its_days() -> None:
    values = np.array([[1, 2, 3, np.nan, np.nan, np.nan, 9, 9]], dtype=np.float32)
    found = rolling_median(values, 3)[0]
    assert np.isnan(found[[0, 1, 4, 5, 6]]).all()
    assert found[[2, 3, 7]].tolist() == [2, 2, 9]


def test_over_two_days_the_lesser_counts() -> None:
    assert rolling_median(np.array([[5, 1, 4]], dtype=np.float32), 2)[0, 1:].tolist() == [1, 1]


@given(arrays(np.bool_, (2, 12)))
def test_longest_run(missing: np.ndarray) -> None:
    for row, (first, end, length) in zip(missing, longest_run(missing).tolist(), strict=True):
        runs = "".join("x" if each else " " for each in row).split()
        assert length == max(map(len, runs), default=0)
        if length:
            assert row[first:end].all()
            assert end - first == length


def test_the_median_of_nothing_is_nan() -> None:
    assert np.isnan(median(np.full((2, 3), np.nan))).all()
