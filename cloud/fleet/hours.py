"""From the days that show a fault to its hours: where the samples tell when it began and ended."""

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.cube import DAY_MS, Cube
from cloud.fleet.daily import FLOW, ROOM
from cloud.fleet.robust import Array, longest_run, median

# Flow this little (K) above the room carries no heat; a sensor that moves less than this (K) stands still.
NO_HEAT, STILL = 4.0, 0.06
# Hours that a condition may be interrupted (a single sample, a short gap) without ending.
BRIDGE_H = 6


def of(cube: Cube, row: int, fault: str, days: NDArray[np.int64]) -> tuple[int, int]:
    """Start and end (ms) of a fault on the days that show it; whole days where only days can tell.

    Begin and end lie at most a day outside of these days: a fault does not begin at midnight.
    """
    first, last = max(int(days[0]) - 1, 0), min(int(days[-1]) + 2, cube.days)
    whole = cube.start_ms + int(days[0]) * DAY_MS, cube.start_ms + (int(days[-1]) + 1) * DAY_MS
    values = cube.values[row, :, first:last].reshape(cube.values.shape[1], -1)
    if fault == "no_heat":
        holds = values[FLOW] - values[ROOM] < NO_HEAT
    elif fault == "room_sensor_stuck":
        inside = cube.values[row, ROOM, days].ravel()
        holds = np.abs(values[ROOM] - median(inside[None])[0]) < STILL
    else:
        return whole
    run = longest_run(_bridged(holds, values, BRIDGE_H * 60 // cube.step_min)[None])[0]
    if run[2] == 0:
        return whole
    step_ms, origin = cube.step_min * 60_000, cube.start_ms + first * DAY_MS
    return origin + int(run[0]) * step_ms, origin + int(run[1]) * step_ms


def _bridged(holds: NDArray[np.bool_], values: Array, width: int) -> NDArray[np.bool_]:
    """The condition with short interruptions filled, where it holds on both sides of them."""
    filled = holds.copy()
    places = np.flatnonzero(holds)
    for here, there in zip(places[:-1].tolist(), places[1:].tolist(), strict=True):
        known = np.isfinite(values[ROOM, here + 1 : there]).sum()
        if there - here <= width and known <= max(1, width // 6):
            filled[here:there] = True
    return filled
