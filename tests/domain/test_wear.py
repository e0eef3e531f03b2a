"""Trends that end in a fault, and the record that says so."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadMessage
from agent.domain.maintenance import MAINTENANCE, Maintenance, maintenance_body, maintenance_of
from agent.domain.wear import Fading, Forecast

GOLDEN = Maintenance("water_pressure", 1.12, 0.8, -0.03, 9.2, 13.8)
GOLDEN_BYTES = bytes.fromhex(
    "96ae77617465725f7072657373757265cb3ff1eb851eb851eccb3fe999999999999acbbf9eb851eb851eb8cb4022666666666666cb402b99999999999a"
)


def leaking(days: int, per_day: float, noise: float, seed: int = 1) -> Fading:
    dice = random.Random(seed)
    fading = Fading(0.8, 0.01)
    for day in range(days):
        fading.update(day, 1.6 + per_day * day + dice.gauss(0, noise))
    return fading


@pytest.mark.parametrize("seed", range(20))
def test_the_interval_holds_the_day_on_which_it_will_be(seed: int) -> None:
    told = leaking(15, -0.03, 0.01, seed).value()
    truth = (1.6 - 0.8) / 0.03 - 14
    assert told is not None
    assert told.days_low - 1 <= truth <= told.days_high + 1
    assert told.days_high - told.days_low < 12


@pytest.mark.parametrize(("days", "per_day"), [(6, -0.03), (30, 0.0), (30, 0.01)])
def test_no_trend_towards_the_limit_tells_nothing(days: int, per_day: float) -> None:
    assert leaking(days, per_day, 0.01).value() is None


def test_what_was_refilled_begins_anew() -> None:
    fading = leaking(15, -0.03, 0.005)
    fading.update(15, 1.6)
    assert fading.value() is None
    assert fading.state() == [15, 1.6]


def test_what_rises_is_held_against_a_limit_above() -> None:
    fading = Fading(2.0, 0.05, rises=True)
    for day in range(20):
        fading.update(day, 1.0 + 0.02 * day)
    told = fading.value()
    assert told is not None
    assert told.days_low <= 31 <= told.days_high + 1e-6
    for day in range(20, 60):
        fading.update(day, 1.0 + 0.02 * day)
    assert fading.value() is None  # it is there: the rule itself speaks now


@given(st.lists(st.floats(0.5, 3.0), max_size=90))
def test_a_restart_changes_nothing_and_memory_is_bounded(values: list[float]) -> None:
    fading, again = Fading(0.8, 0.01), Fading(0.8, 0.01)
    for day, value in enumerate(values):
        fading.update(day, value)
        again.restore(again.state())
        again.update(day, value)
    assert again.value() == fading.value()
    assert again.state() == fading.state()
    assert len(fading.state()) <= 120


def test_the_record_keeps_its_bytes() -> None:
    body = maintenance_body(GOLDEN)
    assert (body.kind, body.raw) == (MAINTENANCE, GOLDEN_BYTES)
    assert maintenance_of(GOLDEN_BYTES) == GOLDEN


def test_a_longer_record_of_a_later_version_is_read_and_a_damaged_one_refused() -> None:
    assert maintenance_of(b"\x97" + GOLDEN_BYTES[1:] + b"\xc0") == GOLDEN
    with pytest.raises(BadMessage, match="maintenance record"):
        maintenance_of(GOLDEN_BYTES[:-1])


def test_a_forecast_is_plain_numbers() -> None:
    assert Forecast(1.0, -0.1, 1.0, 2.0).per_day == -0.1
