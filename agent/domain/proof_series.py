"""The powers of a trial side by side, and when the load really changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Final

from agent.domain.proof_model import POWERS, Channel, LoadStep, Trial
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, SignalName

Row = tuple[float, float | None, float, float]
"""Solar, house (None where unknown), battery and grid power of one instant, W."""

COLUMN: Final = {PV_POWER: 0, LOAD_POWER: 1, BATTERY_POWER: 2, GRID_POWER: 3}
_MOST: Final = 160
_FEW: Final = 12
# A person announces a step up to so much after it or before it.
_EARLIER_MS: Final = 12_000
_LATER_MS: Final = 7_000


@dataclass(frozen=True, slots=True)
class SeenStep:
    """A load step at its place: `index` is the first row that can show it."""

    index: int
    watts: float
    phase: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """Rows in time, the steps among them, and how finely each column counts."""

    times: tuple[int, ...]
    rows: tuple[Row, ...]
    steps: tuple[SeenStep, ...]
    channels: tuple[Channel, ...]
    follows: bool
    present: frozenset[SignalName]

    @property
    def measures_load(self) -> bool:
        return LOAD_POWER in self.present


def series_of(trial: Trial) -> Series | None:
    """The trial as rows, or None without grid power: then there is no balance.

    A home may lack solar or battery: what no reading has counts as 0. A row with a gap is left out.
    """
    seen = {name for reading in trial.readings for name in POWERS if name in reading.values}
    if GRID_POWER not in seen:
        return None
    needed = seen - {LOAD_POWER}
    good = [reading for reading in trial.readings if needed <= reading.values.keys()]
    good = good[:: max(1, len(good) // _MOST)]
    times = tuple(reading.at_ms for reading in good)
    rows = tuple(
        (
            reading.values.get(PV_POWER, 0.0),
            reading.values.get(LOAD_POWER),
            reading.values.get(BATTERY_POWER, 0.0),
            reading.values[GRID_POWER],
        )
        for reading in good
    )
    channels = tuple(trial.channels.get(name, Channel()) for name in COLUMN)
    return Series(
        times, rows, _seen_steps(times, rows, trial.steps), channels, trial.load_follows_grid, frozenset(seen)
    )


def constant(series: Series, name: SignalName) -> float | None:
    """The value that a column keeps to the last digit, or None: what is alive moves by a digit at least."""
    values = [value for row in series.rows if (value := row[COLUMN[name]]) is not None]
    if len(values) < _FEW or max(values) - min(values) > 0.5 * series.channels[COLUMN[name]].resolution:
        return None
    return median(values)


def at_rest(series: Series, name: SignalName) -> bool:
    """Whether a column stays at 0."""
    value = constant(series, name)
    return value is not None and abs(value) <= series.channels[COLUMN[name]].resolution


def resting_spread(steps: Sequence[SeenStep], values: Sequence[float]) -> float:
    """How far values lie apart between the stretches in which no load is switched on, each by its median.

    Rows beside a step may be torn and are left out.
    """
    torn = {step.index + near for step in steps for near in (-1, 0, 1)}
    marks = [0, *(step.index for step in steps), len(values)]
    levels, on = [], 0.0
    for watts, (start, end) in zip((0.0, *(step.watts for step in steps)), pairwise(marks), strict=True):
        on += watts
        stretch = [values[i] for i in range(start, end) if i not in torn]
        if on == 0.0 and stretch:
            levels.append(median(stretch))
    return max(levels) - min(levels) if levels else 0.0


def _seen_steps(times: Sequence[int], rows: Sequence[Row], steps: Sequence[LoadStep]) -> tuple[SeenStep, ...]:
    changes = _changes(rows)
    found = []
    for step in steps:
        window = [i for i in range(1, len(times)) if step.at_ms - _EARLIER_MS <= times[i] <= step.at_ms + _LATER_MS]
        if window:
            found.append(SeenStep(max(window, key=changes.__getitem__), step.watts, step.phase))
    return tuple(found)


def _changes(rows: Sequence[Row]) -> list[float]:
    """How much the meters jump from row to row, each against its own largest jump."""
    total = [0.0] * len(rows)
    for column in (1, 2, 3):
        jumps = [0.0]
        for before, after in pairwise(rows):
            one, two = before[column], after[column]
            jumps.append(0.0 if one is None or two is None else abs(two - one))
        most = max(jumps)
        if most > 0:
            total = [old + jump / most for old, jump in zip(total, jumps, strict=True)]
    return total


def mean(values: Sequence[float]) -> float:
    """0 of nothing."""
    return fmean(values) if values else 0.0
