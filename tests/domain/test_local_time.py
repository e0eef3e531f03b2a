"""A site's wall clock, through every change of it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.local_time import NOON, LocalTime

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]


@given(st.integers(1_000_000_000_000, 1_900_000_000_000), st.sampled_from(ZONES))
def test_it_is_the_wall_clock(at_ms: int, zone: str) -> None:
    there = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    local = LocalTime(ZoneInfo(zone))
    local.minute_of_day(at_ms - 20 * 60_000)
    assert local.minute_of_day(at_ms) == there.hour * 60 + there.minute
    assert local.day(at_ms) == there.date().toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()


@pytest.mark.parametrize(("utc", "noon"), [("2024-03-30T11:00Z", True), ("2024-03-31T10:00Z", True)])
def test_noon_moves_with_summer_time(utc: str, noon: bool) -> None:
    at_ms = int(datetime.fromisoformat(utc).timestamp() * 1000)
    local = LocalTime(ZoneInfo("Europe/Berlin"))
    assert (local.minute_of_day(at_ms) == NOON) is noon
    assert local.minute_of_day(at_ms + 3_600_000) == NOON + 60
