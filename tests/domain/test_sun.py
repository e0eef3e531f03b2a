"""The sun stands where a reference library says."""

import math

import pandas as pd
import pvlib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.sun import Height, elevation, position

PLACES = [(47.61, -122.33), (52.52, 13.40), (0.0, 0.0), (-33.87, 151.21), (69.65, 18.96), (-54.8, -68.3), (27.7, 85.3)]


@pytest.mark.parametrize("place", PLACES)
def test_a_tenth_of_a_degree_against_pvlib(place: tuple[float, float]) -> None:
    times = pd.date_range("2019-01-01", "2031-01-01", freq="2777min", tz="UTC")
    reference = pvlib.solarposition.get_solarposition(times, *place)
    height = Height(*place)
    for instant, high, azimuth in zip(times, reference["elevation"], reference["azimuth"], strict=True):
        at_ms = int(instant.timestamp() * 1000)
        ours, ours_azimuth = position(at_ms, *place)
        assert abs(ours - high) < 0.1
        assert abs(elevation(at_ms, *place) - ours) < 1e-9
        assert abs(math.degrees(math.asin(height.sine(at_ms))) - high) < 0.1
        # Near the zenith the azimuth means little: compare along the sky.
        turned = (ours_azimuth - azimuth + 180) % 360 - 180
        assert abs(turned) * math.cos(math.radians(high)) < 0.1


@given(st.integers(-(10**12), 4 * 10**12), st.floats(-90, 90), st.floats(-180, 180))
def test_any_time_and_place_has_an_answer(at_ms: int, latitude: float, longitude: float) -> None:
    high, azimuth = position(at_ms, latitude, longitude)
    assert -90 <= high <= 90
    assert 0 <= azimuth < 360
