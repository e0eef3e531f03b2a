"""What each signal is beyond what the others say it should be: a linear relation, learned from normal rows.

The weights are those of ridge regression of each signal on the others; all of them stand in the inverse of one matrix
(Whittaker, "Graphical Models in Applied Multivariate Statistics", 1990, chapter 5). They are learned from how the
signals move within some tens of rows: two that merely drift at the same time are related by chance only, and such a
relation breaks as soon as one of them turns (Granger & Newbold, "Spurious regressions in econometrics", J. Econometrics
2, 1974).
"""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from operator import mul, sub
from typing import Any, Final

from agent.domain.anomaly_linear import Matrix, inverse, products

MAX_SIGNALS: Final = 48
_QUICK: Final = 32.0
_RIDGE: Final = 0.2
_FOLDS: Final = 4
_CLIP: Final = 6.0
_LEAST: Final = 1e-3

Rows = Sequence[Sequence[float]]


class Relation:
    """Distances of signals from what the others say, in units of what was usual; of very many signals, none.

    >>> rows = [[x, 2.0 * x + 0.01 * (i % 3)] for i in range(400) for x in [i * 7 % 11 / 5 - 1.0]]
    >>> relation, _ = Relation.fit(rows)
    >>> max(map(abs, relation.distances([0.8, 1.6]))) < 4 < max(map(abs, relation.distances([0.8, -1.6])))
    True
    """

    __slots__ = ("weights",)

    def __init__(self, weights: Matrix) -> None:
        self.weights = weights

    def distances(self, row: Sequence[float]) -> list[float]:
        """One of each signal of a standardised row."""
        clipped = _clipped(row)
        return [sum(map(mul, weights, clipped)) for weights in self.weights]

    @classmethod
    def fit(cls, rows: Rows) -> tuple["Relation", list[list[float]]]:
        """From standardised normal rows; with it, of each of them, its distances by what the other rows taught."""
        if len(rows[0]) > MAX_SIGNALS:
            return cls([]), [[] for _ in rows]
        edges = [len(rows) * k // _FOLDS for k in range(_FOLDS + 1)]
        quick = _quick(rows)
        folds = [products(quick[start:stop]) for start, stop in pairwise(edges)]
        whole = [[sum(values) for values in zip(*lines, strict=True)] for lines in zip(*folds, strict=True)]
        found: list[list[float]] = []
        for fold, (start, stop) in zip(folds, pairwise(edges), strict=True):
            rest = [list(map(sub, line, less)) for line, less in zip(whole, fold, strict=True)]
            found += map(cls(_weights(rest, len(rows) - (stop - start))).distances, rows[start:stop])
        scales = [_deviation(column) for column in zip(*found, strict=True)]
        weights = [
            [weight / scale for weight in line] for line, scale in zip(_weights(whole, len(rows)), scales, strict=True)
        ]
        return cls(weights), [[x / scale for x, scale in zip(row, scales, strict=True)] for row in found]

    def state(self) -> list[Any]:
        return [list(line) for line in self.weights]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Relation":
        return cls([list(line) for line in state])


def _clipped(row: Sequence[float]) -> list[float]:
    return [-_CLIP if x < -_CLIP else _CLIP if x > _CLIP else x for x in row]


def _quick(rows: Rows) -> Matrix:
    """The rows without what moves slowly, nor what a steady drift leaves of it."""
    head = rows[: int(_QUICK)]
    slow = [sum(column) / len(head) for column in zip(*map(_clipped, head), strict=True)]
    found = []
    for row in map(_clipped, rows):
        slow = [level + (x - level) / _QUICK for level, x in zip(slow, row, strict=True)]
        found.append(list(map(sub, row, slow)))
    means = [sum(column) / len(column) for column in zip(*found, strict=True)]
    return [list(map(sub, row, means)) for row in found]


def _weights(moments: Matrix, rows: int) -> Matrix:
    """Of each signal 1 for itself, and less what the others say, from sums of products over so many rows."""
    ridged = [[x / rows + _RIDGE * (i == j) for j, x in enumerate(line)] for i, line in enumerate(moments)]
    return [[x / line[i] for x in line] for i, line in enumerate(inverse(ridged))]


def _deviation(column: Sequence[float]) -> float:
    mean = sum(column) / len(column)
    return max(sqrt(sum((x - mean) ** 2 for x in column) / len(column)), _LEAST)
