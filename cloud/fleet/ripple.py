"""How much flow swings around its own mean of some hours, day by day: in any way, and like a sine."""

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.robust import Array, median

SPAN_H = 4
LINE_SPAN_H = 6
LINE_LONGEST_H = 5
LINE_PURE = 0.6
# Excursions count up to so many times the day's median one (at least so many K) when the mean is taken.
MOST, LEAST = 3.0, 1.0
ROUNDS = 2
# Least share of a day's slots with which the day is judged.
LEAST_SHARE = 0.3


def away(flow: Array, span_h: int = SPAN_H) -> Array:
    """A signal (installation × day × slot) less its centred mean of `span_h` hours.

    Hot water that is made in between must not lift the mean of the hours around it: excursions are cut before the mean
    is taken again.
    """
    slots = flow.shape[2]
    series = flow.reshape(len(flow), -1)
    width = max(3, slots * span_h // 24 | 1)
    around = moving_mean(series, width)
    for _ in range(ROUNDS):
        apart = (series - around).reshape(flow.shape)
        most = np.maximum(np.float32(MOST) * median(np.abs(apart)), np.float32(LEAST))[..., None]
        cut = np.clip(apart, -most, most).reshape(series.shape) + around
        around = moving_mean(cut, width)
    return np.asarray((series - around).reshape(flow.shape))


def amplitude(apart: Array) -> Array:
    """The usual distance (installation × day) of a signal from its own mean of hours, as the amplitude of a sine.

    The median over the day leaves out the steps of a night setback and the charging of hot water, which are few.
    """
    return median(np.abs(apart)) * np.float32(np.sqrt(2.0))


def coherence(flow: Array, room: Array) -> Array:
    """How far the room's ups and downs (less its mean of hours) go with those of flow: 0 to 1, by installation.

    The room follows late, so that both its level and its change are compared; these two hardly share anything.
    """
    change = np.diff(room.reshape(len(room), -1), axis=1, prepend=np.nan)
    change = change + np.roll(change, -1, axis=1)
    change[:, -1] = np.nan
    level = _correlation(flow.reshape(change.shape), room.reshape(change.shape))
    both = np.hypot(level, _correlation(flow.reshape(change.shape), change))
    return np.minimum(both, 1).astype(np.float32)


def _correlation(x: Array, y: Array) -> Array:
    """Of each row, what is far from usual cut to four standard deviations; 0 where nothing moves."""
    good = np.isfinite(x) & np.isfinite(y)
    count = np.maximum(good.sum(axis=1), 1)[:, None]
    parts = []
    for part in (x, y):
        centred = np.where(good, part, 0)
        centred = np.where(good, centred - centred.sum(axis=1, keepdims=True) / count, 0)
        most = 4 * np.sqrt((centred**2).sum(axis=1, keepdims=True) / count)
        parts.append(np.clip(centred, -most, most))
    a, b = parts
    return np.asarray((a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1) + 1e-9))


def line(flow: Array, judged: NDArray[np.bool_]) -> Array:
    """The amplitude of the strongest line in the spectrum (Hann window) of each day with the next one.

    `judged`: the slots that count. The others count as quiet, so that what is left of a schedule's steps is not raised.

    A sine of amplitude A and length N gives |X|² of A²N²/16 in its bin and a quarter of that beside it. A line that
    does not hold most of the power is worth less: noise and boilers that switch on and off have many.
    """
    count, days, slots = flow.shape
    if days < 2:
        return np.full((count, days), np.nan, dtype=np.float32)
    apart = np.where(judged, np.nan_to_num(away(flow, LINE_SPAN_H)), np.float32(0)).reshape(count, -1)
    size = 2 * slots
    windows = np.lib.stride_tricks.sliding_window_view(apart, size, axis=1)[:, ::slots]
    spectrum = np.fft.rfft(windows * np.hanning(size).astype(np.float32), axis=2)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    lines = power[..., 1:-1] + power[..., :-2] + power[..., 2:]
    strongest = lines[..., 48 // LINE_LONGEST_H - 1 :].max(axis=2)
    purity = np.minimum(strongest / np.maximum(power.sum(axis=2), 1e-6) / LINE_PURE, 1)
    strongest = np.sqrt(strongest * (32 / 3)) / size * purity
    found = np.concatenate([strongest, strongest[:, -1:]], axis=1).astype(np.float32)
    found[np.isfinite(flow).mean(axis=2) < LEAST_SHARE] = np.nan
    return found


def moving_mean(series: Array, width: int) -> Array:
    """The centred mean of `width` values (odd) of each row, NaN left out; NaN where fewer than half are known."""
    good = np.isfinite(series)
    half = width // 2
    totals = _window_sums(np.where(good, series, 0).astype(np.float64), half)
    counts = _window_sums(good.astype(np.float64), half)
    return np.where(counts > half, totals / np.maximum(counts, 1), np.nan).astype(np.float32)


def _window_sums(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    sums = np.cumsum(np.pad(values, ((0, 0), (half + 1, half))), axis=1)
    return np.asarray(sums[:, 2 * half + 1 :] - sums[:, : -(2 * half + 1)])
