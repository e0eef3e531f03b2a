"""One series: each view speaks for its own kind of failure."""

import math
import random

from agent.domain.anomaly_series import SeriesDetector

HOUR_MS = 3_600_000


def temperatures(rows: int) -> list[float]:
    draw = random.Random(3)
    return [20 + 4 * math.sin(2 * math.pi * i / 24) + draw.gauss(0, 0.3) for i in range(rows)]


def news(values: list[float]) -> list[float]:
    series = SeriesDetector(200)
    series.expect_step(HOUR_MS)
    return [series.update(i * HOUR_MS, x)[1] for i, x in enumerate(values)]


def first_above(values: list[float], level: float) -> int:
    return next(i for i, each in enumerate(news(values)) if each > level)


def test_a_usual_year_is_quiet() -> None:
    assert sum(each > 3 for each in news(temperatures(4_000))) <= 4


def test_a_spike_is_seen_at_once() -> None:
    values = temperatures(1_500)
    values[1_200] += 12
    assert first_above(values, 4) == 1_200


def test_a_drop_is_seen_at_once() -> None:
    values = temperatures(1_500)
    values[1_200:1_260] = [x - 9 for x in values[1_200:1_260]]
    assert first_above(values, 4) == 1_200


def test_a_frozen_sensor_is_seen() -> None:
    values = temperatures(1_500)
    values[1_200:1_260] = [values[1_200]] * 60
    assert 1_200 < first_above(values, 3) < 1_240


def test_a_lost_cycle_is_seen_by_the_profile() -> None:
    values = temperatures(1_500)
    draw = random.Random(5)
    values[1_200:] = [20 + draw.gauss(0, 0.3) for _ in values[1_200:]]
    assert 1_200 < first_above(values, 2.5) < 1_300
