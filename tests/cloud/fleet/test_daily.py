import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.fleet import climate, daily, ripple
from cloud.fleet.daily import FLOW, OUT, ROOM


def values(days: int = 4, slots: int = 24) -> np.ndarray:
    hours = np.arange(days * slots) * 24 / slots
    out = 4 + 3 * np.sin(2 * np.pi * hours / 24)
    return np.stack([out, 20 + 0 * out, 40 - out]).reshape(1, 3, days, slots).astype(np.float32).repeat(3, axis=0)


def numbers(block: np.ndarray) -> daily.Daily:
    weather = climate.Climates(values(block.shape[2], block.shape[3])[:1, OUT], np.zeros(len(block), dtype=np.int64))
    return daily.of_fleet(block, weather)


def test_an_ordinary_day() -> None:
    found = numbers(values())
    assert np.allclose(found.cover, 1)
    assert np.allclose(found.off, 0)
    assert np.allclose(found.warm, 20)
    assert found.excess[0, 0] == pytest.approx(18.9, abs=0.3)
    assert (found.swing < 0.5).all()
    assert (found.line < 0.5).all()


def test_impossible_values_are_counted_and_left_out() -> None:
    block = values()
    block[0, OUT, 1, :6] = -273
    block[1, FLOW, 2] = 999
    found = numbers(block)
    assert found.impossible[0, 1, OUT] == pytest.approx(0.25)
    assert found.middle[0, 1, OUT] > -10
    assert np.isnan(found.middle[1, 2, FLOW])
    assert found.raw[1, 2, FLOW] == 999


def test_a_day_with_few_values_says_nothing() -> None:
    block = values()
    block[0, ROOM, 1, 5:] = np.nan
    found = numbers(block)
    assert np.isnan(found.warm[0, 1])
    assert np.isfinite(found.warm[0, 2])


@pytest.mark.parametrize("amplitude", [3.0, 8.0])
def test_a_sine_has_its_amplitude(amplitude: float) -> None:
    block = values(6)
    hours = np.arange(6 * 24)
    block[0, FLOW] += (amplitude * np.sin(2 * np.pi * hours / 3.1)).reshape(6, 24)
    found = numbers(block)
    assert np.median(found.line[0]) == pytest.approx(amplitude, rel=0.2)
    assert np.median(found.swing[0]) == pytest.approx(amplitude, rel=0.35)


@pytest.mark.parametrize(("lowered", "counts"), [(2.0, False), (0.0, True)])
def test_flow_that_comes_and_goes_while_the_room_is_let_down_is_no_swing(lowered: float, counts: bool) -> None:
    block = values(8, 96)
    night = (np.arange(96) < 24) | (np.arange(96) >= 64)
    block[0, FLOW, :, night] += 12 * np.sign(np.sin(2 * np.pi * np.arange(96) / 10))[night, None]
    block[0, ROOM, :, night] -= lowered
    found = numbers(block)
    assert (np.nanmedian(found.swing[0]) > 2.6) == counts
    assert (np.nanmedian(found.line[0]) > 2.6) == counts


def test_a_swing_by_day_counts_though_nights_do_not() -> None:
    block = values(8, 96)
    night = np.arange(96) < 32
    block[0, FLOW] += (5 * np.sin(2 * np.pi * np.arange(8 * 96) / 10)).reshape(8, 96)
    block[0, FLOW, :, night] = 24
    block[0, ROOM, :, night] -= 2
    found = numbers(block)
    assert np.nanmedian(found.swing[0]) == pytest.approx(5, rel=0.35)
    # Two thirds of the time, the edges left out.
    assert np.nanmedian(found.line[0]) == pytest.approx(5 * 2 / 3, rel=0.35)


def test_a_single_wrong_value_is_not_the_weathers() -> None:
    block, wrong = values(4, 96), values(4, 96)
    wrong[0, OUT, 1, 40:44] = 45.0
    clean, found = numbers(block), numbers(wrong)
    assert np.allclose(found.weather_block[0], clean.weather_block[0], atol=0.3)
    assert np.allclose(found.follow[0, 1] / found.follow[0, 1, 0], clean.follow[0, 1] / 96, atol=1.5)


def test_a_night_setback_is_no_swing() -> None:
    block = values(6)
    block[0, FLOW, :, :6] -= 12
    found = numbers(block)
    assert np.median(found.swing[0]) < 1.5
    assert np.median(found.line[0]) < 2.5


@given(st.integers(0, 23), st.floats(-9, 9, width=32))
def test_own_weather_is_believed_only_near_the_peers(hour: int, off: float) -> None:
    block = values()
    block[0, OUT] += np.float32(off)
    block[0, OUT, 0, hour] = np.nan
    found = numbers(block)
    own = abs(off) < daily.TRUSTED - 0.5
    if own or abs(off) > daily.TRUSTED + 0.5:
        expected = values()[0, OUT].reshape(4, 4, 6).mean(axis=2) + (off if own else 0)
        assert np.abs(found.weather_block[0, 1:] - expected[1:]).max() < 0.01


def test_a_moving_mean_leaves_gaps_out() -> None:
    series = np.array([[1.0, np.nan, 3.0, 5.0, np.nan, np.nan, np.nan]], dtype=np.float32)
    found = ripple.moving_mean(series, 3)[0]
    assert found[2] == 4
    assert np.isnan(found[[5, 6]]).all()
