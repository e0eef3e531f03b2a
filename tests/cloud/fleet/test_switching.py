"""Thermostats are a kind of heating where there are several, and a broken boiler where there is one."""

from dataclasses import replace

import numpy as np
import pytest

from cloud.fleet import climate, daily, switching
from cloud.fleet.daily import OUT
from tests.helpers import heating_fleet_third
from tests.helpers.heating_fleet import Fleet


def switched(fleet: Fleet) -> np.ndarray:
    slots = 1440 // fleet.step_min
    values = fleet.values.reshape(len(fleet.names), 3, -1, slots).astype(np.float32)
    return switching.by_thermostat(daily.of_fleet(values, climate.learn(values[:, OUT], fleet.cities)))


@pytest.mark.parametrize("step_min", [15, 60])
def test_thermostats_of_a_mixed_fleet_are_known_and_little_else(step_min: int) -> None:
    fleet = heating_fleet_third.make(200, 3, mix="old houses", days=14, step_min=step_min, mean_outdoor=4, share=0.005)
    thermostat = np.array(fleet.kinds) == "thermostat"
    found = switched(fleet)
    assert found[thermostat].mean() > 0.85
    assert found[~thermostat].mean() < 0.05


@pytest.mark.parametrize(("others", "count", "known"), [(79, 1, False), (130, 3, True)])
def test_one_alone_is_no_kind_and_two_of_a_hundred_are(others: int, count: int, known: bool) -> None:
    fleet = heating_fleet_third.make(200, 3, mix="old houses", days=14, mean_outdoor=4, share=0.005)
    thermostat = np.array(fleet.kinds) == "thermostat"
    rows = np.flatnonzero(~thermostat)[:others].tolist()
    rows += np.flatnonzero(thermostat & switched(fleet))[-count:].tolist()
    few = replace(fleet, names=[fleet.names[i] for i in rows], cities=[""] * len(rows), values=fleet.values[rows])
    assert switched(few)[others:].all() == known


def test_restless_controllers_are_no_thermostats() -> None:
    fleet = heating_fleet_third.make(100, 5, mix="boilers", days=14, share=0.3, faults=("hunting", "short_cycling"))
    found = switched(fleet)
    restless = np.array(
        [name in fleet.faults and kind != "thermostat" for name, kind in zip(fleet.names, fleet.kinds, strict=True)]
    )
    assert found[restless].mean() < 0.1
