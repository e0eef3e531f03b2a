from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cloud.dashboard.formats import DAY_MS, HOUR_MS
from cloud.dashboard.ticks import time_ticks, value_ticks


def at(year: int, month: int, day: int, hour: int, minute: int) -> int:
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_ticks_span_the_values(low: float, spread: float) -> None:
    ticks = value_ticks(low, low + spread)
    margin = 1e-6 * max(1.0, abs(low), spread)
    assert ticks[0] <= low + margin
    assert ticks[-1] >= low + spread - margin
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))


def test_a_day_is_marked_by_local_hours() -> None:
    start = at(2026, 6, 17, 17, 10)
    labels = [label for _, label in time_ticks(start, start + DAY_MS, ZoneInfo("America/Los_Angeles"))]
    assert labels == ["12:00", "16:00", "20:00", "00:00", "04:00", "08:00"]


def test_a_zone_off_by_half_an_hour() -> None:
    start = at(2026, 6, 17, 0, 0)
    marks = time_ticks(start, start + DAY_MS, ZoneInfo("Asia/Kolkata"))
    assert [label for _, label in marks] == ["08:00", "12:00", "16:00", "20:00", "00:00", "04:00"]
    assert all(moment % HOUR_MS == HOUR_MS // 2 for moment, _ in marks)


def test_days_stay_midnights_over_a_change_of_clocks() -> None:
    start = at(2026, 3, 26, 12, 0)
    zone = ZoneInfo("Europe/Berlin")
    marks = time_ticks(start, start + 7 * DAY_MS, zone)
    assert [label for _, label in marks][:4] == ["Fri 27", "Sat 28", "Sun 29", "Mon 30"]
    gaps = {(b[0] - a[0]) // HOUR_MS for a, b in pairwise(marks)}
    assert gaps == {23, 24}


def test_a_month_has_few_marks() -> None:
    start = at(2026, 6, 1, 0, 0)
    assert 4 <= len(time_ticks(start, start + 30 * DAY_MS, ZoneInfo("UTC"))) <= 8
