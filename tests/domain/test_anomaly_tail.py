"""Tails: rarer means more surprise, beyond the largest seen as well; merging is seeing both."""

import random

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.anomaly_tail import Tail


def filled(seed: int, n: int) -> Tail:
    draw = random.Random(seed)
    tail = Tail()
    for _ in range(n):
        tail.update(draw.gauss(0, 1))
    return tail


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_larger_is_never_less_surprising(seen: list[float], x: float, more: float) -> None:
    tail = Tail()
    for each in seen:
        tail.update(each)
    assert tail.value(x + more) >= tail.value(x) - 1e-9


@given(st.lists(st.floats(-1e6, 1e6), max_size=700), st.integers(0, 700))
def test_a_restart_changes_nothing(seen: list[float], cut: int) -> None:
    whole, first = Tail(), Tail()
    expected = [whole.update(x) for x in seen]
    found = [first.update(x) for x in seen[:cut]]
    again = Tail.from_state(first.state())
    assert found + [again.update(x) for x in seen[cut:]] == expected


def test_the_surprise_is_the_share_of_rows() -> None:
    tail = filled(1, 20_000)
    draw = random.Random(2)
    surprises = [tail.value(draw.gauss(0, 1)) for _ in range(20_000)]
    assert 0.06 < sum(s >= 1 for s in surprises) / 20_000 < 0.14
    assert sum(s >= 3 for s in surprises) / 20_000 < 0.003


def test_memory_is_bounded() -> None:
    assert len(filled(3, 100_000).sample) < 512


def test_one_fault_does_not_hide_the_next() -> None:
    tail = filled(4, 3_000)
    first = tail.update(30.0)
    for _ in range(500):
        tail.update(0.0)
    assert tail.value(30.0) > 0.8 * first


def test_what_comes_back_every_few_rows_becomes_usual() -> None:
    draw = random.Random(8)
    tail = Tail()
    rows = [draw.gauss(20, 2) if i % 8 == 0 and i % 40 != 0 else draw.gauss(0, 1) for i in range(3000)]
    rows = [x + 10 if i % 40 == 8 else x for i, x in enumerate(rows)]
    surprises = [tail.update(x) for x in rows]
    assert sum(s > 3.2 for s in surprises[1500:]) <= 2


def test_merging_sees_both() -> None:
    one, other = filled(5, 4_000), filled(6, 3_000)
    one.merge(other)
    both = filled(7, 7_000)
    assert one.n == both.n
    assert abs(one.threshold() - both.threshold()) < 0.25
    assert abs(one.value(2.5) - both.value(2.5)) < 0.5
