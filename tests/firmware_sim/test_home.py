import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import InverterAlarm, InverterState
from firmware_sim.battery import Battery
from firmware_sim.failures import HEALTHY, BatteryMode, Effects
from firmware_sim.home import Drive, Flows, HomeParts, Inverter, advanced, first_stores, flows

PARTS = HomeParts(Inverter(8000.0), Battery(10_000, 5000, 5000))
POWERS = st.floats(0, 12_000)
DRIVES = st.builds(Drive, strings_w=st.tuples(POWERS, POWERS), load_w=st.floats(0, 15_000), outdoor=st.floats(-20, 40))
EFFECTS = st.builds(
    Effects,
    battery=st.sampled_from([None, *BatteryMode]),
    solar_dead=st.booleans(),
    alarm=st.sampled_from([InverterAlarm.NONE, InverterAlarm.NONE, InverterAlarm.TEMPERATURE]),
)
LIVES = st.lists(st.tuples(DRIVES, EFFECTS), min_size=1, max_size=40)


def losses(now: Flows) -> float:
    return now.pv_w + now.grid_w - now.load_w - now.battery_w


@given(LIVES, st.floats(0, 1))
def test_the_balance_closes_and_nothing_leaves_its_bounds(life: list[tuple[Drive, Effects]], soc: float) -> None:
    parts = HomeParts(PARTS.inverter, PARTS.battery, first_soc=soc)
    stores = first_stores(parts, 2)
    for drive, effects in life:
        now = flows(parts, stores, drive, effects, 60.0)
        assert now.ac_w <= parts.inverter.ac_limit_w + 1e-6
        assert now.load_w == pytest.approx(now.ac_w + now.grid_w)
        assert -1e-6 <= losses(now) <= 0.031 * (now.ac_w / 0.97 + 1) + 1e-6
        assert -5000 <= now.battery_w <= 5000
        assert all(0 <= used <= offered + 1e-9 for used, offered in zip(now.strings_w, drive.strings_w, strict=True))
        after = advanced(parts, stores, now, drive.outdoor, 60.0)
        assert 0 <= after.stored_wh <= parts.battery.capacity_wh
        for counter in ("charge_wh", "discharge_wh", "import_wh", "export_wh", "ac_wh"):
            assert getattr(after, counter) >= getattr(stores, counter)
        assert all(new >= old for new, old in zip(after.strings_wh, stores.strings_wh, strict=True))
        stores = after


@given(LIVES)
def test_energy_is_conserved_over_a_life(life: list[tuple[Drive, Effects]]) -> None:
    first = stores = first_stores(PARTS, 2)
    lost = 0.0
    for drive, effects in life:
        now = flows(PARTS, stores, drive, effects, 60.0)
        lost += losses(now) / 60.0 + now.load_w / 60.0
        stores = advanced(PARTS, stores, now, drive.outdoor, 60.0)
    given_wh = sum(stores.strings_wh) - sum(first.strings_wh) + stores.import_wh - first.import_wh
    taken_wh = stores.export_wh - first.export_wh + lost
    battery = stores.charge_wh - first.charge_wh - (stores.discharge_wh - first.discharge_wh)
    assert given_wh == pytest.approx(taken_wh + battery, abs=1e-3)
    charged = 0.97 * (stores.charge_wh - first.charge_wh) - (stores.discharge_wh - first.discharge_wh) / 0.97
    assert stores.stored_wh - first.stored_wh == pytest.approx(charged, abs=1e-3)


def at(pv: float, load: float, effects: Effects = HEALTHY, soc: float = 0.5) -> Flows:
    stores = first_stores(HomeParts(PARTS.inverter, PARTS.battery, first_soc=soc), 1)
    return flows(PARTS, stores, Drive((pv,), load, 15.0), effects, 60.0)


def test_the_house_comes_first_then_the_battery_then_the_grid() -> None:
    assert at(3000, 970).battery_w == pytest.approx(2000)
    assert at(3000, 970).grid_w == pytest.approx(0)
    assert at(7000, 970).battery_w == 5000
    assert at(7000, 970).grid_w == pytest.approx(-970)
    assert at(0, 970).battery_w == pytest.approx(-1000)
    assert at(0, 7000).grid_w == pytest.approx(7000 - 5000 * 0.97)


def test_a_full_battery_lets_the_surplus_go() -> None:
    now = at(7000, 970, soc=1.0)
    assert now.battery_w == 0
    assert now.grid_w == pytest.approx(-(7000 * 0.97 - 970))


def test_the_panels_are_throttled_at_the_inverter_s_limit() -> None:
    now = at(12_000, 500, soc=1.0)
    assert now.state is InverterState.THROTTLED
    assert now.ac_w == pytest.approx(8000)
    assert now.pv_w == pytest.approx(8000 / 0.97)


def test_each_fault_looks_like_itself() -> None:
    assert at(3000, 500, Effects(battery=BatteryMode.IDLE)).battery_w == 0
    assert at(3000, 500, Effects(battery=BatteryMode.DISCHARGING)).battery_w < -100
    dead = at(3000, 500, Effects(solar_dead=True))
    assert dead.pv_w == 0
    assert dead.battery_w == pytest.approx(-500 / 0.97)
    tripped = at(3000, 500, Effects(alarm=InverterAlarm.GRID))
    assert (tripped.state, tripped.alarm) == (InverterState.FAULT, InverterAlarm.GRID)
    assert (tripped.pv_w, tripped.battery_w, tripped.ac_w, tripped.grid_w) == (0, 0, 0, 500)


def test_an_empty_battery_at_night_sleeps() -> None:
    assert at(0, 500, soc=0.05).state is InverterState.SLEEPING
    assert at(0, 500, soc=0.05).grid_w == 500
    assert at(0, 500, soc=0.5).state is InverterState.RUNNING
