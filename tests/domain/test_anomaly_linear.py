"""Small linear algebra against its definitions."""

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.anomaly_linear import RecursiveLeastSquares, correlation, principal_axes


@given(st.integers(1, 9), st.integers(0, 99))
def test_axes_rebuild_the_matrix(size: int, seed: int) -> None:
    draw = random.Random(seed)
    rows = [[draw.gauss(0, 1) for _ in range(size)] for _ in range(20)]
    matrix = correlation(rows, 0.1)
    axes = principal_axes(matrix)
    for i in range(size):
        for j in range(size):
            assert math.isclose(sum(w * a[i] * a[j] for w, a in axes), matrix[i][j], abs_tol=1e-8)
    assert [w for w, _ in axes] == sorted((w for w, _ in axes), reverse=True)


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
