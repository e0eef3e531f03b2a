"""What the other powers tell of the house: how it answered to load steps, and whether the sun stood still meanwhile."""

from collections.abc import Sequence
from statistics import median
from typing import Final

from agent.domain.proof_series import COLUMN, Row, SeenStep, Series, at_rest, constant, resting_spread
from agent.domain.signals import PV_POWER

EFFICIENCY: Final = 0.96
METER: Final = 0.012
LIVELY: Final = 25.0
STEP_BAND: Final = 0.25
STEP_FLOOR_W: Final = 60.0
_BEFORE_MS: Final = 15_000
_AFTER_MS: Final = 22_000
# What a house changes by in some minutes in which nothing is switched.
_QUIET_W: Final = 10.0


def implied(rows: Sequence[Row]) -> list[float]:
    """The house's power as the other three tell it."""
    return [EFFICIENCY * (pv - battery) + grid for pv, _, battery, grid in rows]


def residual(row: Row) -> float:
    pv, load, battery, grid = row
    return pv + grid - (load or 0.0) - battery


def answered(series: Series) -> int:
    """To how many load steps the house, as the other powers tell it, changed by about their size."""
    house, count = implied(series.rows), 0
    for step in series.steps:
        before, after = ([house[i] for i in part] for part in around(series, step))
        missing = median(after) - median(before) - step.watts if before and after else 0.0
        count += abs(missing) <= abs(step.watts) * STEP_BAND + STEP_FLOOR_W
    return count


def around(series: Series, step: SeenStep) -> tuple[list[int], list[int]]:
    """Rows before and behind a step, without those that a poll in the middle of it may have torn."""
    at_ms = series.times[step.index]
    others = [other.index for other in series.steps if other.index != step.index]
    before = [
        i
        for i in range(max([0, *(o + 1 for o in others if o < step.index)]), step.index - 1)
        if at_ms - series.times[i] <= _BEFORE_MS
    ]
    end = min([len(series.times), *(o - 1 for o in others if o > step.index)])
    after = [i for i in range(step.index + 1, end) if series.times[i] - at_ms <= _AFTER_MS]
    return before, after


def calm_sun(series: Series) -> bool:
    """Whether solar power keeps a value above 0, and nothing says that it must have moved.

    Nobody switches the sun: at a clear noon, or at its limit, an inverter may not change by a watt. Had a stuck meter
    missed a change, what solar and grid leave over behind house and battery would have changed by it. Where nothing
    else than these tells of the house, it would seem to have changed by itself.
    """
    if PV_POWER not in series.present or constant(series, PV_POWER) is None or at_rest(series, PV_POWER):
        return False
    if series.channels[COLUMN[PV_POWER]].resolution >= LIVELY:
        return False
    lacking = [residual(row) for row in series.rows if row[1] is not None]
    by_itself = resting_spread(series.steps, implied(series.rows))
    if len(lacking) == len(series.rows) and max(lacking) - min(lacking) > _QUIET_W / 2:
        return resting_spread(series.steps, lacking) <= _QUIET_W / 2 + METER * by_itself
    return by_itself <= _QUIET_W
