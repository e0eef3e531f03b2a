"""Homes and heating sites that differ from each other, as many as one likes: number n is always the same site."""

import random
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from firmware_sim.battery import Battery
from firmware_sim.boiler import Boiler, Control, House, lightest_radiator
from firmware_sim.errors import SimError
from firmware_sim.home import HomeParts, Inverter
from firmware_sim.load import Household
from firmware_sim.scenario import Scenario, load_scenario
from firmware_sim.solar import Place, PvString
from firmware_sim.weather import Climate

# Latitude, longitude, altitude, time zone.
_PLACES: Final = (
    (52.5, 13.4, 40.0, "Europe/Berlin"), (48.2, 16.4, 170.0, "Europe/Vienna"), (40.4, -3.7, 650.0, "Europe/Madrid"),
    (59.3, 18.1, 20.0, "Europe/Stockholm"), (45.5, 9.2, 120.0, "Europe/Rome"), (46.9, 7.4, 550.0, "Europe/Zurich"),
)  # fmt: skip


def some_home(number: int) -> Scenario:
    """A healthy home with panels and battery."""
    dice = random.Random(f"{number}/home")
    peaks = [dice.uniform(2500, 7000) for _ in range(dice.choice((1, 2)))]
    strings = tuple(PvString(peak, dice.uniform(15, 45), dice.uniform(110, 260)) for peak in peaks)
    limit = dice.choice((5000.0, 8000.0, 10_000.0, 12_000.0))
    power = dice.choice((2500.0, 5000.0, 7000.0))
    battery = Battery(dice.uniform(5000, 20_000), power, power)
    parts = HomeParts(
        Inverter(limit, dice.uniform(0.95, 0.98)), battery, dice.uniform(0.15, 0.9), dice.uniform(2e5, 4e7)
    )
    household = Household(dice.uniform(80, 350), dice.randint(1, 5), dice.choice((0.0, 0.0, 3700.0, 11_000.0)))
    base = _somewhere(load_scenario("home-healthy"), number, dice)
    return replace(base, home=parts, strings=strings, household=household)


def some_boiler(number: int) -> Scenario:
    """A healthy heating site."""
    dice = random.Random(f"{number}/boiler")
    base = _somewhere(load_scenario("boiler-healthy"), number, dice)
    if base.heat is None:
        raise SimError(f"{base.name}: a heating site without a boiler")
    loss = dice.uniform(110, 260)
    heat = replace(
        base.heat,
        house=House(loss, loss * 1.05e5, loss * dice.uniform(1.05, 1.3), gains_w=dice.uniform(100, 400)),
        boiler=Boiler(burner_w=loss * 110.0, tank_litres=dice.uniform(120, 300)),
        control=Control(room_day=dice.uniform(20, 22), room_night=dice.uniform(16, 19), slope=dice.uniform(1.0, 1.3)),
    )
    radiators = max(heat.house.radiator_capacity, 1.1 * lightest_radiator(heat))
    heat = replace(heat, house=replace(heat.house, radiator_capacity=radiators))
    return replace(base, heat=heat, people=dice.randint(1, 5))


def _somewhere(base: Scenario, number: int, dice: random.Random) -> Scenario:
    latitude, longitude, altitude, zone = dice.choice(_PLACES)
    climate = Climate(dice.uniform(0.1, 0.6), dice.uniform(6, 13), dice.uniform(7, 11), dice.uniform(3, 7))
    return replace(
        base, name=f"{base.kind}-{number}", title=f"{base.kind} number {number}", seed=number,
        place=Place(latitude, longitude, altitude), zone=ZoneInfo(zone), climate=climate,
    )  # fmt: skip
