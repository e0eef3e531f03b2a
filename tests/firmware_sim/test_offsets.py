from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.clock import instant_text, parse_instant
from firmware_sim.offsets import Offset, parse_offset
from tests.firmware_sim.support import ORIGIN_MS

BERLIN = ZoneInfo("Europe/Berlin")


def test_it_means_the_site_s_own_clock() -> None:
    offset = parse_offset("+30d 11:05")
    assert instant_text(offset.at_ms(ORIGIN_MS, BERLIN)) == "2026-05-31T09:05:00Z"
    assert instant_text(offset.at_ms(ORIGIN_MS, ZoneInfo("America/Los_Angeles"))) == "2026-05-31T18:05:00Z"


def test_day_zero_is_the_origin_s_local_date() -> None:
    late = parse_instant("2026-05-01T23:30:00Z")
    assert instant_text(parse_offset("+0d 08:00").at_ms(late, BERLIN)) == "2026-05-02T06:00:00Z"


def test_it_keeps_the_clock_over_a_change_to_summer_time() -> None:
    march = parse_instant("2026-03-28T00:00:00Z")
    assert instant_text(parse_offset("+2d 12:00").at_ms(march, BERLIN)) == "2026-03-30T10:00:00Z"


@given(st.integers(0, 9999), st.integers(0, 23), st.integers(0, 59))
def test_every_time_of_day_is_read(days: int, hours: int, minutes: int) -> None:
    assert parse_offset(f"+{days}d {hours:02}:{minutes:02}") == Offset(days, hours * 60 + minutes)


@pytest.mark.parametrize(
    "text", ["", "2d 10:00", "+2d", "+2d 24:00", "+2d 9:00", "+2d 10:60", "+2d 10:00 ", "+-1d 10:00"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time; expected a local time like '\+12d 10:30'"):
        parse_offset(text)
