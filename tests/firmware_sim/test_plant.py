import time
from zoneinfo import ZoneInfo

import pytest

from firmware_sim.battery import Battery
from firmware_sim.boiler import Boiler, Control, HeatParts, House
from firmware_sim.failures import Fault, FaultCode
from firmware_sim.home import HomeParts, Inverter
from firmware_sim.load import Household
from firmware_sim.plant import SimulatedBoiler, SimulatedHome, Surroundings
from firmware_sim.solar import Place, PvString
from firmware_sim.weather import Climate
from tests.firmware_sim.support import DAY_MINUTES, MINUTE_MS, ORIGIN_MS

BERLIN = Surroundings(Place(52.5, 13.4), ZoneInfo("Europe/Berlin"), Climate(0.4, 10, 9, 5), 7, ORIGIN_MS)
DAVOS = Surroundings(Place(46.8, 9.8, 1560), ZoneInfo("Europe/Zurich"), Climate(0.4, 3, 8, 4), 7, ORIGIN_MS)
FAULT = Fault(FaultCode.NO_SOLAR_PRODUCTION, ORIGIN_MS + 60 * MINUTE_MS, ORIGIN_MS + 120 * MINUTE_MS)


def home(*faults: Fault, around: Surroundings = BERLIN) -> SimulatedHome:
    parts = HomeParts(Inverter(8000), Battery(10_000, 5000, 5000))
    return SimulatedHome(around, parts, [PvString(4500, 35, 170), PvString(4000, 35, 200)], Household(), faults)


def heat(*faults: Fault) -> SimulatedBoiler:
    return SimulatedBoiler(DAVOS, HeatParts(House(), Boiler(), Control()), 3, faults)


@pytest.mark.parametrize("make", [home, heat])
def test_the_state_does_not_depend_on_what_was_asked_before(make: object) -> None:
    assert callable(make)
    instants = [ORIGIN_MS + minute * MINUTE_MS + 12_345 for minute in (0, 1, 700, 2000, 4321)]
    stepped = make()
    answers = {}
    for at_ms in range(ORIGIN_MS, instants[-1] + 1, 7 * MINUTE_MS):
        stepped.state_at(at_ms)
    for at_ms in reversed(instants):
        answers[at_ms] = stepped.state_at(at_ms)
    for at_ms in instants:
        assert make().state_at(at_ms) == answers[at_ms]


def test_inside_a_minute_powers_hold_and_counters_run() -> None:
    plant = home()
    start, half = plant.state_at(ORIGIN_MS), plant.state_at(ORIGIN_MS + 30_000)
    assert half.flows == start.flows
    gained = sum(half.stores.strings_wh) - sum(start.stores.strings_wh)
    assert gained == pytest.approx(start.flows.pv_w / 120.0)


def test_a_fault_holds_from_its_start_to_its_end() -> None:
    plant, healthy = home(FAULT), home()
    for minute in range(0, 180, 5):
        at_ms = ORIGIN_MS + minute * MINUTE_MS
        state = plant.state_at(at_ms)
        if 60 <= minute < 120:
            assert state.flows.pv_w == 0
            assert healthy.state_at(at_ms).flows.pv_w > 100
        else:
            assert state.flows.pv_w > 0


def test_another_seed_is_another_life() -> None:
    other = Surroundings(BERLIN.place, BERLIN.zone, BERLIN.climate, 8, ORIGIN_MS)
    at_ms = ORIGIN_MS + 1000 * MINUTE_MS
    assert home().state_at(at_ms).flows != home(around=other).state_at(at_ms).flows


@pytest.mark.parametrize("make", [home, heat])
def test_before_its_start_there_is_nothing(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match="before the start"):
        make().state_at(ORIGIN_MS - 1)


@pytest.mark.parametrize("make", [home, heat])
def test_thirty_days_take_a_few_seconds(make: object) -> None:
    assert callable(make)
    started = time.process_time()
    make().state_at(ORIGIN_MS + 30 * DAY_MINUTES * MINUTE_MS)
    assert time.process_time() - started < 8
