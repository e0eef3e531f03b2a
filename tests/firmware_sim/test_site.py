"""Each shipped scenario over 30 days and the first hours of live: what is broken shows, what is healthy does not."""

from collections.abc import Mapping
from functools import cache

import pytest

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BOILER_FAULT,
    BURNER_ON,
    FLOW_TEMPERATURE,
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_STATE,
    LOAD_POWER,
    PUMP_ON,
    PV_POWER,
    ROOM_TEMPERATURE,
    InverterState,
    SignalName,
)
from firmware_sim.failures import FaultCode
from firmware_sim.registers import HOLDING
from firmware_sim.scenario import SiteKind, load_scenario, shipped
from firmware_sim.site import Site
from tests.firmware_sim.support import LIVE_MS, MINUTE_MS, ORIGIN_MS

Seen = Mapping[SignalName, float]
END_MS = LIVE_MS + 120 * MINUTE_MS
HOMES = [name for name in shipped() if load_scenario(name).kind is SiteKind.HOME]
BOILERS = [name for name in shipped() if load_scenario(name).kind is SiteKind.BOILER]


@cache
def life(name: str) -> dict[int, Seen | None]:
    site = Site(load_scenario(name), ORIGIN_MS)
    return {at_ms: site.observe(at_ms) for at_ms in range(ORIGIN_MS, END_MS, MINUTE_MS)}


def broken(name: str, code: FaultCode) -> set[int]:
    """Minutes in which `code` is injected."""
    faults = [fault for fault in load_scenario(name).faults_from(ORIGIN_MS) if fault.code is code]
    return {at_ms for at_ms in life(name) if any(fault.start_ms <= at_ms < fault.end_ms for fault in faults)}


def windows(name: str, code: FaultCode) -> list[range]:
    faults = [fault for fault in load_scenario(name).faults_from(ORIGIN_MS) if fault.code is code]
    return [range(fault.start_ms, min(fault.end_ms, END_MS), MINUTE_MS) for fault in faults]


def not_charging(seen: Seen) -> bool:
    surplus = seen[PV_POWER] - seen[LOAD_POWER] / 0.97
    return surplus > 100 and seen[BATTERY_SOC] < 99.9 and seen[BATTERY_POWER] <= 0


def cold(seen: Seen) -> bool:
    return bool(seen[PUMP_ON]) and bool(seen[BURNER_ON]) and seen[FLOW_TEMPERATURE] < seen[ROOM_TEMPERATURE] + 4


@pytest.mark.parametrize("name", HOMES)
def test_a_battery_fails_to_charge_only_where_it_is_broken(name: str) -> None:
    shown = {at_ms for at_ms, seen in life(name).items() if seen is not None and not_charging(seen)}
    injected = broken(name, FaultCode.BATTERY_NOT_CHARGING)
    assert shown <= injected
    for window in windows(name, FaultCode.BATTERY_NOT_CHARGING):
        assert sum(at_ms in shown for at_ms in window[:45]) >= 30


@pytest.mark.parametrize("name", HOMES)
def test_a_dead_roof_shows_in_daylight(name: str) -> None:
    for window in windows(name, FaultCode.NO_SOLAR_PRODUCTION):
        assert all(seen is not None and seen[PV_POWER] == 0 for seen in map(life(name).get, window))
    dead = broken(name, FaultCode.NO_SOLAR_PRODUCTION) | broken(name, FaultCode.INVERTER_ALARM)
    noon = [at_ms for at_ms in life(name) if at_ms // 3_600_000 % 24 in (9, 10, 11) and at_ms not in dead]
    assert all(seen[PV_POWER] > 50 for at_ms in noon if (seen := life(name)[at_ms]) is not None)


@pytest.mark.parametrize("name", HOMES)
def test_an_alarm_is_shown_exactly_while_it_lasts(name: str) -> None:
    alarms = {at_ms for at_ms, seen in life(name).items() if seen is not None and seen[INVERTER_ALARM] != 0}
    assert alarms == broken(name, FaultCode.INVERTER_ALARM)
    states = {
        at_ms for at_ms, seen in life(name).items() if seen is not None and seen[INVERTER_STATE] == InverterState.FAULT
    }
    assert states == alarms


@pytest.mark.parametrize("name", shipped())
def test_a_device_is_silent_exactly_while_it_is_out_of_reach(name: str) -> None:
    silent = {at_ms for at_ms, seen in life(name).items() if seen is None}
    assert silent == broken(name, FaultCode.DEVICE_UNREACHABLE)


@pytest.mark.parametrize("name", BOILERS)
def test_a_fault_word_is_shown_exactly_while_something_is_broken(name: str) -> None:
    words = {at_ms for at_ms, seen in life(name).items() if seen is not None and seen[BOILER_FAULT] != 0}
    assert words == broken(name, FaultCode.BOILER_LOCKOUT) | broken(name, FaultCode.SENSOR_BROKEN)


@pytest.mark.parametrize("name", BOILERS)
def test_cold_water_in_a_running_circuit_means_no_heat(name: str) -> None:
    life_of = life(name)
    for window in windows(name, FaultCode.NO_HEAT):
        assert all(seen is not None and cold(seen) for seen in map(life_of.get, window[45:90]))
    excused = (
        broken(name, FaultCode.NO_HEAT) | broken(name, FaultCode.BOILER_LOCKOUT) | broken(name, FaultCode.SENSOR_BROKEN)
    )
    streak = 0
    for at_ms, seen in life_of.items():
        # Two hours after a fault the water is warm again.
        recent = any(at_ms - back * MINUTE_MS in excused for back in (0, 60, 120))
        streak = streak + 1 if seen is not None and not recent and cold(seen) else 0
        assert streak <= 10


@pytest.mark.parametrize("name", BOILERS)
def test_a_healthy_house_is_warm(name: str) -> None:
    if load_scenario(name).faults:
        return
    rooms = [seen[ROOM_TEMPERATURE] for seen in life(name).values() if seen is not None]
    assert 17.5 < min(rooms) < max(rooms) < 24


def test_a_broken_sensor_is_missing_while_it_is_broken() -> None:
    name = "boiler-sensor-broken"
    missing = {at_ms for at_ms, seen in life(name).items() if seen is not None and ROOM_TEMPERATURE not in seen}
    assert missing == broken(name, FaultCode.SENSOR_BROKEN)
    site = Site(load_scenario(name), ORIGIN_MS)
    assert site.image(min(missing)).tables[HOLDING][19] == 0x7FFF
    assert site.image(min(missing) - MINUTE_MS).tables[HOLDING][19] < 300


@pytest.mark.parametrize("name", [*HOMES, "home-seattle"])
def test_the_balance_closes_up_to_the_inverter_s_losses(name: str) -> None:
    for seen in life(name).values():
        if seen is not None:
            losses = seen[PV_POWER] + seen[GRID_POWER] - seen[LOAD_POWER] - seen[BATTERY_POWER]
            assert -0.01 <= losses <= 0.035 * (seen[PV_POWER] + abs(seen[BATTERY_POWER])) + 0.01


@pytest.mark.parametrize("name", ["home-healthy", "home-seattle", "boiler-lockout"])
def test_a_restart_continues_seamlessly(name: str) -> None:
    again = Site(load_scenario(name), ORIGIN_MS)
    at_ms = LIVE_MS + 17 * MINUTE_MS
    assert again.observe(at_ms) == life(name)[at_ms]
    assert again.image(at_ms) == Site(load_scenario(name), ORIGIN_MS).image(at_ms)
