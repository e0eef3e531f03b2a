from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadInput
from cloud.jobs.schedule import ByHand, Daily, Every, due_after, parse


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("text", ["every 90 s", "every 10 min", "every 2 h", "every 1 d", "by hand", "daily 02:30 UTC"])
def test_what_is_written_can_be_read(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "every 0 s", "every x", "every 5 weeks", "daily 24:00", "daily 2:60", "daily", "daily 02:30 Mars/Base"],
)
def test_what_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(BadInput, match="expected"):
        parse(text)


def test_a_daily_time_is_local_through_the_year() -> None:
    night = Daily(2, 30, "Europe/Berlin")
    assert due_after(night, ms("2026-01-10T00:00")) == ms("2026-01-10T01:30")
    assert due_after(night, ms("2026-07-10T00:00")) == ms("2026-07-10T00:30")
    assert due_after(night, ms("2026-07-10T00:30")) == ms("2026-07-11T00:30")


def test_the_hour_that_is_left_out_and_the_hour_that_comes_twice() -> None:
    night = Daily(2, 30, "Europe/Berlin")
    spring = due_after(night, ms("2026-03-28T12:00"))
    assert spring == ms("2026-03-29T01:30"), "02:30 is not: 03:30 stands for it"
    autumn = due_after(night, ms("2026-10-24T12:00"))
    assert autumn == ms("2026-10-25T00:30")
    assert due_after(night, autumn or 0) == ms("2026-10-26T01:30"), "once in that night"


@given(
    st.integers(ms("2020-01-01"), ms("2030-01-01")),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.integers(0, 23),
    st.integers(0, 59),
)
def test_a_daily_job_is_due_once_a_day(last_ms: int, zone: str, hour: int, minute: int) -> None:
    first = due_after(Daily(hour, minute, zone), last_ms)
    assert first is not None
    second = due_after(Daily(hour, minute, zone), first)
    assert second is not None
    assert last_ms < first <= last_ms + 26 * 3_600_000
    days = [datetime.fromtimestamp(at / 1000, ZoneInfo(zone)).date() for at in (first, second)]
    assert (days[1] - days[0]).days == 1


def test_others() -> None:
    assert due_after(Every(600), 1000) == 601_000
    assert due_after(ByHand(), 1000) is None
