"""Small linear algebra without a library: recursive least squares, and the axes of a correlation matrix."""

from collections.abc import Sequence
from math import hypot, sqrt
from typing import Any, Final

Matrix = list[list[float]]
_SWEEPS: Final = 30


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


def principal_axes(symmetric: Sequence[Sequence[float]]) -> list[tuple[float, list[float]]]:
    """Eigenvalues with their unit vectors, largest first, by Jacobi's rotations.

    >>> [(round(value, 6), round(abs(axis[0]), 4)) for value, axis in principal_axes([[2.0, 1.0], [1.0, 2.0]])]
    [(3.0, 0.7071), (1.0, 0.7071)]
    """
    size = len(symmetric)
    a = [[float(value) for value in row] for row in symmetric]
    vectors = [[float(i == j) for j in range(size)] for i in range(size)]
    for _ in range(_SWEEPS):
        if sum(a[i][j] ** 2 for i in range(size) for j in range(i)) < 1e-18 * size:
            break
        for p in range(size - 1):
            for q in range(p + 1, size):
                _rotate(a, vectors, p, q)
    found = [(a[i][i], [vectors[k][i] for k in range(size)]) for i in range(size)]
    return sorted(found, key=lambda pair: -pair[0])


def _rotate(a: Matrix, vectors: Matrix, p: int, q: int) -> None:
    """Turn axes `p` and `q` of `a` so that they no longer vary together."""
    if abs(a[p][q]) < 1e-15:
        return
    theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
    tangent = (1 if theta >= 0 else -1) / (abs(theta) + hypot(theta, 1.0))
    cosine = 1 / sqrt(tangent * tangent + 1)
    sine = tangent * cosine
    for row in a:
        row[p], row[q] = cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]
    a[p], a[q] = (
        [cosine * x - sine * y for x, y in zip(a[p], a[q], strict=True)],
        [sine * x + cosine * y for x, y in zip(a[p], a[q], strict=True)],
    )
    for row in vectors:
        row[p], row[q] = cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]


def correlation(rows: Sequence[Sequence[float]], shrink: float) -> Matrix:
    """Second moments of standardised rows about 0, drawn towards independence by `shrink` (0 … 1)."""
    size, n = len(rows[0]), len(rows)
    columns = list(zip(*rows, strict=True))
    matrix = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            moment = sum(map(float.__mul__, columns[i], columns[j])) / n
            matrix[i][j] = matrix[j][i] = moment if i == j else (1 - shrink) * moment
    return matrix
