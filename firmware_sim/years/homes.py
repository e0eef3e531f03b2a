"""Many homes stepped together: the arithmetic of `firmware_sim.home`, one array element a home.

`tests/firmware_sim/years` holds it against that plant, minute by minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    GRID_POWER,
    INVERTER_TEMPERATURE,
    LOAD_POWER,
    PV_POWER,
)
from firmware_sim.battery import END_SHARE, FULL_SHARE
from firmware_sim.errors import SimError
from firmware_sim.home import CABINET_RISE_K, CABINET_TAU_S
from firmware_sim.load import Household, load_power
from firmware_sim.noise import Array, smooth
from firmware_sim.scenario import Scenario
from firmware_sim.solar import sky, string_powers
from firmware_sim.weather import clear_sky_index, outdoor_temperature
from firmware_sim.years.boilers import blocks
from firmware_sim.years.frames import STEP_S, Gathering, Years
from firmware_sim.years.unnamed import Ailment, Stay, Unnamed

NAMES = (PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER, BATTERY_SOC, INVERTER_TEMPERATURE)
MOST_STRINGS = 2
HOURS = STEP_S / 3600.0


@dataclass(frozen=True, slots=True)
class HomeSite:
    """A home, what ails it, and who is away or visiting."""

    scenario: Scenario
    ailment: Ailment | None = None
    stays: tuple[Stay, ...] = ()


@dataclass(slots=True)
class _Drive:
    """What the world and the ailments do to all homes in one block: arrays of shape (steps, homes)."""

    offered: Array
    load: Array
    outdoor: Array
    soc_bias: Array
    cabinet_bias: Array


def home_years(sites: Sequence[HomeSite], start_ms: int, days: int, *, frame_steps: int = 15) -> Years:
    """Every home's signals over `days` from `start_ms`, as means of `frame_steps` minutes."""
    gathering = Gathering(NAMES, start_ms / 1000.0, days * 1440, len(sites), frame_steps)
    plant = _Plant(sites)
    for block in blocks(start_ms / 1000.0, days):
        columns = [_one(site, block) for site in sites]
        drive = _Drive(**{name: np.stack([each[name] for each in columns], axis=1) for name in columns[0]})
        for step in range(len(block)):
            gathering.add(plant.step(drive, step))
    return gathering.years()


def _one(site: HomeSite, time_s: Array) -> dict[str, Array]:
    """One home's column of each array."""
    scenario, ailment = site.scenario, site.ailment
    climate, place, seed = scenario.climate, scenario.place, scenario.seed
    if climate is None:
        raise SimError(f"{scenario.name}: a simulated site needs a climate")
    outdoor = outdoor_temperature(climate, seed, place.latitude, place.longitude, time_s)
    light = sky(place, clear_sky_index(climate, seed, time_s), time_s)
    powers = string_powers(scenario.strings, light, outdoor)
    extent = np.zeros_like(time_s) if ailment is None else ailment.extent(time_s)
    none = np.zeros_like(time_s)
    if ailment is not None and ailment.kind is Unnamed.STRING_LOST:
        lost = int(ailment.size) % len(powers)
        powers[lost] = np.where(extent > 0.0, 0.0, powers[lost])
    bias = none if ailment is None else extent * ailment.size
    kind = None if ailment is None else ailment.kind
    return {
        "offered": np.asarray(sum(powers), dtype=np.float64),
        "load": _load(site, time_s),
        "outdoor": outdoor,
        "soc_bias": bias if kind is Unnamed.SOC_CREEPING else none,
        "cabinet_bias": bias if kind is Unnamed.SENSOR_DRIFTING else none,
    }


def _load(site: HomeSite, time_s: Array) -> Array:
    """The household's, with more people while guests stay and next to nothing while all are away."""
    scenario = site.scenario
    usual = scenario.household
    load = load_power(usual, scenario.zone, scenario.seed, time_s)
    for stay in site.stays:
        inside = (time_s >= stay.start_s) & (time_s < stay.end_s)
        if not inside.any():
            continue
        household = replace(usual, people=usual.people + stay.people)
        other = (
            _idle(usual, time_s, scenario.seed)
            if stay.people < 0
            else load_power(household, scenario.zone, scenario.seed, time_s)
        )
        load = np.where(inside, other, load)
    return load


