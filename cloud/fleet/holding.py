"""Values that are sent on change, or at times of their own, hold until the next one: which fleets do so, and how long.

A fleet that fills most slots of its interval is left as it is: what is missing there is missing.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.cube import Cube
from cloud.fleet.robust import Array

# Share of its slots below which a signal of an installation does not come at the cube's interval; in a fleet in which
# many do so, one with more than this needs no holding.
FILLED, FULL = 0.6, 0.95
# Share of an installation's time in pauses up to its usual longest, and of the fleet's installations: longer silences
# are not how values come.
PAUSES, FLEET = 0.9, 0.9
# A value holds so many times the usual longest pause, and no longer than this.
LONGER, LONGEST_H = 1.5, 6
SAMPLE = 2000


def learn(block: Cube) -> Cube:
    """The cube with the slots that a value of each installation and signal holds for (0: for its own only)."""
    count, signals = block.values.shape[:2]
    flat = block.values.reshape(count, signals, -1)
    sample = slice(None, None, max(1, count // SAMPLE))
    irregular = np.isfinite(flat[sample]).mean(axis=2) < FILLED
    sent = np.isfinite(flat[sample]).any(axis=2)
    some = (irregular & sent).sum(axis=0) > (1 - FLEET) * np.maximum(sent.sum(axis=0), 1)
    if not some.any():
        return block
    pauses = np.ones((count, signals), dtype=np.float32)
    for signal in np.flatnonzero(some).tolist():
        seen = np.isfinite(flat[:, signal])
        for row in np.flatnonzero(seen.mean(axis=1) < FULL).tolist():
            pauses[row, signal] = _pause(seen[row])
    most = LONGEST_H * 60 // block.step_min
    usual = np.minimum(LONGER * np.quantile(pauses, FLEET, axis=0), most)
    held = np.where(pauses > 1, np.minimum(LONGER * pauses, usual), 0)
    return replace(block, hold=held.astype(np.int64))


def _pause(seen: NDArray[np.bool_]) -> float:
    """Slots from one value to the next, by time and not by number: a restless hour sends more than a calm night."""
    apart = np.sort(np.diff(np.flatnonzero(seen)))
    time = np.cumsum(apart)
    return float(apart[np.searchsorted(time, PAUSES * time[-1])]) if len(apart) else 1.0


def held(block: Cube) -> Cube:
    """The cube with each value held for as many slots as its `hold` says; the same one where nothing holds."""
    return block if block.hold is None else replace(block, values=carried(block.values, block.hold))


def carried(values: Array, hold: NDArray[np.int64]) -> Array:
    """Values (installation × signal × day × slot) with each one repeated in empty slots, `hold` of them at most."""
    flat = values.reshape(*values.shape[:2], -1).copy()
    where = np.arange(flat.shape[2])
    for row, signal in np.argwhere(hold > 0).tolist():
        series = flat[row, signal]
        last = np.maximum.accumulate(np.where(np.isfinite(series), where, -1))
        near = (last >= 0) & (where - last <= hold[row, signal])
        flat[row, signal] = np.where(near, series[np.maximum(last, 0)], np.float32(np.nan))
    return flat.reshape(values.shape)
