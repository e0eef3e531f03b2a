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
