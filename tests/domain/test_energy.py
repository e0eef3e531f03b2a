"""Energy: measured where it is, exactly integrated where it is not."""

from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.energy import EnergyMeter, Integral
from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_ENERGY_TOTAL,
    LOAD_POWER,
    PV_ENERGY_TOTAL,
    PV_POWER,
    Quality,
    Reading,
    SignalName,
)
from agent.domain.wire import Energy

GAP_MS = 900_000
MINUTE = 60_000


def carried(state: Any) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state))


samples = st.lists(st.tuples(st.integers(1, 1_200_000), st.floats(-20_000, 20_000)), max_size=25).map(
    lambda steps: [(sum(step for step, _ in steps[: i + 1]), power) for i, (_, power) in enumerate(steps)]
)


def integral_of(history: list[tuple[int, float]], start: Integral | None = None) -> Integral:
    integral = start or Integral(GAP_MS)
    for at_ms, power in history:
        integral.update(at_ms, power)
    return integral


def formula(history: list[tuple[int, float]]) -> tuple[float, float]:
    """The trapezoids of both parts, over exact fractions of milliwatts."""
    parts = [Fraction(0), Fraction(0)]
    for (t0, p0), (t1, p1) in pairwise(history):
        if t1 - t0 <= GAP_MS:
            for i, sign in enumerate((1, -1)):
                a, b = (max(0, sign * round(p * 1000)) for p in (p0, p1))
                parts[i] += Fraction(a + b, 2) * (t1 - t0)
    return float(parts[0] / 3_600_000_000), float(parts[1] / 3_600_000_000)


@given(samples)
def test_the_integral_is_its_formula_at_each_step(history: list[tuple[int, float]]) -> None:
    integral = Integral(GAP_MS)
    for n, (at_ms, power) in enumerate(history, 1):
        integral.update(at_ms, power)
        assert integral.value() == formula(history[:n])


@given(samples, st.integers(0, 25))
def test_an_integral_goes_on_after_a_restart(history: list[tuple[int, float]], cut: int) -> None:
    before = integral_of(history[:cut])
    after = integral_of(history[cut:], Integral.from_state(GAP_MS, carried(before.state())))
    assert after.state() == integral_of(history).state()


@given(samples, samples)
def test_integrals_of_far_periods_merge(first: list[tuple[int, float]], second: list[tuple[int, float]]) -> None:
    later = [(at_ms + 10**9, power) for at_ms, power in second]
    merged = integral_of(first)
    merged.merge(integral_of(later))
    assert merged.state() == integral_of(first + later).state()


def test_a_lifetime_fits_the_state() -> None:
    integral = integral_of([(i * GAP_MS, 50_000.0) for i in range(3)])
    integral.positive *= 100 * 365 * 24 * 2
    state = carried(integral.state())
    assert Integral.from_state(GAP_MS, state).value() == (25_000.0 * 100 * 365 * 24 * 2, 0.0)


def test_a_gap_is_not_bridged_and_a_clock_set_back_takes_nothing_away() -> None:
    assert integral_of([(0, 1000.0), (GAP_MS + 1, 1000.0)]).value() == (0.0, 0.0)
    assert integral_of([(MINUTE, 1000.0), (0, 1000.0), (MINUTE, 1000.0)]).value() == pytest.approx((1000 / 60, 0))


POWERS: dict[SignalName, float] = {PV_POWER: 3000.0, LOAD_POWER: 1000.0, BATTERY_POWER: 1500.0, GRID_POWER: -500.0}


def test_each_hour_tells_what_was_integrated() -> None:
    meter = EnergyMeter(GAP_MS)
    told = [energy for minute in range(121) for energy in meter.update(Reading(minute * MINUTE, POWERS))]
    counters: dict[str, float] = {
        PV_ENERGY_TOTAL: 3000.0,
        LOAD_ENERGY_TOTAL: 1000.0,
        BATTERY_CHARGE_TOTAL: 1500.0,
        BATTERY_DISCHARGE_TOTAL: 0.0,
        GRID_IMPORT_TOTAL: 0.0,
        GRID_EXPORT_TOTAL: 500.0,
    }
    doubled = {name: 2 * wh for name, wh in counters.items()}
    assert told == [Energy(60 * MINUTE, counters, False), Energy(120 * MINUTE, doubled, False)]


def test_a_measured_counter_takes_the_place_of_its_integral() -> None:
    meter = EnergyMeter(GAP_MS)
    values = {**POWERS, PV_ENERGY_TOTAL: 5_000_000.0, SignalName(f"{PV_ENERGY_TOTAL}_2"): 7.0}
    meter.update(Reading(0, values))
    measured, integrated = meter.update(Reading(60 * MINUTE, {}, {PV_ENERGY_TOTAL: Quality.MISSING}))
    assert measured == Energy(60 * MINUTE, {PV_ENERGY_TOTAL: 5_000_000.0, f"{PV_ENERGY_TOTAL}_2": 7.0}, True)
    assert not integrated.measured
    assert PV_ENERGY_TOTAL not in integrated.counters
    assert LOAD_ENERGY_TOTAL in integrated.counters


def test_a_boiler_has_no_energy_to_tell() -> None:
    meter = EnergyMeter(GAP_MS)
    assert [meter.update(Reading(hour * 60 * MINUTE, {})) for hour in range(3)] == [[], [], []]


@given(st.lists(st.tuples(st.integers(1, 40 * MINUTE), st.floats(-5e3, 5e3)), max_size=25), st.integers(0, 25))
def test_a_meter_goes_on_after_a_restart(steps: list[tuple[int, float]], cut: int) -> None:
    at_ms, history = 0, []
    for step, power in steps:
        at_ms += step
        history.append(Reading(at_ms, {GRID_POWER: power, PV_ENERGY_TOTAL: at_ms / 1000}))
    straight = EnergyMeter(GAP_MS)
    told = [straight.update(reading) for reading in history]
    before = EnergyMeter(GAP_MS)
    split = [before.update(reading) for reading in history[:cut]]
    after = EnergyMeter.from_state(GAP_MS, carried(before.state()))
    split += [after.update(reading) for reading in history[cut:]]
    assert split == told
    assert after.state() == straight.state()


@given(
    st.lists(st.floats(-9e3, 9e3), min_size=1, max_size=30),
    st.sampled_from((0, 60_000, 900_000, 900_001)),
    st.booleans(),
)
def test_an_integral_at_one_pace_is_that_of_single_samples(powers: list[float], step_ms: int, late: bool) -> None:
    one, many = Integral(900_000), Integral(900_000)
    times = [(number + (late and number > 2)) * step_ms for number in range(len(powers))]
    for at_ms, power in zip(times, powers, strict=True):
        one.update(at_ms, power)
    for part in (slice(0, 1), slice(1, 8), slice(8, None)):
        many.update_all(times[part], powers[part])
    assert many.state() == one.state()
