"""Small linear algebra against its definitions."""

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.anomaly_linear import RecursiveLeastSquares, inverse, products


@given(st.integers(1, 9), st.integers(0, 99))
def test_a_matrix_times_its_inverse_is_one(size: int, seed: int) -> None:
    draw = random.Random(seed)
    matrix = products([[draw.gauss(0, 1) for _ in range(size)] for _ in range(20)])
    matrix = [[x + (i == j) for j, x in enumerate(line)] for i, line in enumerate(matrix)]
    found = inverse(matrix)
    for i in range(size):
        for j in range(size):
            entry = sum(matrix[i][k] * found[k][j] for k in range(size))
            assert math.isclose(entry, i == j, abs_tol=1e-9)


def test_products_are_those_of_two_columns() -> None:
    assert products([[1.0, 2.0], [3.0, -1.0]]) == [[10.0, -1.0], [-1.0, 5.0]]


def test_prediction_finds_the_weights_of_an_autoregression() -> None:
    draw = random.Random(1)
    model, xs = RecursiveLeastSquares(2, 1.0), [0.0, 0.0]
    for _ in range(5_000):
        xs.append(1.2 * xs[-1] - 0.5 * xs[-2] + draw.gauss(0, 1))
        model.update([xs[-2], xs[-3]], xs[-1], 1e9)
    assert math.isclose(model.weights[0], 1.2, abs_tol=0.05)
    assert math.isclose(model.weights[1], -0.5, abs_tol=0.05)


def test_a_long_flat_stretch_leaves_it_finite() -> None:
    model = RecursiveLeastSquares(3)
    for _ in range(100_000):
        model.update([1.0, 0.0, 0.0], 0.0, 1.0)
    assert max(map(max, model.inverse)) < 1e5
    assert math.isfinite(model.update([1.0, 5.0, -5.0], 2.0, 10.0))


def test_a_restart_changes_nothing() -> None:
    model = RecursiveLeastSquares(2)
    model.update([1.0, 2.0], 3.0, 9.0)
    again = RecursiveLeastSquares.from_state(model.state())
    assert again.update([1.0, 5.0], 3.0, 9.0) == model.update([1.0, 5.0], 3.0, 9.0)
