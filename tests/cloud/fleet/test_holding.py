"""Values that hold until the next one, where a fleet sends on change."""

from dataclasses import replace

import numpy as np
import pytest

from cloud.fleet import cube, holding
from cloud.fleet.cube import Cube
from cloud.fleet.daily import HEATING
from tests.helpers import heating_fleet, heating_fleet_fourth


def block(rows: int = 20, seed: int = 1) -> Cube:
    values = np.random.default_rng(seed).normal(20, 3, (rows, 3, 4, 96)).astype(np.float32)
    return Cube([f"{row:03d}" for row in range(rows)], HEATING, 0, 15, values)


def with_every(made: Cube, slots: int) -> Cube:
    kept = np.zeros(4 * 96, dtype=bool)
    kept[::slots] = True
    return replace(made, values=np.where(kept.reshape(4, 96), made.values, np.nan).astype(np.float32))


def test_what_comes_at_its_interval_is_left_as_it_is() -> None:
    made = block()
    made.values[np.random.default_rng(2).random(made.values.shape) < 0.1] = np.nan
    made.values[3] = with_every(made, 8).values[3]  # one that sends little is no kind of sending
    assert holding.learn(made) is made
    assert holding.held(made) is made


def test_a_value_holds_until_the_next_one_and_not_beyond_the_usual_pause() -> None:
    full, made = block(), with_every(block(), 4)
    made.values[0, :, 1] = np.nan  # a day is lost
    found = holding.held(holding.learn(made)).values
    assert np.array_equal(found[1:, :, :, ::4], full.values[1:, :, :, ::4])
    assert np.array_equal(found[1:], np.repeat(full.values[1:, :, :, ::4], 4, axis=3))
    lost = np.isnan(found[0].reshape(3, -1)).sum(axis=1)
    assert (lost >= 96 - 8).all()
    assert (lost <= 96).all()
    assert np.isnan(made.values[1, 0, 0, 1])  # the cube that was given is as it was


def test_slow_senders_among_fast_ones_are_seen() -> None:
    made = block()
    made.values[:8] = with_every(made, 4).values[:8]
    found = holding.learn(made)
    assert found.hold is not None
    assert (found.hold[:8] >= 4).all()
    assert (found.hold[8:] == 0).all()


@pytest.mark.parametrize("way", ["own times", "on change"])
def test_a_fleet_that_sends_so_is_covered(way: str) -> None:
    fleet = heating_fleet_fourth.make(40, 3, days=7, reporting=way)
    raw = cube.from_frame(fleet.frame().lazy(), HEATING)
    assert np.isfinite(raw.values).mean() < 0.6
    assert np.isfinite(holding.held(holding.learn(raw)).values).mean() > 0.85


def test_an_hourly_fleet_needs_none() -> None:
    raw = cube.from_frame(heating_fleet.make(30, 4, days=5).frame().lazy(), HEATING)
    assert holding.learn(raw).hold is None
