from dataclasses import replace

import numpy as np
import pytest

from cloud.fleet import cube, hours
from cloud.fleet.daily import FLOW, HEATING, ROOM

HOUR = 3_600_000


@pytest.fixture
def block() -> cube.Cube:
    rng = np.random.default_rng(1)
    values = np.array([4.0, 20.0, 45.0])[None, :, None, None] + rng.normal(0, 0.3, (2, 3, 8, 24))
    return cube.Cube(["a", "b"], HEATING, 0, 60, values.astype(np.float32))


def changed(block: cube.Cube, signal: int, begin: int, end: int, value: float) -> cube.Cube:
    flat = block.values.copy().reshape(2, 3, -1)
    flat[0, signal, begin:end] = value
    return replace(block, values=flat.reshape(block.values.shape))


def test_a_boiler_that_stops_at_17_h(block: cube.Cube) -> None:
    broken = changed(block, FLOW, 65, 160, 20.5)
    broken.values[0, FLOW, 4, 3] = np.nan
    broken.values[0, ROOM, 4, 3] = np.nan
    assert hours.of(broken, 0, "no_heat", np.arange(3, 6)) == (65 * HOUR, 160 * HOUR)


def test_a_sensor_that_stops_to_move(block: cube.Cube) -> None:
    broken = changed(block, ROOM, 50, 192, 21.5)
    assert hours.of(broken, 0, "room_sensor_stuck", np.arange(3, 8)) == (50 * HOUR, 192 * HOUR)


def test_whole_days_where_only_days_can_tell(block: cube.Cube) -> None:
    assert hours.of(block, 0, "flat_heating_curve", np.arange(2, 5)) == (48 * HOUR, 120 * HOUR)
    assert hours.of(block, 0, "no_heat", np.arange(2, 5)) == (48 * HOUR, 120 * HOUR)
