"""Hunting and short cycling told apart: a slow swing that comes again, or jumps that are fast and irregular.

A controller that hunts swings with a period of its loop (hours or most of one), so that flow correlates with itself a
period later. A boiler that cycles starts several times an hour, faster than the samples: what they catch is chance.
"""

from dataclasses import dataclass

import numpy as np

from cloud.fleet.ripple import moving_mean
from cloud.fleet.robust import Array, Floats

WINDOW_DAYS = 2
SPAN_H = 6
# Excursions count up to this many times the median one.
MOST = 3.0
# A swing that comes again after its period correlates with itself by this much or more; chance stays below.
AGAIN = 0.28
# Periods up to this (or next to the shortest that can be seen) are those of starts, not of a control loop.
CYCLING_MIN = 50.0
NEAR_SHORTEST = 1.02
# Periods (min, samples) up to which a swing between two values is that of starts seen too seldom; kurtosis of such.
ALIASED_MIN, ALIASED, TWO_LEVELS = 75.0, 5.0, 1.25


@dataclass(frozen=True, slots=True)
class Swing:
    """`period_min` of the strongest line, how well flow correlates with itself a period later, and what fault it is."""

    period_min: float
    again: float
    fault: str


def kind(flow: Array, step_min: int) -> Swing:
    """What swings in `flow` (days × slots)."""
    series = flow.reshape(1, -1)
    away = (series - moving_mean(series, max(3, round(SPAN_H * 60 / step_min) | 1)))[0].astype(np.float64)
    away = np.where(np.isfinite(away), away - np.nanmean(away) if np.isfinite(away).any() else 0.0, 0.0)
    # Tap water and setbacks tower over the swing, but are few.
    most = MOST * float(np.median(np.abs(away)))
    away = np.clip(away, -most, most) if most > 0 else away
    frequency, power = _spectrum(away, step_min)
    peak = int(power.argmax())
    near = slice(max(peak - 1, 0), peak + 2)
    period = float(1 / max((frequency[near] * power[near]).sum() / max(power[near].sum(), 1e-9), 1e-6))
    again = _again(away, period / step_min)
    # Starts that are seen at every fourth sample or so: a slow line by its period, but one that knows two values only.
    seldom = period <= max(ALIASED_MIN, ALIASED * step_min) and _levels(away) < TWO_LEVELS
    fast = period <= max(CYCLING_MIN, 2 * step_min * NEAR_SHORTEST) or seldom
    return Swing(period, again, "short_cycling" if fast or again < AGAIN else "hunting")


def _again(away: Floats, period: float) -> float:
    """The highest autocorrelation at a lag near one or two periods (in slots): a period need not be whole slots."""
    energy = float((away * away).sum())
    near = {lag for times in (1, 2) for lag in range(int(times * period) - 1, int(np.ceil(times * period)) + 2)}
    lags = sorted(lag for lag in near if 2 <= lag < len(away))
    return max((float((away[lag:] * away[:-lag]).sum()) / max(energy, 1e-9) for lag in lags), default=0.0)


def _levels(away: Floats) -> float:
    """The kurtosis: 1 for a swing between two values, 1.5 for a sine, 3 for noise."""
    square = away * away
    return float((square * square).mean() / max(float(square.mean()) ** 2, 1e-12))


def _spectrum(away: Floats, step_min: int) -> tuple[Floats, Floats]:
    """Frequencies (1/min) and power, Hann windows of two days averaged by the median."""
    size = min(WINDOW_DAYS * 1440 // step_min, len(away))
    starts = range(0, len(away) - size + 1, max(size // 2, 1))
    windows = np.stack([away[first : first + size] for first in starts]) * np.hanning(size)
    power = np.median(np.abs(np.fft.rfft(windows, axis=1)) ** 2, axis=0)
    frequency = np.fft.rfftfreq(size, step_min)
    fast = frequency >= 1 / (10 * 60)
    return np.asarray(frequency[fast], dtype=np.float64), np.asarray(power[fast], dtype=np.float64)
