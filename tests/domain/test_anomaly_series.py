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


def working_hours(rows: int, step_ms: int) -> list[float]:
    """A room: warm on working days, a weekly pattern, noise."""
    draw = random.Random(9)
    found, state = [], 18.0
    for i in range(rows):
        hours = i * step_ms / HOUR_MS
        busy = 7 < hours % 24 < 18 and hours // 24 % 7 < 5
        state += ((21.5 if busy else 18) - state) * min(1.0, 0.3 * step_ms / HOUR_MS)
        found.append(round(state + draw.gauss(0, 0.15), 2))
    return found


def test_working_hours_and_weekends_are_usual_and_a_failing_heater_is_not() -> None:
    for step_ms, day in ((HOUR_MS, 24), (HOUR_MS // 12, 288)):
        values = working_hours(60 * day, step_ms)
        start = 45 * day + day // 3
        for i in range(start, start + day):
            values[i] -= 8 * min(1.0, (i - start) / (day / 6))
        series = SeriesDetector(9 * day)
        series.expect_step(step_ms)
        found = [series.update(i * step_ms, x)[1] for i, x in enumerate(values)]
        assert sum(each > 3.2 for each in found[:start]) <= 3
        assert max(found[start : start + day // 2]) > 3.2


def test_rows_that_are_missing_are_no_news() -> None:
    values = temperatures(2_000)
    series = SeriesDetector(200)
    series.expect_step(HOUR_MS)
    kept = [i for i in range(2_000) if not (700 <= i < 760 or i % 97 == 0)]
    assert sum(series.update(i * HOUR_MS, values[i])[1] > 3.2 for i in kept) <= 3
