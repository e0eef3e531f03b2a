"""A boiler house: burner, boiler water, mixing valve, radiators, room and a hot-water tank as thermal masses.

Pure: time is passed in. Temperatures in °C, powers in W, energies in Wh, heat capacities in J/K, conductances in W/K.
Each step is explicit Euler; with the masses below 60 s is well inside its stability limit.
"""

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim.failures import Effects
from firmware_sim.noise import Array

WATER = 4186.0
COLD_WATER = 10.0
CELLAR = 15.0
SENSOR_TAU_S = 90.0
STILL_TAU_S = 2700.0
VALVE_LIFT_K = 6.0
DHW_SUPPLY = 68.0
# A modulating burner at its minimum, which is still too strong for what little water passes.
CYCLING_SHARE = 0.6
# The sheet of the controller names no bits; the simulator uses these two of its fault word.
SENSOR_FAULT_BIT = 0
LOCKOUT_FAULT_BIT = 7


@dataclass(frozen=True, slots=True)
class House:
    """Building and radiators. `gains_w` is what people and appliances give off."""

    loss_w_per_k: float = 170.0
    capacity: float = 18e6
    radiator_w_per_k: float = 190.0
    radiator_capacity: float = 190e3
    gains_w: float = 250.0


@dataclass(frozen=True, slots=True)
class Boiler:
    """Burner power, boiler water, circuit pump in kg/s, and a hot-water tank."""

    burner_w: float = 18_000.0
    capacity: float = 420e3
    jacket_w_per_k: float = 6.0
    hysteresis_k: float = 4.0
    pump_kg_per_s: float = 0.25
    tank_litres: float = 200.0
    tank_loss_w_per_k: float = 2.0
    coil_w_per_k: float = 450.0


@dataclass(frozen=True, slots=True)
class Control:
    """Heating curve and set points. Flow set point = room set point + slope × (room set point − outdoor) + level."""

    room_day: float = 21.0
    room_night: float = 18.0
    day_from: float = 5.5
    day_to: float = 22.0
    slope: float = 1.15
    level: float = 1.0
    flow_max: float = 75.0
    heating_limit: float = 17.0
    room_influence: float = 4.0
    dhw: float = 55.0
    dhw_hysteresis: float = 6.0


@dataclass(frozen=True, slots=True)
class HeatParts:
    """A whole heating site."""

    house: House
    boiler: Boiler
    control: Control


@dataclass(frozen=True, slots=True)
class HeatDrive:
    """Outside air, local hour of the day, hot water drawn in l/s, and the room's warmth that somebody asks for by hand.

    Without anybody `asked` is far below every set point.
    """

    outdoor: float
    hour: float
    draw_l_per_s: float
    asked: float = -273.15


@dataclass(frozen=True, slots=True)
class HeatStores:
    """Temperatures and switch positions carried from step to step, and the heat balance since the start in Wh."""

    boiler: float
    radiator: float
    room: float
    tank: float
    flow_sensor: float
    return_sensor: float
    heating: bool
    burner: bool
    tank_charging: bool
    made_wh: float = 0.0
    lost_wh: float = 0.0


@dataclass(frozen=True, slots=True)
class HeatNow:
    """What the controller wants and does during one step."""

    pump: bool
    burner: bool
    tank_charging: bool
    heating: bool
    flow_set: float
    room_set: float
    valve: float
    valve_shown: float
    fault_word: int
    burner_share: float = 1.0
    loss_share: float = 1.0


def lightest_radiator(parts: HeatParts, dt_s: float = 60.0) -> float:
    """Smallest heat capacity of the radiators in J/K that Euler steps of `dt_s` seconds can follow without swinging."""
    return (parts.boiler.pump_kg_per_s * WATER + parts.house.radiator_w_per_k) * dt_s


def first_stores(outdoor: float) -> HeatStores:
    """A house that has been heated for a while."""
    warm = 21.0 + 1.2 * max(0.0, 21.0 - outdoor)
    return HeatStores(warm + 8.0, warm - 3.0, 20.5, 52.0, warm, warm - 3.0, outdoor < 17.0, False, False)


def flow_set_point(control: Control, room_set: float, room: float, outdoor: float) -> float:
    """Set point of the flow temperature by the heating curve, with the room's influence."""
    curve = room_set + control.slope * max(0.0, room_set - outdoor) + control.level
    return min(control.flow_max, max(room_set, curve + control.room_influence * (room_set - room)))


def decide(parts: HeatParts, stores: HeatStores, drive: HeatDrive, effects: Effects) -> HeatNow:
    """The controller's decision for the next step, and what a broken valve or burner makes of it."""
    control = parts.control
    day = control.day_from <= drive.hour < control.day_to
    room_set = max(control.room_day if day else control.room_night, drive.asked)
    limit = control.heating_limit + (1.0 if stores.heating else 0.0)
    heating = drive.outdoor < limit and stores.room < room_set + (1.5 if stores.heating else 1.0)
    flow_set = flow_set_point(control, room_set, stores.room, drive.outdoor)
    if effects.flow_held is not None:
        flow_set = effects.flow_held
    charging = stores.tank < control.dhw if stores.tank_charging else stores.tank < control.dhw - control.dhw_hysteresis
    target = max(flow_set + VALVE_LIFT_K if heating else 0.0, DHW_SUPPLY if charging else 0.0)
    edge = 0.0 if effects.cycling else parts.boiler.hysteresis_k * (1.0 if stores.burner else -1.0)
    burner = target > 0.0 and stores.boiler < target + edge and not effects.lockout
    valve = _valve(stores, flow_set) if heating else 0.0
    if effects.valve_swing and heating:
        valve = min(1.0, max(0.0, valve + effects.valve_swing))
    word = 1 << LOCKOUT_FAULT_BIT if effects.lockout else 0
    word |= 1 << SENSOR_FAULT_BIT if effects.broken_sensors else 0
    moved = 0.0 if effects.no_heat else valve
    # A stuck valve leaves the controller opening it further and further.
    shown = 1.0 if effects.no_heat and heating else valve
    share = CYCLING_SHARE if effects.cycling else 1.0
    return HeatNow(
        heating, burner, charging, heating, flow_set, room_set, moved, shown, word, share, effects.loss_share
    )


