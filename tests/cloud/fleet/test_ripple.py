"""How much flow swings, with hot water made in between, and whether the room follows."""

import numpy as np
import pytest

from cloud.fleet import ripple

SLOTS = 96
HOURS = np.arange(6 * SLOTS) / 4


def shaped(series: np.ndarray) -> np.ndarray:
    return series.reshape(1, -1, SLOTS).astype(np.float32)


def test_hot_water_does_not_hide_a_swing_nor_make_one() -> None:
    tap = 25.0 * (HOURS % 8 < 0.5)
    still = ripple.amplitude(ripple.away(shaped(40 + tap)))
    assert np.nanmax(still) < 1.2
    swings = ripple.amplitude(ripple.away(shaped(40 + tap + 5 * np.sin(2 * np.pi * HOURS / 2))))
    assert np.nanmedian(swings) == pytest.approx(5, rel=0.25)


def test_a_room_that_follows_and_one_that_does_not() -> None:
    rng = np.random.default_rng(1)
    flow = 10 * np.sign(np.sin(2 * np.pi * HOURS / 2.5))
    room = np.cumsum(flow - flow.mean()) * 0.01
    noise = rng.normal(0, 0.05, room.shape)
    follows = ripple.coherence(shaped(flow), shaped(room - room.mean() + noise))
    alone = ripple.coherence(shaped(flow), shaped(rng.normal(0, 0.2, room.shape)))
    assert follows[0] > 0.7
    assert alone[0] < 0.15
    assert ripple.coherence(shaped(flow), shaped(np.full(room.shape, np.nan)))[0] == 0
