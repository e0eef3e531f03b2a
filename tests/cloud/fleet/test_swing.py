import numpy as np
import pytest

from cloud.fleet import swing


def flow(step_min: int, days: int = 6, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    minutes = np.arange(days * 1440 // step_min) * step_min
    return minutes, 45 + 3 * np.sin(2 * np.pi * minutes / 1440) + rng.normal(0, 0.4, len(minutes))


def shaped(values: np.ndarray, step_min: int) -> np.ndarray:
    return values.reshape(-1, 1440 // step_min).astype(np.float32)


@pytest.mark.parametrize(("step_min", "period_min"), [(15, 95), (15, 180), (60, 190), (60, 280)])
def test_a_slow_line_is_hunting_with_its_period(step_min: int, period_min: float) -> None:
    minutes, values = flow(step_min)
    found = swing.kind(shaped(values + 6 * np.sin(2 * np.pi * minutes / period_min), step_min), step_min)
    assert found.fault == "hunting"
    assert found.period_min == pytest.approx(period_min, rel=0.12)


@pytest.mark.parametrize("step_min", [15, 30, 60])
def test_jumps_from_sample_to_sample_are_short_cycling(step_min: int) -> None:
    minutes, values = flow(step_min)
    for jumps in (np.random.default_rng(2).choice([-8.0, 8.0], len(minutes)), 8.0 * (-1) ** np.arange(len(minutes))):
        assert swing.kind(shaped(values + jumps, step_min), step_min).fault == "short_cycling"


def test_gaps_do_not_matter_much() -> None:
    minutes, values = flow(60)
    values = values + 6 * np.sin(2 * np.pi * minutes / 200)
    values[np.random.default_rng(3).random(len(values)) < 0.1] = np.nan
    assert swing.kind(shaped(values, 60), 60).fault == "hunting"
    assert swing.kind(np.full((1, 24), np.nan, dtype=np.float32), 60).fault in ("hunting", "short_cycling")