def _idle(usual: Household, time_s: Array, seed: int) -> Array:
    """A house that nobody is in: what runs always, and a fridge."""
    fridge = np.where(smooth(seed, "fridge", time_s, 1500.0) > 0.55, 95.0, 4.0)
    return usual.base_w * (0.8 + 0.4 * smooth(seed, "base", time_s, 5400.0)) + fridge


class _Plant:
    """The stores of all homes."""

    def __init__(self, sites: Sequence[HomeSite]) -> None:
        homes = [site.scenario.home for site in sites if site.scenario.home is not None]
        if len(homes) != len(sites):
            raise SimError("a home that is a recording cannot be stepped")

        def column(values: Sequence[float]) -> Array:
            return np.array(values, dtype=np.float64)

        self.limit = column([home.inverter.ac_limit_w for home in homes])
        self.efficiency = column([home.inverter.efficiency for home in homes])
        self.capacity = column([home.battery.capacity_wh for home in homes])
        self.low = column([home.battery.low_wh for home in homes])
        self.charge = column([home.battery.charge_limit_w for home in homes])
        self.discharge = column([home.battery.discharge_limit_w for home in homes])
        self.charge_share = column([home.battery.charge_efficiency for home in homes])
        self.discharge_share = column([home.battery.discharge_efficiency for home in homes])
        self.stored = self.capacity * column([home.first_soc for home in homes])
        self.cabinet = np.full(len(homes), 25.0)

    def step(self, drive: _Drive, step: int) -> list[Array]:
        """What the inverter shows now; then the stores move on by one step: `firmware_sim.home.flows`, `advanced`."""
        offered, load, outdoor = drive.offered[step], drive.load[step], drive.outdoor[step]
        dc_limit = self.limit / self.efficiency
        battery = self._battery(offered, load, dc_limit)
        throttled = offered - battery > dc_limit
        pv = np.where(throttled, np.maximum(0.0, dc_limit + battery), offered)
        ac = np.maximum(0.0, pv - battery) * self.efficiency
        soc = np.clip(np.minimum(1.0, self.stored / self.capacity) * 100.0 + drive.soc_bias[step], 0.0, 100.0)
        shown = [pv, load, battery, load - ac, soc, self.cabinet + drive.cabinet_bias[step]]
        change = np.where(battery >= 0.0, battery * self.charge_share, battery / self.discharge_share)
        self.stored = np.clip(self.stored + change * HOURS, 0.0, self.capacity)
        target = 14.0 + 0.35 * outdoor + CABINET_RISE_K * ac / self.limit
        self.cabinet = self.cabinet + (target - self.cabinet) * STEP_S / (CABINET_TAU_S + STEP_S)
        return shown

    def _battery(self, offered: Array, load: Array, dc_limit: Array) -> Array:
        """Battery power under self-consumption control, positive = charging."""
        usable = np.maximum(0.0, self.stored - self.low)
        possible = np.minimum(self.discharge, usable * self.discharge_share / HOURS)
        surplus = offered - load / self.efficiency
        giving = -np.minimum(np.minimum(-surplus, possible), np.maximum(0.0, dc_limit - offered))
        return np.where(surplus <= 0.0, giving, np.minimum(surplus, self._charge_possible()))

    def _charge_possible(self) -> Array:
        room = self.capacity - self.stored
        share = self.stored / self.capacity
        near = 1.0 - (1.0 - END_SHARE) * (share - FULL_SHARE) / (1.0 - FULL_SHARE)
        taper = np.where(share > FULL_SHARE, near, 1.0)
        return np.where(room <= 0.0, 0.0, np.minimum(self.charge * taper, room / self.charge_share / HOURS))