def _valve(stores: HeatStores, flow_set: float) -> float:
    """Share of boiler water in the flow that gives the set point, 0 to 1."""
    lift = stores.boiler - stores.radiator
    if lift <= 0.5:
        return 1.0
    return min(1.0, max(0.0, (flow_set - stores.radiator) / lift))


def flow_and_return(stores: HeatStores, now: HeatNow) -> tuple[float, float]:
    """Water towards and from the radiators while the pump runs, behind the mixing valve."""
    return stores.radiator + now.valve * (stores.boiler - stores.radiator), stores.radiator


def advanced(parts: HeatParts, stores: HeatStores, now: HeatNow, drive: HeatDrive, dt_s: float) -> HeatStores:
    """Stores after `dt_s` seconds. Heat made − heat lost = change of what the masses hold, exactly."""
    house, boiler = parts.house, parts.boiler
    flow, back = flow_and_return(stores, now)
    made = boiler.burner_w * now.burner_share if now.burner else 0.0
    circuit = boiler.pump_kg_per_s * WATER * (flow - back) if now.pump else 0.0
    tank_heat = boiler.coil_w_per_k * max(0.0, stores.boiler - stores.tank) if now.tank_charging else 0.0
    jacket = boiler.jacket_w_per_k * (stores.boiler - CELLAR)
    radiated = house.radiator_w_per_k * (stores.radiator - stores.room)
    through_walls = house.loss_w_per_k * now.loss_share * (stores.room - drive.outdoor)
    drawn = drive.draw_l_per_s * WATER * (stores.tank - COLD_WATER)
    tank_loss = boiler.tank_loss_w_per_k * (stores.tank - CELLAR)
    hours = dt_s / 3600.0
    return replace(
        stores,
        boiler=stores.boiler + (made - circuit - tank_heat - jacket) * dt_s / boiler.capacity,
        radiator=stores.radiator + (circuit - radiated) * dt_s / house.radiator_capacity,
        room=stores.room + (radiated + house.gains_w - through_walls) * dt_s / house.capacity,
        tank=stores.tank + (tank_heat - drawn - tank_loss) * dt_s / (boiler.tank_litres * WATER),
        flow_sensor=_sensor(stores.flow_sensor, flow, now.pump, dt_s),
        return_sensor=_sensor(stores.return_sensor, back, now.pump, dt_s),
        heating=now.heating,
        burner=now.burner,
        tank_charging=now.tank_charging,
        made_wh=stores.made_wh + (made + house.gains_w) * hours,
        lost_wh=stores.lost_wh + (jacket + through_walls + drawn + tank_loss) * hours,
    )


def _sensor(shown: float, water: float, pump: bool, dt_s: float) -> float:
    """A clamp-on sensor: quick while water passes, drifting to the cellar's warmth while it stands."""
    tau, target = (SENSOR_TAU_S, water) if pump else (STILL_TAU_S, CELLAR + 3.0)
    return shown + (target - shown) * dt_s / (tau + dt_s)


def held_wh(parts: HeatParts, stores: HeatStores) -> float:
    """Heat held by all masses above 0 °C, for the balance."""
    tank = parts.boiler.tank_litres * WATER * stores.tank
    boiler = parts.boiler.capacity * stores.boiler
    radiator = parts.house.radiator_capacity * stores.radiator
    return (tank + boiler + radiator + parts.house.capacity * stores.room) / 3600.0


def draws(zone: ZoneInfo, seed: int, people: int, time_s: Array) -> Array:
    """Hot water drawn in l/s at the instants `time_s` (evenly spaced, rising): showers and washing up."""
    total = np.zeros_like(time_s)
    day = datetime.fromtimestamp(float(time_s[0]), zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(float(time_s[-1]), zone).date()
    while day <= last:
        for start_s, end_s, flow in _draws_of(zone, seed, people, day):
            first, behind = np.searchsorted(time_s, [start_s, end_s])
            total[first:behind] += flow
        day += timedelta(days=1)
    return total


def _draws_of(zone: ZoneInfo, seed: int, people: int, day: date) -> list[tuple[float, float, float]]:
    dice = random.Random(f"{seed}/water/{day.isoformat()}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).timestamp()
    taps: list[tuple[float, float, float]] = []
    for _ in range(people):
        hour = dice.gauss(6.9, 0.5) if dice.random() < 0.6 else dice.gauss(20.5, 0.8)
        start = midnight + 3600.0 * hour
        taps.append((start, start + 60.0 * dice.uniform(4, 8), 0.12))
    for hour in (7.5, 12.8, 18.9):
        start = midnight + 3600.0 * dice.gauss(hour, 0.4)
        taps.append((start, start + 60.0 * dice.uniform(2, 4), 0.08))
    return taps
