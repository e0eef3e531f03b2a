"""Arrays say what the agent's own sun says, everywhere and at any time."""

from math import radians, sin

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.sun import Height
from cloud.fleet.equipment_sun import is_up

places = st.tuples(st.floats(-89, 89), st.floats(-180, 180))


@given(st.lists(places, min_size=1, max_size=3), st.integers(0, 2_000_000_000), st.sampled_from([5.0, 15.0, 40.0]))
@settings(max_examples=150, deadline=None)
def test_equals_the_agents_sun(where: list[tuple[float, float]], start_s: int, least: float) -> None:
    times = start_s * 1000 + np.arange(2 * 288) * 300_000
    number = np.repeat(np.arange(len(where)), len(times))
    at_ms = np.tile(times, len(where))
    latitude, longitude = (np.array(column) for column in zip(*where, strict=True))
    expected = [
        height.sine(at) >= sin(radians(least))
        for height in (Height(*place) for place in where)
        for at in times.tolist()
    ]
    assert is_up(at_ms, number.astype(np.int32), latitude, longitude, least).tolist() == expected


def test_no_samples_are_no_answers() -> None:
    none, place = np.zeros(0, dtype=np.int64), np.zeros(1)
    assert is_up(none, none.astype(np.int32), place, place, 15.0).tolist() == []
