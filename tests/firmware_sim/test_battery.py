import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.battery import Battery, charge_possible, discharge_possible, stored_after

BATTERIES = st.builds(
    Battery,
    capacity_wh=st.floats(500, 100_000),
    charge_limit_w=st.floats(100, 20_000),
    discharge_limit_w=st.floats(100, 20_000),
    charge_efficiency=st.floats(0.5, 1.0),
    discharge_efficiency=st.floats(0.5, 1.0),
    low_share=st.floats(0.0, 0.5),
)
SHARES = st.floats(0.0, 1.0)
STEPS = st.floats(1.0, 60.0)


@given(BATTERIES, SHARES, STEPS)
def test_possible_powers_never_leave_the_bounds(battery: Battery, share: float, dt_s: float) -> None:
    stored = share * battery.capacity_wh
    charge = charge_possible(battery, stored, dt_s)
    discharge = discharge_possible(battery, stored, dt_s)
    assert 0.0 <= charge <= battery.charge_limit_w
    assert 0.0 <= discharge <= battery.discharge_limit_w
    tiny = 1e-9 * battery.capacity_wh
    assert stored_after(battery, stored, charge, dt_s) <= battery.capacity_wh
    if discharge > 0:
        assert stored_after(battery, stored, -discharge, dt_s) >= battery.low_wh - tiny


def test_it_charges_slower_near_full_and_gets_there() -> None:
    battery, stored, minutes = Battery(10_000, 5000, 5000), 9_000.0, 0
    while stored < 10_000.0:
        stored = stored_after(battery, stored, charge_possible(battery, stored, 60.0), 60.0)
        minutes += 1
        assert minutes < 120
    assert charge_possible(battery, 9_600.0, 60.0) == 5000
    assert charge_possible(battery, 9_990.0, 60.0) < 1500


def test_a_round_trip_costs_both_efficiencies() -> None:
    battery = Battery(10_000, 5000, 5000, charge_efficiency=0.9, discharge_efficiency=0.8)
    charged = stored_after(battery, 5000.0, 1000.0, 3600.0)
    assert charged == pytest.approx(5900.0)
    assert stored_after(battery, charged, -720.0, 3600.0) == pytest.approx(5000.0)
