import pytest

from cloud.incidents import scoring
from cloud.incidents.symptoms import Symptom
from tests.helpers.incidents import DAY_MS, HOUR_MS, NOW_MS


def sign(device: str = "a", code: str = "no_heat", hours: float = 5, ended_h: float | None = None) -> Symptom:
    end_ms = None if ended_h is None else NOW_MS - round(ended_h * HOUR_MS)
    return Symptom(device, code, "", "critical", NOW_MS - round(hours * HOUR_MS), end_ms, 0.9, 60.0, "")


def test_episodes_of_one_code_at_one_site_are_one_row() -> None:
    rows = scoring.rows_of("i", [sign(hours=50, ended_h=40), sign(hours=30, ended_h=10)], NOW_MS)
    (row,) = rows
    assert (row.episodes, row.first_ms, row.last_ms) == (2, NOW_MS - 50 * HOUR_MS, NOW_MS - 10 * HOUR_MS)
    assert row.active, "a fault that comes with the sun is there until a day has gone without it"
    assert not scoring.rows_of("i", [sign(hours=50, ended_h=25)], NOW_MS)[0].active
    assert not scoring.rows_of("i", [sign(hours=50, ended_h=10)], NOW_MS, still_ms=0)[0].active


def test_what_earlier_runs_saw_stays_and_is_over() -> None:
    old = scoring.rows_of("i", [sign("a"), sign("b")], NOW_MS)
    new = scoring.rows_of("i", [sign("b", hours=1)], NOW_MS + DAY_MS)
    a, b = scoring.joined(old, new)
    assert (a.device, a.active, b.active) == ("a", False, True)
    assert b.first_ms == NOW_MS - 5 * HOUR_MS
    assert scoring.joined([a, b], new) == [a, b], "the same again changes nothing"


def test_several_codes_of_one_cause_cost_a_site_once() -> None:
    rows = scoring.rows_of("i", [sign(), sign(code="room_too_cold"), sign("b")], NOW_MS)
    assert scoring.cost_per_day(rows) == 120.0
    assert scoring.cost_per_day([]) == 0.0


def test_more_signs_are_surer_and_nothing_is_certain() -> None:
    one = scoring.certainty(scoring.rows_of("i", [sign()], NOW_MS), 0.0)
    two = scoring.certainty(scoring.rows_of("i", [sign(), sign("b")], NOW_MS), 0.0)
    assert 0.85 < one < two <= 0.99
    doubtful = scoring.certainty(scoring.rows_of("i", [sign(), sign("b")], NOW_MS), -0.5)
    assert doubtful == pytest.approx(0.99 * (1 - 2.718281828**-0.5), abs=1e-3)


def test_the_score_follows_cost_concern_certainty_and_what_was_learned() -> None:
    rows = scoring.rows_of("i", [sign()], NOW_MS)
    full = scoring.score(rows, "visit", 0.9, 1.0)
    assert full == pytest.approx((60 + 20) * 0.9)
    assert scoring.score(rows, "visit", 0.9, 0.25) == pytest.approx(full / 4, abs=1e-3)
    assert scoring.score(rows, "wait", 0.9, 1.0) < full / 10
    assert scoring.score(scoring.rows_of("i", [sign(ended_h=30, hours=31)], NOW_MS), "visit", 0.9, 1.0) == 0.0
