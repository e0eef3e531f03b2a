"""Stepped together they are the very plants that are stepped one by one."""

from dataclasses import replace

import numpy as np
import pytest

from agent.domain.signals import BATTERY_SOC, DHW_TEMPERATURE, FLOW_TEMPERATURE, GRID_POWER, PV_POWER, ROOM_TEMPERATURE
from firmware_sim.site import Site
from firmware_sim.variety import some_boiler, some_home
from firmware_sim.years.boilers import HeatSite, heat_years
from firmware_sim.years.homes import HomeSite, home_years
from firmware_sim.years.unnamed import HEAT_KINDS, Unnamed, some_ailment, some_stays

START_MS = 1_740_787_200_000  # 2025-03-01T00:00Z
DAYS = 2


def alone(scenario, names, minutes):
    site = Site(scenario, START_MS)
    rows = [site.observe(START_MS + minute * 60_000) for minute in range(minutes)]
    return np.array([[row[name] for name in names] for row in rows])


def test_homes_together_are_homes_alone() -> None:
    names = (PV_POWER, GRID_POWER, BATTERY_SOC)
    years = home_years([HomeSite(some_home(n)) for n in (1, 2)], START_MS, DAYS, frame_steps=1)
    for place, number in enumerate((1, 2)):
        together = np.stack([years.signals[name][:, place] for name in names], axis=1)
        np.testing.assert_allclose(together, alone(some_home(number), names, DAYS * 1440), rtol=1e-4, atol=0.05)


def test_boilers_together_are_boilers_alone() -> None:
    names = (FLOW_TEMPERATURE, ROOM_TEMPERATURE, DHW_TEMPERATURE)
    years = heat_years([HeatSite(some_boiler(n)) for n in (1, 2)], START_MS, DAYS, frame_steps=1)
    for place, number in enumerate((1, 2)):
        together = np.stack([years.signals[name][:, place] for name in names], axis=1)
        np.testing.assert_allclose(together, alone(some_boiler(number), names, DAYS * 1440), rtol=1e-4, atol=0.01)


@pytest.mark.parametrize("kind", HEAT_KINDS)
def test_an_ailment_changes_what_is_seen_after_it_began_only(kind: Unnamed) -> None:
    start_s = START_MS / 1000 + 86_400
    ailment = replace(some_ailment(kind, 3, start_s, 30), ramp_days=0.2)
    well, ill = (heat_years([HeatSite(some_boiler(3), each)], START_MS, DAYS) for each in (None, ailment))
    rows = [np.stack([each.signals[name][:, 0] for name in each.signals]) for each in (well, ill)]
    different = np.abs(rows[0] - rows[1]).max(axis=0)
    assert different[:96].max() == 0.0
    assert different[96:].max() > 0.2


def test_a_string_lost_gives_less_and_a_creeping_charge_is_shown_elsewhere() -> None:
    start_s = START_MS / 1000 + 86_400
    number = next(n for n in range(20) if len(some_home(n).strings) == 2)
    lost, creeping = (some_ailment(kind, 1, start_s, 30) for kind in (Unnamed.STRING_LOST, Unnamed.SOC_CREEPING))
    sites = [HomeSite(some_home(number), each) for each in (None, lost, replace(creeping, ramp_days=0.2))]
    years = home_years(sites, START_MS, DAYS)
    pv, soc = years.signals[PV_POWER], years.signals[BATTERY_SOC]
    assert pv[96:, 1].sum() < 0.9 * pv[96:, 0].sum()
    assert np.abs(soc[150:, 2] - soc[150:, 0]).max() > 5.0


def test_people_come_and_go() -> None:
    start_s = START_MS / 1000
    stays = some_stays(5, start_s, 365)
    assert sum(stay.end_s - stay.start_s for stay in stays if stay.people < 0) >= 21 * 86_400
    away = replace(stays[0], start_s=start_s + 86_400, end_s=start_s + 2 * 86_400)
    years = home_years([HomeSite(some_home(4)), HomeSite(some_home(4), stays=(away,))], START_MS, DAYS)
    load = next(iter(v for k, v in years.signals.items() if k == "load_power"))
    assert load[96:, 1].sum() < 0.8 * load[96:, 0].sum()
