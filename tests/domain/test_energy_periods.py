"""Energy by the site's own days: 23, 24 and 25 hours long, and nothing is lost between them."""

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.energy_periods import Span, bounds, by_period
from agent.domain.signals import PV_ENERGY_TOTAL

HOUR_MS = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


def hourly(from_ms: int, hours: int, wh: float = 100.0) -> list[tuple[int, dict[str, float]]]:
    return [(from_ms + hour * HOUR_MS, {PV_ENERGY_TOTAL: hour * wh}) for hour in range(hours + 1)]


@pytest.mark.parametrize(
    ("day", "following", "hours"),
    [("2024-03-31", "2024-04-01", 23), ("2024-10-27", "2024-10-28", 25), ("2024-06-01", "2024-06-02", 24)],
)
def test_a_local_day_has_its_own_length(day: str, following: str, hours: int) -> None:
    edges = bounds(Span.DAY, BERLIN, at(day), at(following))
    assert edges == [at(day), at(following)]
    looks = hourly(at(day) - 5 * HOUR_MS, 40)
    (told,) = by_period(looks, edges)
    assert told == {PV_ENERGY_TOTAL: pytest.approx(100.0 * hours)}


@pytest.mark.parametrize(
    ("span", "count"), [(Span.DAY, 366), (Span.WEEK, 53), (Span.MONTH, 12), (Span.YEAR, 1), (Span.LIFETIME, 1)]
)
def test_a_year_right_across_both_changes(span: Span, count: int) -> None:
    start_ms, end_ms = at("2024-01-01"), at("2025-01-01")
    edges = bounds(span, BERLIN, start_ms, end_ms)
    assert len(edges) == count + 1
    looks = hourly(start_ms, (end_ms - start_ms) // HOUR_MS)
    told = [each.get(PV_ENERGY_TOTAL, 0.0) for each in by_period(looks, edges)]
    assert sum(told) == pytest.approx(366 * 24 * 100.0)
    if span is Span.MONTH:
        days = [(end - begin) / HOUR_MS for begin, end in itertools.pairwise(edges)]
        assert told == pytest.approx([hours * 100.0 for hours in days])
        assert days[2] == 31 * 24 - 1
        assert days[9] == 31 * 24 + 1


def test_a_zone_of_half_hours_and_one_whose_midnight_is_left_out() -> None:
    kolkata, cairo = ZoneInfo("Asia/Kolkata"), ZoneInfo("Africa/Cairo")
    edges = bounds(Span.DAY, kolkata, at("2024-05-01", kolkata), at("2024-05-02", kolkata))
    assert datetime.fromtimestamp(edges[0] / 1000, UTC).minute == 30
    # 2024-04-26 begins at 01:00 in Cairo.
    before, short, after = bounds(Span.DAY, cairo, at("2024-04-25", cairo), at("2024-04-26T12:00", cairo))
    assert (short - before, after - short) == (24 * HOUR_MS, 23 * HOUR_MS)


def test_a_replaced_counter_begins_again_and_silence_is_spread() -> None:
    start_ms = at("2024-06-01")
    day = 24 * HOUR_MS
    looks: list[tuple[int, dict[str, float]]] = [(start_ms, {PV_ENERGY_TOTAL: 900.0})]
    looks.append((start_ms + day, {PV_ENERGY_TOTAL: 100.0}))
    looks.append((start_ms + 4 * day, {PV_ENERGY_TOTAL: 400.0}))
    told = by_period(looks, bounds(Span.DAY, BERLIN, start_ms, start_ms + 5 * day))
    assert told == [{PV_ENERGY_TOTAL: 100.0}] * 4 + [{}]


@given(st.lists(st.tuples(st.integers(1, 10**8), st.floats(0, 1e6)), min_size=2, max_size=30))
def test_nothing_is_lost_and_nothing_made(steps: list[tuple[int, float]]) -> None:
    looks: list[tuple[int, dict[str, float]]] = []
    at_ms, total = at("2024-03-01"), 0.0
    for step_ms, gained in steps:
        looks.append((at_ms, {PV_ENERGY_TOTAL: total}))
        at_ms, total = at_ms + step_ms, total + gained
    edges = bounds(Span.DAY, BERLIN, looks[0][0], looks[-1][0])
    told = sum(each.get(PV_ENERGY_TOTAL, 0.0) for each in by_period(looks, edges))
    assert told == pytest.approx(looks[-1][1][PV_ENERGY_TOTAL], rel=1e-9, abs=1e-6)
