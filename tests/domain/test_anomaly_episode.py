"""Episodes: what is news beside the last minutes alarms, what goes on slowly does not, a large departure stays."""

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.anomaly_episode import Episode


def usual(seed: int, rows: int) -> list[float]:
    draw = random.Random(seed)
    return [draw.gauss(0, 1) for _ in range(rows)]


def after(learned: list[float], rate: float = 0.05) -> Episode:
    episode = Episode(rate)
    episode.learn(learned)
    return episode


def test_the_usual_is_quiet_and_the_unusual_is_not() -> None:
    episode = after(usual(1, 300))
    quiet = [episode.update(each) for each in usual(2, 500)]
    assert sum(score > 0.5 for score in quiet) < 50
    assert [episode.update(6 + each) > 0.5 for each in usual(3, 60)][10:] == [True] * 50


def test_an_alarm_ends_when_the_departure_does() -> None:
    episode = after(usual(1, 300))
    for each in usual(2, 150):
        episode.update(8 + each)
    assert episode.alarm
    assert [episode.update(each) > 0.5 for each in usual(3, 80)][40:] == [False] * 40


def test_what_remains_of_a_large_departure_is_no_alarm() -> None:
    episode = after(usual(1, 300))
    for each in usual(2, 200):
        episode.update(10 + each)
    for each in usual(3, 60):
        episode.update(2 + each)
    assert not episode.alarm


def test_a_medium_departure_becomes_how_things_are_and_a_large_one_never() -> None:
    medium, large = after(usual(1, 300)), after(usual(1, 300))
    for _ in range(3000):
        medium.update(4.0)
        large.update(14.0)
    assert not medium.alarm
    assert large.alarm


def test_slow_growth_is_quiet_until_it_is_large() -> None:
    episode = after([0.0] * 300)
    assert not any(episode.update(i / 1000) > 0.5 for i in range(4000))


@given(st.lists(st.floats(-1e9, 1e9), max_size=300), st.lists(st.floats(-1e9, 1e9), max_size=200), st.integers(0, 200))
def test_a_restart_changes_nothing(learned: list[float], rows: list[float], cut: int) -> None:
    whole, first = after(learned), after(learned)
    expected = [whole.update(each) for each in rows]
    found = [first.update(each) for each in rows[:cut]]
    again = Episode.from_state(json.loads(json.dumps(first.state())))
    assert found + [again.update(each) for each in rows[cut:]] == expected
    assert all(0 <= score <= 1 for score in expected)


@given(st.lists(st.floats(-5, 50), min_size=1, max_size=100), st.floats(0.001, 0.9), st.floats(0.001, 0.9))
def test_a_lower_rate_never_scores_more(rows: list[float], one: float, two: float) -> None:
    strict, lax = after([0.0] * 50, min(one, two)), after([0.0] * 50, max(one, two))
    assert all(strict.update(each) <= lax.update(each) for each in rows)


@given(st.lists(st.floats(-5, 50), max_size=100), st.floats(-5, 50), st.floats(0, 50))
def test_a_larger_departure_never_scores_less(before: list[float], last: float, more: float) -> None:
    one, two = after(before), after(before)
    assert one.update(last) <= two.update(last + more)
