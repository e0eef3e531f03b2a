"""What the other powers tell of the house: whether it answered, and whether the sun stood still."""

import pytest

from agent.domain.proof_house import answered, around, calm_sun
from agent.domain.proof_model import Channel
from agent.domain.proof_series import Row, SeenStep, Series
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER

ON, OFF, ROWS, KETTLE_W, LOSSES_W = 20, 40, 80, 2000.0, 40.0
EVERYTHING = frozenset({PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER})


def series_of(rows: list[Row]) -> Series:
    times = tuple(1500 * index for index in range(len(rows)))
    steps = (SeenStep(ON, KETTLE_W, None), SeenStep(OFF, -KETTLE_W, None))
    return Series(times, tuple(rows), steps, (Channel(),) * 4, False, EVERYTHING)


def home(
    *, house_by_itself: float = 0.0, sun_by_itself: float = 0.0, pv: float = 1500.0, battery_most: float = 9e9
) -> Series:
    """A battery takes what it can, the rest is the grid's; `…_by_itself` is what changes after the kettle was off.

    The solar meter keeps showing `pv`, whatever the sun does.
    """
    rows: list[Row] = []
    for index in range(ROWS):
        late = index >= OFF + 10
        house = 1000.0 + (house_by_itself if late else 0.0) + (KETTLE_W if ON <= index < OFF else 0.0)
        battery = max(-battery_most, pv + (sun_by_itself if late else 0.0) - house - LOSSES_W)
        losses = LOSSES_W + 0.02 * abs(battery)
        rows.append(
            (pv, house, battery - 0.02 * abs(battery), house + battery + losses - pv - (sun_by_itself if late else 0.0))
        )
    return series_of([(a, b, c, round(d) if abs(d) > 1 else 0.0) for a, b, c, d in rows])


@pytest.mark.parametrize(
    ("house", "sun", "calm"), [(0.0, 0.0, True), (77.0, 0.0, True), (0.0, 30.0, False), (77.0, 30.0, False)]
)
def test_a_house_that_changes_by_itself_does_not_move_the_sun(house: float, sun: float, calm: bool) -> None:
    assert calm_sun(home(house_by_itself=house, sun_by_itself=sun)) is calm


def test_a_night_is_not_calm_sun() -> None:
    assert not calm_sun(home(pv=0.0))


def test_every_step_that_the_battery_takes_is_answered() -> None:
    assert answered(home()) == 2
    rows = [(pv, None, max(battery, -1000.0), 0.0) for pv, _, battery, _ in home().rows]
    assert answered(series_of(rows)) == 0


def test_rows_beside_a_step_are_left_out() -> None:
    before, after = around(home(), SeenStep(ON, KETTLE_W, None))
    assert (max(before), min(after)) == (ON - 2, ON + 1)
    assert max(after) <= OFF - 2
