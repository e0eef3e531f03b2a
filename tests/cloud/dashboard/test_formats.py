from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import signals as sg
from cloud.dashboard import formats


@pytest.mark.parametrize("text", ["Mars/Olympus", "", "../etc/passwd", "a" * 300, "\x00", "Europe"])
def test_a_zone_that_does_not_exist_is_utc(text: str) -> None:
    assert formats.zone_of(text).key == "UTC"


def test_times_name_their_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")
    at_ms = 1_781_781_000_000
    assert formats.full_time(at_ms, zone) == "2026-06-18 13:10:00 CEST (Europe/Berlin)"
    assert formats.clock_text(at_ms, zone, at_ms) == "13:10"
    assert formats.clock_text(at_ms, zone, at_ms + formats.DAY_MS) == "18 Jun 13:10"
    assert formats.clock_text(at_ms, zone, at_ms + 300 * formats.DAY_MS) == "18 Jun 2026 13:10"


@given(st.integers(-(2**63), 2**63))
def test_no_time_breaks_a_page(at_ms: int) -> None:
    assert formats.full_time(at_ms, ZoneInfo("Pacific/Kiritimati"))
    assert formats.full_time(at_ms, ZoneInfo("Pacific/Pago_Pago"))


@given(st.floats())
def test_no_number_breaks_a_page(value: float) -> None:
    for write in (formats.number, formats.watts, formats.energy, formats.hours, formats.percent, formats.duration):
        assert isinstance(write(value), str)


@pytest.mark.parametrize(
    ("age", "text"),
    [(0, "now"), (20_000, "20 s ago"), (60_000, "1 min ago"), (3 * 3_600_000, "3 h ago"), (-120_000, "in the future")],
)
def test_how_long_ago(age: int, text: str) -> None:
    assert formats.ago(10**12 - age, 10**12) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (sg.BATTERY_SOC, 61.5, "61.5 %"),
        (sg.BATTERY_POWER, -182.0, "−182 W"),
        (sg.PUMP_ON, 1.0, "on"),
        (sg.BURNER_ON, 0.5, "50 %"),
        (sg.WATER_PRESSURE, 1.6, "1.60 bar"),
        ("flow_temperature_2", 41.0, "41.0 °C"),
        (sg.PV_ENERGY_TOTAL, 12_345.0, "12.3 kWh"),
        (f"worst_{sg.BATTERY_POWER}", -180.0, "−180 W"),
        (f"expected_{sg.PV_POWER}", 2400.0, "2\u202f400 W"),
        (f"factor_of_{sg.GRID_POWER}", -1.0, "−1.00"),
        ("produced_wh", 4680.0, "4.7 kWh"),
        ("missing_minutes", 95.0, "1 h 35 min"),
        ("by_s", -3600.0, "−1 h"),
        ("unchanged_hours", 7.5, "7 h 30 min"),
        ("starts_per_hour", 6.3, "6.3 an hour"),
        (sg.INVERTER_ALARM, 4.0, "Hardware"),
        (sg.INVERTER_STATE, 6.0, "Fault"),
        (sg.INVERTER_STATE, 99.0, "99"),
        ("pv_surplus", 1.5, "1.50"),
    ],
)
def test_values_carry_their_unit(name: str, value: float, text: str) -> None:
    assert formats.with_unit(name, value) == text


@pytest.mark.parametrize(("share", "text"), [(1.0, "100.0 %"), (0.99999, "99.9 %"), (0.5, "50.0 %"), (None, "–")])
def test_less_than_all_is_never_written_as_all(share: float | None, text: str) -> None:
    assert formats.percent(share, 1) == text


def test_nothing_negative_is_left_of_a_rounded_zero() -> None:
    assert formats.number(-0.3) == "0"


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (None, 120.4, None, "> 120 h, no failure yet"),
        (61.4, 29.8, 152.8, "61 h (30 … 153 h)"),
        (61.4, 29.8, None, "61 h (> 30 h)"),
        (None, None, None, "–"),
    ],
)
def test_mtbf(value: float | None, low: float | None, high: float | None, text: str) -> None:
    assert formats.mtbf(value, low, high) == text
