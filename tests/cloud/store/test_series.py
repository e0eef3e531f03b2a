"""Summaries joined to steps."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.ports import SeriesPoint
from cloud.store.series import Window, join, without_doubles

QUARTER = 900


def window(number: int, mean: float | None = 10.0, *, n: int = 90, bad: int = 0, window_s: int = QUARTER) -> Window:
    known = mean is not None
    low, high = (mean - 1, mean + 1) if mean is not None else (None, None)
    return Window(number * QUARTER * 1000, window_s, mean, low, high, mean, n if known else 0, bad)


def test_a_step_weighs_its_windows_by_good_samples() -> None:
    points = join([window(1, 20.0, n=30, bad=60), window(0, 10.0, n=90)], 1800)
    assert points == [SeriesPoint(0, 12.5, 9.0, 21.0, 20.0, 120, 60)]


def test_a_step_without_good_samples_has_no_values() -> None:
    assert join([window(0, None, bad=90)], QUARTER) == [SeriesPoint(0, None, None, None, None, 0, 90)]


def test_finer_windows_count_before_the_joined_one() -> None:
    fine = [window(number) for number in range(4)]
    joined = window(0, window_s=3600, n=360)
    assert without_doubles([joined, *fine]) == fine
    assert without_doubles([joined, *fine[1:]]) == [joined]
    assert without_doubles([joined, window(4)]) == [joined, window(4)]


@given(st.lists(st.integers(0, 200), unique=True), st.sampled_from([900, 1800, 3600, 86_400]))
def test_no_sample_is_lost_or_counted_twice(numbers: list[int], step_s: int) -> None:
    points = join([window(number) for number in numbers], step_s)
    assert sum(point.n for point in points) == 90 * len(numbers)
    assert [point.start_ms for point in points] == sorted(
        {n * 900_000 // (step_s * 1000) * step_s * 1000 for n in numbers}
    )
