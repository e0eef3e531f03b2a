"""The published heating analysis, to the digit: PACF distances of the hourly heating ratio, and their tree.

Source of the steps: ENGIE Cofely's R script of 2017 (hourly means, `ratio`, missing → −1, `diss(…, "PACF", p=0.05)`
of TSclust, NaN → 9, `hclust`, first labels of the leaf order). A weighted Euclidean distance between two PACF vectors
needs one vector per installation, not one computation per pair.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.spatial.distance import pdist, squareform

from agent.domain.errors import BadSetup
from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE
from cloud.fleet.hclust import Tree, complete

Floats = NDArray[np.float64]

DECAY = 0.05
LAGS = 50
MISSING = -1.0
NOT_A_NUMBER = 9.0
THRESHOLD = 5.0


@dataclass(frozen=True, slots=True)
class Published:
    """`anomalies` are the labels the published rule writes; `condensed` is SciPy's form of the distances."""

    labels: list[str]
    condensed: Floats
    tree: Tree
    anomalies: list[str]

    def square(self) -> Floats:
        return np.asarray(squareform(self.condensed), dtype=np.float64)


def analyse(samples: pl.LazyFrame) -> Published:
    """The published method over samples (`installation`, `signal`, `time`, `value`) of the wanted period."""
    labels, ratio = hourly_ratio(samples)
    if min(ratio.shape) < 2:
        problem = f"{len(labels)} installations and {len(ratio)} hours in the period; expected at least 2 of each"
        raise BadSetup("published method", problem)
    condensed = distances(partial_autocorrelation(ratio))
    tree = complete(condensed)
    above = int((tree.height > THRESHOLD).sum())
    return Published(labels, condensed, tree, [labels[leaf] for leaf in tree.order[:above].tolist()])


def hourly_ratio(samples: pl.LazyFrame) -> tuple[list[str], Floats]:
    """Labels in R's column order and hours × installations of (room − outdoor) / (flow − outdoor), missing → −1.

    As in R, the rows are the hours in which any installation has a sample; x / 0 stays infinite.
    """
    key = ["installation", "hour"]
    hourly = (
        samples.select("installation", "signal", "time", "value")
        .unique()
        .with_columns(hour=pl.col("time").dt.truncate("1h"))
        .group_by(*key, "signal")
        # In the order of time, so that the last digit (which decides where flow equals outdoor) is the same each time.
        .agg(pl.col("value").sort_by("time", "value").mean())
        .collect()
    )
    parts = [
        hourly.filter(pl.col("signal") == name).select(*key, pl.col("value").alias(column))
        for name, column in ((ROOM_TEMPERATURE, "room"), (OUTDOOR_TEMPERATURE, "out"), (FLOW_TEMPERATURE, "flow"))
    ]
    table = hourly.select(key).unique()
    for part in parts:
        table = table.join(part, on=key, how="left")
    table = table.with_columns(ratio=(pl.col("room") - pl.col("out")) / (pl.col("flow") - pl.col("out")))
    labels = sorted_like_r(table["installation"].unique().to_list())
    hours = table["hour"].unique().sort()
    matrix = np.full((len(hours), len(labels)), np.nan)
    rows = hours.search_sorted(table["hour"]).to_numpy().astype(np.int64)
    position = {label: column for column, label in enumerate(labels)}
    columns = table["installation"].replace_strict(position, return_dtype=pl.Int64).to_numpy().astype(np.int64)
    matrix[rows, columns] = table["ratio"].fill_null(np.nan).to_numpy()
    matrix[np.isnan(matrix)] = MISSING
    return labels, matrix


def sorted_like_r(labels: list[str]) -> list[str]:
    """Numbers by value where all are numbers (R reads such a column as numeric), else by character code.

    >>> sorted_like_r(["10", "9"]), sorted_like_r(["b10", "b9"])
    (['9', '10'], ['b10', 'b9'])
    """
    if all(label.isascii() and label.isdigit() for label in labels):
        return sorted(labels, key=lambda label: (int(label), label))
    return sorted(labels)


def partial_autocorrelation(series: Floats, lags: int = LAGS) -> Floats:
    """R's `pacf` of each column: installations × lags.

    A constant column gives NaN, as in R; so does an infinite one, at which R stops.
    Durbin–Levinson on the biased autocovariance of the series less its mean (R, src/library/stats/src/pacf.c).
    """
    lags = min(lags, len(series) - 1)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # R's colMeans adds in extended precision, so that a constant column gives exact zeros.
        centred = series - (series.sum(axis=0, dtype=np.longdouble) / len(series)).astype(np.float64)
        centred[:, series.min(axis=0) == series.max(axis=0)] = 0.0
        covariance = np.stack(
            [np.einsum("tn,tn->n", centred[lag:], centred[: len(centred) - lag]) for lag in range(lags + 1)]
        )
        correlation = np.clip(covariance[1:] / covariance[0], -1.0, 1.0)
        return _durbin_levinson(correlation)


def _durbin_levinson(correlation: Floats) -> Floats:
    lags, count = correlation.shape
    partial = np.empty((count, lags))
    partial[:, 0] = correlation[0]
    weights = np.zeros((lags, count))
    weights[0] = correlation[0]
    for lag in range(1, lags):
        past = weights[:lag]
        above = correlation[lag] - np.einsum("ln,ln->n", past, correlation[:lag][::-1])
        below = 1.0 - np.einsum("ln,ln->n", past, correlation[:lag])
        partial[:, lag] = above / below
        past -= partial[:, lag] * past[::-1].copy()
        weights[lag] = partial[:, lag]
    return partial


def distances(partial: Floats, decay: float = DECAY) -> Floats:
    """TSclust's weighted PACF distance of every pair, condensed; a distance that is not a number → 9."""
    weights = np.sqrt(decay * (1.0 - decay) ** np.arange(1, partial.shape[1] + 1))
    condensed = np.asarray(pdist(partial * weights), dtype=np.float64)
    condensed[np.isnan(condensed)] = NOT_A_NUMBER
    return condensed
