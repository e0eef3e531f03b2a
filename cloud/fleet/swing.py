"""Hunting and short cycling told apart by the spectrum of flow: one slow line, or fast and irregular.

A controller that hunts swings with a period of its loop (hours or most of one) and shows one narrow line. A boiler that
cycles starts several times an hour: faster than the samples, so that its line folds down or spreads.
"""

from dataclasses import dataclass

import numpy as np

from cloud.fleet.daily import moving_mean
from cloud.fleet.robust import Array, Floats

WINDOW_DAYS = 2
# A line holds this share of the power or more; noise stays below.
LINE_SHARE = 0.45
# Periods up to this (or next to the shortest that can be seen) are those of starts, not of a control loop.
CYCLING_MIN = 50.0
NEAR_SHORTEST = 1.02


@dataclass(frozen=True, slots=True)
class Swing:
    """`period_min` of the strongest line, the share of the power it holds, and the fault that this is."""

    period_min: float
    line: float
    fault: str


def kind(flow: Array, step_min: int) -> Swing:
    """What swings in `flow` (days × slots)."""
    frequency, power = _spectrum(flow, step_min)
    peak = int(power.argmax())
    near = slice(max(peak - 2, 0), peak + 3)
    line = float(power[near].sum() / max(power.sum(), 1e-9))
    period = float(1 / max((frequency[near] * power[near]).sum() / max(power[near].sum(), 1e-9), 1e-6))
    fast = period <= max(CYCLING_MIN, 2 * step_min * NEAR_SHORTEST)
    return Swing(period, line, "short_cycling" if fast or line < LINE_SHARE else "hunting")


def _spectrum(flow: Array, step_min: int) -> tuple[Floats, Floats]:
    """Frequencies (1/min) and power, Hann windows of two days averaged by the median."""
    series = flow.reshape(1, -1)
    width = max(3, round(6 * 60 / step_min) | 1)
    away = (series - moving_mean(series, width))[0]
    away = np.nan_to_num(away - np.nanmean(away)) if np.isfinite(away).any() else np.zeros(len(away))
    size = min(WINDOW_DAYS * 1440 // step_min, len(away))
    starts = range(0, len(away) - size + 1, max(size // 2, 1))
    windows = np.stack([away[first : first + size] for first in starts]) * np.hanning(size)
    power = np.median(np.abs(np.fft.rfft(windows, axis=1)) ** 2, axis=0)
    frequency = np.fft.rfftfreq(size, step_min)
    slow = frequency < 1 / (10 * 60)
    return np.asarray(frequency[~slow], dtype=np.float64), np.asarray(power[~slow], dtype=np.float64)
