"""What each signal is beyond what the others say."""

import math
import random
from statistics import fmean

from agent.domain.anomaly_relation import MAX_SIGNALS, Relation


def rows_of(count: int, seed: int, apart: float = 0.2) -> list[list[float]]:
    """Two signals that move together but for noise of `apart`, and one by itself."""
    draw = random.Random(seed)
    return [[x, x + draw.gauss(0, apart), draw.gauss(0, 1)] for x in (draw.gauss(0, 1) for _ in range(count))]


def test_rows_that_keep_the_relation_are_usual_and_others_are_not() -> None:
    relation, _ = Relation.fit(rows_of(400, 1))
    usual = [relation.distances(row) for row in rows_of(400, 2)]
    for column in zip(*usual, strict=True):
        assert 0.8 < math.sqrt(fmean(x * x for x in column)) < 1.25
    assert max(map(abs, relation.distances([1.5, -1.5, 0.0]))) > 4
    assert max(map(abs, relation.distances([1.5, 1.5, 0.0]))) < 2


def test_the_weights_are_those_of_ridge_regression() -> None:
    rows = rows_of(4000, 3)
    (own, other, alone), *_ = Relation.fit(rows)[0].weights
    # Quick moves keep nearly all of white noise: variance 1 and 1.04 with covariance 1, and the ridge of 0.2.
    assert math.isclose(-other / own, 1 / 1.24, abs_tol=0.03)
    assert abs(alone / own) < 0.05


def test_what_merely_drifts_at_the_same_time_is_no_relation() -> None:
    draw = random.Random(5)
    rows = [[i / 100 + draw.gauss(0, 0.1), -i / 100 + draw.gauss(0, 0.1)] for i in range(-200, 200)]
    (own, other), _ = Relation.fit(rows)[0].weights
    assert abs(other / own) < 0.1


def test_a_row_is_measured_by_what_the_other_rows_taught() -> None:
    rows = rows_of(80, 6)
    relation, apart = Relation.fit(rows)
    assert len(apart) == 80
    changed = [*rows[:-1], [9.0, -9.0, 0.0]]
    assert max(map(abs, Relation.fit(changed)[1][-1])) > 2
    assert apart != [relation.distances(row) for row in rows]


def test_a_signal_that_never_moves_and_one_that_is_wild_leave_it_finite() -> None:
    draw = random.Random(7)
    rows = [[0.0, draw.gauss(0, 1), 1e6 if i == 50 else draw.gauss(0, 1)] for i in range(100)]
    relation, apart = Relation.fit(rows)
    assert all(math.isfinite(x) for row in apart for x in row)
    assert all(map(math.isfinite, relation.distances([1e9, -1e9, 0.0])))


def test_very_many_signals_are_judged_one_by_one() -> None:
    relation, apart = Relation.fit([[0.0] * (MAX_SIGNALS + 1)] * 40)
    assert relation.distances([1.0] * (MAX_SIGNALS + 1)) == []
    assert apart == [[]] * 40


def test_a_restart_changes_nothing() -> None:
    relation, _ = Relation.fit(rows_of(100, 8))
    again = Relation.from_state(relation.state())
    assert again.distances([0.3, -0.2, 1.0]) == relation.distances([0.3, -0.2, 1.0])
