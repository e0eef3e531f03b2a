"""The rigs and series that the figures of `score` come from: repeatable, with a fault that shows, fairly counted."""

import numpy as np
import pytest

from bench.score import pca, z_score
from bench.score_families import FAMILIES, measure
from bench.score_rigs import TRAIN
from bench.score_series import FAMILIES as SERIES
from bench.score_series import streaming_score


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_rig_is_repeatable_and_its_fault_comes_after_the_training_rows(family: str) -> None:
    for seed in range(4):
        values, label = FAMILIES[family](seed)
        again, _ = FAMILIES[family](seed)
        assert np.array_equal(values, again)
        assert values.shape == (len(label), 8)
        assert np.isfinite(values).all()
        assert not label[:TRAIN].any()
        assert 60 <= label.sum() <= 500
        assert int(np.abs(np.diff(label.astype(int))).sum()) == 2


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_only_the_fault_differs_from_the_rig_without_one(family: str) -> None:
    changed = 0
    for seed in range(4):
        values, label = FAMILIES[family](seed)
        healthy, _ = FAMILIES[family](seed, 0.0)
        start = int(np.argmax(label))
        assert np.array_equal(values[:TRAIN], healthy[:TRAIN])
        changed += not np.array_equal(values[start:], healthy[start:])
    assert changed == 4


@pytest.mark.parametrize("detect", [z_score, pca])
def test_plain_detectors_find_something_in_each_family(detect) -> None:  # type: ignore[no-untyped-def]
    for family in FAMILIES:
        assert 0.3 < measure(detect, family, range(6))["f1"] < 0.95


def test_rows_are_counted_as_they_are_judged() -> None:
    values, label = FAMILIES["water"](1)
    perfect = measure(lambda _: label, "water", range(1, 2))
    assert perfect == {"f1": 1.0, "false_alarm_rate": 0.0, "missed": 0.0}
    always = measure(lambda _: np.ones(len(values), dtype=bool), "water", range(1, 2))
    assert always["false_alarm_rate"] == 1
    assert always["missed"] == 0


@pytest.mark.parametrize("family", sorted(SERIES))
def test_a_series_has_its_windows_behind_the_probation(family: str) -> None:
    for seed in range(6):
        series = SERIES[family](seed)
        assert len(series.at_ms) == len(series.values)
        assert (np.diff(series.at_ms) > 0).all()
        assert np.isfinite(series.values).all()
        for start, stop in series.windows:
            assert 0.15 * len(series.values) < start < stop <= len(series.values)


def test_early_is_worth_more_than_late_and_silence_nothing() -> None:
    windows = [(400, 500), (700, 800)]

    def scored(*rows: int) -> float:
        scores = np.zeros(1000)
        scores[list(rows)] = 0.9
        return streaming_score([(scores, windows)], 0.5)[0]

    assert scored() == 0
    assert scored(400, 700) > 99
    assert scored(400, 700) > scored(450, 750) > scored(499, 799) > scored(499)
    assert scored(400, 700, 600) < scored(400, 700)
    assert scored(400, 700, 20) == scored(400, 700)
