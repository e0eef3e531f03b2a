"""Medians and quantiles over arrays with gaps, and what is built on them. Fast where `numpy.nanpercentile` is not."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

# Median absolute deviation to standard deviation of a normal distribution.
TO_SIGMA = 1.4826


def quantiles(values: NDArray[np.floating], *shares: float) -> list[Array]:
    """Quantiles along the last axis, NaN left out; NaN where nothing is left. The nearest element is taken.

    >>> [float(q[0]) for q in quantiles(np.array([[3.0, np.nan, 1.0, 2.0]]), 0, 0.5, 1)]
    [1.0, 2.0, 3.0]
    """
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(ordered).sum(axis=-1)
    last = np.maximum(count - 1, 0)
    found = []
    for share in shares:
        place = np.rint(last * share).astype(np.int64)
        picked = np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]
        found.append(np.where(count > 0, picked, np.nan).astype(np.float32))
    return found


def median(values: NDArray[np.floating]) -> Array:
    """The median along the last axis, NaN left out."""
    return quantiles(values, 0.5)[0]


def centre_and_spread(values: NDArray[np.floating]) -> tuple[float, float]:
    """Median and MAD (as a standard deviation) of all finite values; (0, 0) where there is none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 0.0
    centre = float(np.median(finite))
    return centre, TO_SIGMA * float(np.median(np.abs(finite - centre)))


def mean(values: NDArray[np.floating], least: int = 1) -> Array:
    """The mean along the last axis, NaN left out; NaN where fewer than `least` values are."""
    good = np.isfinite(values)
    count = good.sum(axis=-1)
    total = np.where(good, values, 0).sum(axis=-1, dtype=np.float32)
    return np.where(count >= least, total / np.maximum(count, 1), np.nan).astype(np.float32)


def spread(values: Array) -> Array:
    """The standard deviation along the last axis, NaN left out."""
    centred = values - mean(values)[..., None]
    return np.sqrt(mean(centred * centred)).astype(np.float32)


def rolling_median(values: Array, width: int) -> Array:
    """The median over `width` days ending at each; NaN where fewer than half of them (and two) are known.

    For `width` 2 it is the lesser of both: the array's nearest lower element.
    """
    if width <= 1 or values.shape[1] < width:
        return values if width <= 1 else np.full_like(values, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=1)
    ordered = np.sort(windows, axis=-1)
    count = np.isfinite(windows).sum(axis=-1)
    place = np.maximum(count - 1, 0) // 2
    picked = np.take_along_axis(ordered, place[..., None], axis=-1)[..., 0]
    out = np.full_like(values, np.nan)
    out[:, width - 1 :] = np.where(count >= max(2, (width + 1) // 2), picked, np.nan)
    return out


def highest(values: Array) -> Array:
    """The greatest of each row, −inf where a row is all NaN."""
    return np.asarray(np.where(np.isfinite(values), values, -np.inf).max(axis=1), dtype=np.float32)


def longest_run(missing: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First, end and length of the longest run of True in each row."""
    count, width = missing.shape
    where = np.arange(width)
    last_seen = np.maximum.accumulate(np.where(missing, -1, where), axis=1)
    length = np.where(missing, where - last_seen, 0)
    end = length.argmax(axis=1)
    longest = length[np.arange(count), end]
    return np.stack([end - longest + 1, end + 1, longest], axis=1)
