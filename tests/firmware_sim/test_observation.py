import pytest

from agent.domain.signals import (
    BATTERY_SOC,
    BOILER_FAULT,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_TEMPERATURE,
    LOAD_POWER,
    PUMP_ON,
    PV_POWER,
    ROOM_TEMPERATURE,
    SIGNALS,
    SignalName,
)
from firmware_sim.observation import HEAT_SIGNALS, HOME_SIGNALS, shown
from firmware_sim.scenario import load_scenario, shipped
from firmware_sim.site import Site
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS


@pytest.mark.parametrize("name", shipped())
def test_what_is_seen_is_in_the_vocabulary_and_in_range(name: str) -> None:
    site = Site(load_scenario(name), ORIGIN_MS)
    assert site.signals in (HOME_SIGNALS, HEAT_SIGNALS)
    for minute in range(0, 1440, 97):
        seen = site.observe(ORIGIN_MS + minute * MINUTE_MS)
        assert seen is not None
        assert set(seen) <= set(site.signals)
        for signal, value in seen.items():
            assert SIGNALS[signal].low <= value <= SIGNALS[signal].high


def test_a_recording_leaves_out_what_it_does_not_know() -> None:
    seen = Site(load_scenario("home-seattle"), ORIGIN_MS).observe(ORIGIN_MS)
    assert seen is not None
    assert set(HOME_SIGNALS) - set(seen) == {INVERTER_TEMPERATURE, INVERTER_ALARM}


@pytest.mark.parametrize(
    ("signal", "value", "cell"),
    [
        (PV_POWER, 1234.56, "1234.6"),
        (LOAD_POWER, 0.0, "0"),
        (GRID_POWER, -0.04, "0"),
        (GRID_POWER, -4.04, "-4.0"),
        (BATTERY_SOC, 99.996, "100.00"),
        (ROOM_TEMPERATURE, 20.04, "20.0"),
        (GRID_IMPORT_TOTAL, 99.7, "100"),
        (PUMP_ON, 1.0, "1"),
        (BOILER_FAULT, 128.0, "128"),
    ],
)
def test_cells_have_the_resolution_of_registers(signal: SignalName, value: float, cell: str) -> None:
    assert shown(signal, value) == cell
