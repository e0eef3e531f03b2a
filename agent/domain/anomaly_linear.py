"""Small linear algebra without a library: recursive least squares, and the inverse of a matrix."""

from collections.abc import Sequence
from operator import mul
from typing import Any

Matrix = list[list[float]]


class RecursiveLeastSquares:
    """Linear prediction that learns from each error and forgets what is long past.

    Haykin, "Adaptive Filter Theory", chapter 9, with exponential forgetting. The trace of the inverse correlation is
    kept bounded, so that a long flat stretch does not make it explode.

    >>> model = RecursiveLeastSquares(2)
    >>> for i in range(200):
    ...     x = [1.0, i % 7]
    ...     _ = model.update(x, 3.0 + 2.0 * x[1], 1e9)
    >>> round(model.value([1.0, 10.0]), 3)
    23.0
    """

    __slots__ = ("forgetting", "inverse", "weights")

    def __init__(self, size: int, forgetting: float = 0.9995) -> None:
        self.forgetting = forgetting
        self.weights = [0.0] * size
        self.inverse: Matrix = [[100.0 * (i == j) for j in range(size)] for i in range(size)]

    def value(self, inputs: Sequence[float]) -> float:
        """The prediction."""
        return sum(map(float.__mul__, self.weights, map(float, inputs)))

    def update(self, inputs: Sequence[float], target: float, cap: float) -> float:
        """The error of the prediction; it teaches no more than one of ±`cap` would."""
        x = [float(each) for each in inputs]
        error = target - sum(map(float.__mul__, self.weights, x))
        carried = [sum(map(float.__mul__, row, x)) for row in self.inverse]
        norm = self.forgetting + sum(map(float.__mul__, carried, x))
        step = max(-cap, min(cap, error)) / norm
        self.weights = [w + step * c for w, c in zip(self.weights, carried, strict=True)]
        trace = sum(row[i] for i, row in enumerate(self.inverse))
        fade = 1 / self.forgetting if trace < 1000.0 * len(x) else 1.0
        self.inverse = [
            [(value - c * d / norm) * fade for value, d in zip(row, carried, strict=True)]
            for row, c in zip(self.inverse, carried, strict=True)
        ]
        return error

    def state(self) -> list[Any]:
        return [self.forgetting, list(self.weights), [list(row) for row in self.inverse]]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "RecursiveLeastSquares":
        model = cls(len(state[1]), state[0])
        model.weights, model.inverse = list(state[1]), [list(row) for row in state[2]]
        return model


def inverse(matrix: Sequence[Sequence[float]]) -> Matrix:
    """Of a positive definite matrix, by elimination.

    >>> [[round(x, 6) for x in row] for row in inverse([[2.0, 1.0], [1.0, 1.0]])]
    [[1.0, -1.0], [-1.0, 2.0]]
    """
    size = len(matrix)
    left = [[float(x) for x in row] for row in matrix]
    right = [[float(i == j) for j in range(size)] for i in range(size)]
    for i in range(size):
        share = 1 / left[i][i]
        pivot, unit = ([x * share for x in side[i]] for side in (left, right))
        left[i], right[i] = pivot, unit
        for k in range(size):
            if k != i:
                factor = left[k][i]
                left[k] = [x - factor * y for x, y in zip(left[k], pivot, strict=True)]
                right[k] = [x - factor * y for x, y in zip(right[k], unit, strict=True)]
    return right


def products(rows: Sequence[Sequence[float]]) -> Matrix:
    """Of each two columns the sum of their products."""
    columns = list(zip(*rows, strict=True))
    return [[sum(map(mul, one, other)) for other in columns] for one in columns]
