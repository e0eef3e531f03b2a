from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import ROOM_TEMPERATURE
from firmware_sim.boiler import (
    LOCKOUT_FAULT_BIT,
    SENSOR_FAULT_BIT,
    Boiler,
    Control,
    HeatDrive,
    HeatNow,
    HeatParts,
    HeatStores,
    House,
    advanced,
    decide,
    draws,
    first_stores,
    flow_set_point,
    held_wh,
    lightest_radiator,
)
from firmware_sim.failures import HEALTHY, Effects
from tests.firmware_sim.support import ORIGIN_MS

PARTS = HeatParts(House(), Boiler(), Control())
DRIVES = st.builds(
    HeatDrive, outdoor=st.floats(-25, 30), hour=st.floats(0, 23.99), draw_l_per_s=st.sampled_from([0.0, 0.1, 0.3])
)
EFFECTS = st.sampled_from([HEALTHY, Effects(lockout=True), Effects(no_heat=True)])


def run(
    minutes: int, outdoor: float, effects: Effects = HEALTHY, hour: float = 12.0
) -> list[tuple[HeatStores, HeatNow]]:
    stores, life = first_stores(outdoor), []
    drive = HeatDrive(outdoor, hour, 0.0)
    for minute in range(minutes):
        now = decide(PARTS, stores, drive, effects if minute >= 600 else HEALTHY)
        life.append((stores, now))
        stores = advanced(PARTS, stores, now, drive, 60.0)
    return life


@given(st.lists(st.tuples(DRIVES, EFFECTS), min_size=1, max_size=60), st.floats(1, 60))
def test_heat_is_neither_made_nor_lost_unseen(life: list[tuple[HeatDrive, Effects]], dt_s: float) -> None:
    first = stores = first_stores(life[0][0].outdoor)
    for drive, effects in life:
        stores = advanced(PARTS, stores, decide(PARTS, stores, drive, effects), drive, dt_s)
    change = held_wh(PARTS, stores) - held_wh(PARTS, first)
    assert change == pytest.approx(stores.made_wh - stores.lost_wh, rel=1e-9, abs=1e-3)


@given(st.lists(st.tuples(DRIVES, EFFECTS), min_size=1, max_size=80))
def test_temperatures_stay_physical(life: list[tuple[HeatDrive, Effects]]) -> None:
    stores = first_stores(life[0][0].outdoor)
    for drive, effects in life:
        stores = advanced(PARTS, stores, decide(PARTS, stores, drive, effects), drive, 60.0)
        assert -30 < stores.room < 60
        for water in (stores.boiler, stores.radiator, stores.tank, stores.flow_sensor, stores.return_sensor):
            assert -10 < water < 100


@pytest.mark.parametrize("outdoor", [-10.0, 0.0, 10.0])
def test_the_room_settles_near_its_set_point(outdoor: float) -> None:
    stores, _ = run(3 * 1440, outdoor)[-1]
    assert abs(stores.room - 21.0) < 1.2


def test_colder_outside_means_hotter_water() -> None:
    points = [flow_set_point(Control(), 21.0, 21.0, outdoor) for outdoor in (15.0, 5.0, -5.0, -15.0, -60.0)]
    assert points == sorted(points)
    assert points[-1] == Control().flow_max


def test_the_mixing_valve_keeps_the_flow_at_its_set_point() -> None:
    errors = [abs(stores.flow_sensor - now.flow_set) for stores, now in run(1440, 0.0)[720:]]
    assert sum(errors) / len(errors) < 1.0


def test_the_burner_switches_with_a_hysteresis() -> None:
    burner = np.array([now.burner for _, now in run(1440, 0.0)[720:]])
    starts = int((burner[1:] & ~burner[:-1]).sum())
    assert 6 <= starts <= 40
    assert 0.1 < burner.mean() < 0.6


def test_in_summer_only_the_tank_is_heated() -> None:
    life = run(1440, 25.0)
    assert not any(now.pump for _, now in life[60:])
    assert min(stores.tank for stores, _ in life) > 45


def test_a_lockout_shows_its_word_and_the_house_cools() -> None:
    life = run(600 + 720, 0.0, Effects(lockout=True))
    before, (after, now) = life[599][0], life[-1]
    assert now.fault_word == 1 << LOCKOUT_FAULT_BIT
    assert not any(state.burner for _, state in life[600:])
    assert after.room < before.room - 3
    assert after.flow_sensor < before.flow_sensor - 15


def test_no_heat_is_a_running_pump_and_cold_water_without_a_fault_word() -> None:
    life = run(600 + 60, 0.0, Effects(no_heat=True))
    stores, now = life[-1]
    assert now.pump
    assert now.fault_word == 0
    assert now.valve_shown == 1.0
    assert stores.flow_sensor < stores.room + 3
    assert now.flow_set > 40
    assert stores.boiler > 40


def test_a_broken_sensor_sets_its_bit() -> None:
    broken = Effects(broken_sensors=frozenset({ROOM_TEMPERATURE}))
    now = decide(PARTS, first_stores(0.0), HeatDrive(0.0, 12.0, 0.0), broken)
    assert now.fault_word == 1 << SENSOR_FAULT_BIT


def test_night_setback_lowers_the_room() -> None:
    night, _ = run(1440, 0.0, hour=2.0)[-1]
    assert night.room < 19.5


def test_hot_water_is_drawn_the_same_way_in_any_cut() -> None:
    times = ORIGIN_MS / 1000 + np.arange(0.0, 5 * 86400.0, 60.0)
    whole = draws(ZoneInfo("Europe/Zurich"), 3, 3, times)
    assert np.array_equal(whole[2000:3000], draws(ZoneInfo("Europe/Zurich"), 3, 3, times[2000:3000]))
    litres = whole.sum() * 60 / 5
    assert 80 < litres < 300


def test_the_lightest_radiators_stay_between_boiler_and_room() -> None:
    least = lightest_radiator(HeatParts(House(radiator_w_per_k=400.0), Boiler(), Control()))
    parts = HeatParts(House(radiator_w_per_k=400.0, radiator_capacity=least), Boiler(), Control())
    stores, drive = first_stores(0.0), HeatDrive(0.0, 12.0, 0.0)
    for _ in range(1440):
        before, now = stores, decide(parts, stores, drive, HEALTHY)
        stores = advanced(parts, stores, now, drive, 60.0)
        assert before.room - 0.1 <= stores.radiator <= max(before.boiler, before.radiator) + 0.1
