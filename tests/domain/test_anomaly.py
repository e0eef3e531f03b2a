"""The row detector: causal, restorable, quiet on the usual, loud on the unusual."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.anomaly import RowDetector, Verdict

Row = list[float | None]


def rig(rows: int, seed: int, *, broken: int | None = None, apart: float = 0.2) -> list[Row]:
    """Four signals, two of which move together, but for noise of `apart` each, until row `broken`."""
    draw = random.Random(seed)
    made: list[Row] = []
    for i in range(rows):
        common = draw.gauss(0, 1)
        second = common if broken is None or i < broken else draw.gauss(0, 1)
        pair = [common + draw.gauss(0, apart), second + draw.gauss(0, apart)]
        made.append([*pair, draw.gauss(5, 1), draw.gauss(0, 3)])
    return made


def judge(detector: RowDetector, rows: list[Row], start: int = 0) -> list[Verdict]:
    return [detector.update((start + i) * 1000, row) for i, row in enumerate(rows)]


@pytest.mark.parametrize("width", [1, 4])
@given(cut=st.integers(1, 399), seed=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_what_comes_later_changes_nothing(width: int, cut: int, seed: int) -> None:
    rows = [row[:width] for row in rig(400, seed)]
    rows[cut:] = [[1e6 * (i % 3)] * width for i in range(400 - cut)]
    whole = judge(RowDetector(width, 100), rows)
    assert judge(RowDetector(width, 100), rows[:cut]) == whole[:cut]


@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("cut", [0, 7, 99, 100, 101, 250])
def test_a_restart_changes_nothing(width: int, cut: int) -> None:
    rows: list[Row] = [row[:width] for row in rig(400, 1, broken=300)]
    rows[150] = [None] * width
    detector = RowDetector(width, 100)
    judge(detector, rows[:cut])
    again = RowDetector.from_state(json.loads(json.dumps(detector.state())))
    assert judge(again, rows[cut:], cut) == judge(detector, rows[cut:], cut)
    assert again.state() == detector.state()


def test_normal_rows_are_mostly_quiet() -> None:
    alarms = sum(verdict.alarm for seed in range(6) for verdict in judge(RowDetector(4), rig(1200, seed)))
    assert alarms / (6 * 800) < 0.1


def test_a_step_alarms_throughout_and_ends() -> None:
    rows = rig(1200, 3)
    for row in rows[700:900]:
        assert row[2] is not None
        row[2] += 6
    verdicts = judge(RowDetector(4), rows)
    assert sum(verdict.alarm for verdict in verdicts[700:900]) > 190
    assert sum(verdict.alarm for verdict in verdicts[960:]) < 20
    assert verdicts[800].top[0] == 2
    assert verdicts[800].score > 0.5


def test_a_broken_relation_shows_although_each_signal_is_usual() -> None:
    whole, broken = (
        sum(v.alarm for seed in range(6) for v in judge(RowDetector(4), rig(1000, seed, broken=at, apart=0.1))[720:])
        for at in (None, 700)
    )
    assert broken > 0.45 * 6 * 280
    assert whole < 0.1 * 6 * 280


def test_noise_that_grows_is_seen() -> None:
    rows = rig(1000, 5)
    draw = random.Random(1)
    for row in rows[700:]:
        row[2] = draw.gauss(5, 3)
    assert sum(verdict.alarm for verdict in judge(RowDetector(4), rows)[730:]) > 240


def test_a_small_change_that_lasts_is_how_things_are_now() -> None:
    rows = rig(4000, 6)
    for row in rows[700:]:
        assert row[2] is not None
        row[2] += 1.5
    verdicts = judge(RowDetector(4), rows)
    assert sum(verdict.alarm for verdict in verdicts[720:900]) > 120
    assert sum(verdict.alarm for verdict in verdicts[2000:]) < 300


def test_a_drift_that_the_training_rows_show_stays_mostly_quiet() -> None:
    alarms = 0
    for seed in range(4):
        rows: list[Row] = [[x + i * 0.004 for x in row if x is not None] for i, row in enumerate(rig(1400, seed))]
        alarms += sum(verdict.alarm for verdict in judge(RowDetector(4), rows))
    assert alarms / (4 * 1000) < 0.15


@given(size=st.floats(4, 1e6), column=st.integers(0, 3), seed=st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_a_larger_step_is_seen_and_named(size: float, column: int, seed: int) -> None:
    rows = rig(520, seed)
    for row in rows[480:]:
        before = row[column]
        assert before is not None
        row[column] = before + 3 * size
    verdicts = judge(RowDetector(4), rows)
    assert all(verdict.alarm for verdict in verdicts[490:])
    assert all(verdict.top[0] == column or column < 2 for verdict in verdicts[495:])
    assert not any(verdict.top for verdict in verdicts if not verdict.alarm)


@given(factor=st.sampled_from([1e-6, 0.01, 1e5]), shift=st.sampled_from([-1e3, 0.0, 50.0]), seed=st.integers(0, 3))
@settings(max_examples=8, deadline=None)
def test_units_do_not_matter(factor: float, shift: float, seed: int) -> None:
    rows = rig(600, seed, broken=450)
    other: list[Row] = [[factor * (x + shift) for x in row if x is not None] for row in rows]
    pairs = zip(judge(RowDetector(4), rows), judge(RowDetector(4), other), strict=True)
    assert all(abs(one.score - two.score) < 1e-3 for one, two in pairs)


def test_a_fault_is_not_learned_as_normal() -> None:
    rows = rig(4000, 6)
    for row in rows[700:]:
        assert row[2] is not None
        row[2] += 6
    assert all(verdict.alarm for verdict in judge(RowDetector(4), rows)[750:])


def test_training_rows_score_nothing() -> None:
    assert all(verdict == Verdict(0.0, False, ()) for verdict in judge(RowDetector(4, 200), rig(200, 1)))


def test_a_lower_rate_alarms_less() -> None:
    counts = [
        sum(verdict.alarm for seed in range(4) for verdict in judge(RowDetector(4, 400, rate), rig(1500, seed)))
        for rate in (0.3, 0.03, 0.0003)
    ]
    assert counts[0] > counts[1] >= counts[2]


def test_news_is_told_once_and_the_column_is_named_while_it_lasts() -> None:
    draw = random.Random(2)
    rows: list[Row] = [[draw.gauss(20, 1) - (12 if 1500 <= i < 1600 else 0)] for i in range(2000)]
    verdicts = judge(RowDetector(1), rows)
    loud = [i for i, verdict in enumerate(verdicts) if verdict.alarm]
    assert loud[0] == 1500
    assert len(loud) <= 10
    assert all((verdict.score >= 0.5) == verdict.alarm for verdict in verdicts)
    assert all(verdict.top == (0,) for verdict in verdicts[1500:1595])
    assert not any(verdict.top for verdict in verdicts[1400:1500])


def test_constant_and_missing_signals_are_borne() -> None:
    rows: list[Row] = [[7.0, None if i % 9 == 0 else float(i % 4), None] for i in range(600)]
    assert not any(verdict.alarm for verdict in judge(RowDetector(3, 100), rows))
    rows[500:] = [[8.0, float(i % 4), None] for i in range(100)]
    assert judge(RowDetector(3, 100), rows)[560].alarm


def test_nothing_a_sensor_says_breaks_it() -> None:
    rows: list[Row] = [[(-1.0) ** i * 10.0 ** (i % 300), 0.0] for i in range(500)]
    assert all(0 <= verdict.score <= 1 for verdict in judge(RowDetector(2, 60), rows))
    assert all(0 <= verdict.score <= 1 for verdict in judge(RowDetector(1, 60), [row[:1] for row in rows]))


def test_memory_stays_bounded() -> None:
    detector = RowDetector(1)
    sizes = []
    for i in range(20_000):
        detector.update(i * 300_000, [float((i * 7919) % 1000)])
        if i in (8_000, 19_999):
            sizes.append(len(json.dumps(detector.state())))
    assert sizes[1] < 1.5 * sizes[0]
