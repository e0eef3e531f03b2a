"""What a roof is expected to give: learned alike from fine and coarse samples, and from the season that is."""

from math import exp

import pytest

from agent.domain.expectation_pv import PvExpectation
from agent.domain.sun import Height

PLACE = (48.1, 11.6)
NOON_MS = 1_719_054_000_000  # 2024-06-22T11:00Z
DAY_MS = 86_400_000
MINUTE_MS = 60_000


def clear_w(at_ms: int) -> float:
    """W/m² under a clear sky (Haurwitz)."""
    sine = Height(*PLACE).sine(at_ms)
    return 1098.0 * sine * exp(-0.057 / sine)


def expected(roof: PvExpectation, at_ms: int, share: float) -> float | None:
    """Take in a share of the clear sky; the share that was expected."""
    moment = roof.update(at_ms, share * clear_w(at_ms))
    return None if moment is None else moment.expected_w / clear_w(at_ms)


@pytest.mark.parametrize("step_min", [1, 5, 15, 30])
def test_a_roof_that_changes_is_followed_as_fast_whatever_the_samples_are(step_min: int) -> None:
    roof, found = PvExpectation(PLACE), 0.0
    for day in range(16):
        share = 0.8 if day < 8 else 0.7
        for minute in range(-180, 120, step_min):
            found = expected(roof, NOON_MS + day * DAY_MS + minute * MINUTE_MS, share) or found
    assert 0.70 < found < 0.75


def test_what_it_gave_for_moments_of_another_season_is_not_expected_for_ever() -> None:
    roof, found = PvExpectation(PLACE), {}
    for day in range(70):
        for minute in range(-30, 30):
            share = (1.0 if day < 10 else 0.8) if minute % 30 < 15 else 0.3
            at_ms = NOON_MS + day * DAY_MS + minute * MINUTE_MS
            found[day] = expected(roof, at_ms, share) or found.get(day)
    assert found[9] == pytest.approx(0.95, abs=0.02)
    assert found[11] == pytest.approx(0.95, abs=0.02)
    assert found[69] == pytest.approx(0.76, abs=0.03)
