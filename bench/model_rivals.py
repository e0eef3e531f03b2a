"""The plain alternatives to the learned model, each with a score a day for a whole site; all learn as they go.

Their limits are set afterwards on the very sites they are judged on, so that they have no more than the allowed false
findings: the best that anybody could have tuned them to.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from cloud.training.sites import SiteFrames

Array = npt.NDArray[np.float64]
PER_DAY: Final = 96
LEARN_DAYS: Final = 60
Score = Callable[[SiteFrames], Array]


def _table(site: SiteFrames) -> Array:
    """Frames by signals that move, as they are."""
    columns = [values for values in site.signals.values() if float(np.std(values)) > 1e-9]
    days = site.frames // PER_DAY
    return np.stack(columns, axis=1)[: days * PER_DAY]


def _daily(values: Array) -> Array:
    return np.asarray(values.reshape(-1, PER_DAY, *values.shape[1:]).mean(axis=1))


def ewma(site: SiteFrames) -> Array:
    """Each signal's daily mean against its own fading mean and spread, the largest z-score."""
    daily = _daily(_table(site))
    mean, square, scores = daily[0].copy(), np.full(daily.shape[1], 1e-6), []
    for number, row in enumerate(daily):
        rate = 1.0 / min(number + 1, 30)
        scores.append(float(np.max(np.abs(row - mean) / np.sqrt(square + 1e-9))) if number > 3 else 0.0)
        square += rate * ((row - mean) ** 2 - square)
        mean += rate * (row - mean)
    return np.array(scores)


def by_hour(site: SiteFrames) -> Array:
    """Frames against mean and spread of their hour in the first two months; the largest mean of a signal."""
    table = _table(site)
    hours = (np.arange(len(table)) % PER_DAY) // 4
    known = table[: LEARN_DAYS * PER_DAY]
    z = np.zeros_like(table)
    for hour in range(24):
        rows = known[hours[: len(known)] == hour]
        z[hours == hour] = (table[hours == hour] - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-6)
    return np.asarray(np.abs(_daily(z)).max(axis=1))


def pca(site: SiteFrames) -> Array:
    """Squared residual outside the components that hold 95 % of the first two months' variance, the day's mean."""
    table = _table(site)
    before = np.concatenate([table[:1], table[:-1]])
    both = np.concatenate([table, before], axis=1)
    known = both[: LEARN_DAYS * PER_DAY]
    centre, spread = known.mean(axis=0), known.std(axis=0) + 1e-6
    scaled = (both - centre) / spread
    _, values, vectors = np.linalg.svd(scaled[: len(known)], full_matrices=False)
    share = np.cumsum(values**2) / np.sum(values**2)
    kept = vectors[: int(np.searchsorted(share, 0.95)) + 1]
    residual = scaled - scaled @ kept.T @ kept
    daily = _daily((residual**2).sum(axis=1)[:, None])[:, 0]
    return np.asarray(daily / (np.median(daily[:LEARN_DAYS]) + 1e-9))


def fixed(site: SiteFrames) -> Array:
    """How far the day's largest and smallest frames lie outside what the first two months showed."""
    table = _table(site)
    known = table[: LEARN_DAYS * PER_DAY]
    low, high = np.quantile(known, 0.001, axis=0), np.quantile(known, 0.999, axis=0)
    outside = np.maximum(table - high, low - table) / (high - low + 1e-6)
    return np.asarray(np.maximum(_daily(outside), 0.0).max(axis=1) + 1e-9 * _daily(outside).max(axis=1))


def half_space_trees(site: SiteFrames) -> Array:
    """River's half-space trees over hourly means scaled to 0 … 1, with the hour; the day's mean score."""
    from river import anomaly

    table = _table(site)
    hourly = table.reshape(-1, 4, table.shape[1]).mean(axis=1)
    low, high = hourly[: LEARN_DAYS * 24].min(axis=0), hourly[: LEARN_DAYS * 24].max(axis=0)
    scaled = np.clip((hourly - low) / (high - low + 1e-6), 0.0, 1.0)
    model = anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=24 * 14, seed=1)
    scores = []
    for number, row in enumerate(scaled):
        x = {f"signal{place}": value for place, value in enumerate(row.tolist())} | {"hour": number % 24 / 24}
        scores.append(model.score_one(x))
        model.learn_one(x)
    return np.asarray(np.array(scores).reshape(-1, 24).mean(axis=1))


RIVALS: Final[Mapping[str, Score]] = {
    "EWMA z-score of daily means": ewma,
    "z-score by hour of the day": by_hour,
    "PCA residual": pca,
    "fixed limits": fixed,
    "half-space trees (river)": half_space_trees,
}
