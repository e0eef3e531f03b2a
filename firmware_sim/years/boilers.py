"""Many heating sites stepped together: the arithmetic of `firmware_sim.boiler`, one array element a site.

`tests/firmware_sim/years` holds it against that plant, minute by minute.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from agent.domain.signals import (
    BOILER_FAULT,
    BURNER_ON,
    DHW_TEMPERATURE,
    FLOW_TEMPERATURE,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
)
from firmware_sim import boiler
from firmware_sim.boiler import CELLAR, COLD_WATER, DHW_SUPPLY, SENSOR_TAU_S, STILL_TAU_S, VALVE_LIFT_K, WATER
from firmware_sim.errors import SimError
from firmware_sim.noise import Array
from firmware_sim.scenario import Scenario
from firmware_sim.weather import outdoor_temperature
from firmware_sim.years.frames import STEP_S, Gathering, Years
from firmware_sim.years.hours import local_hours
from firmware_sim.years.unnamed import DAY_S, HEAT_SENSORS, Ailment, Stay, Unnamed

NAMES = (
    OUTDOOR_TEMPERATURE, FLOW_TEMPERATURE, RETURN_TEMPERATURE, ROOM_TEMPERATURE, DHW_TEMPERATURE, BURNER_ON, PUMP_ON,
    BOILER_FAULT,
)  # fmt: skip
_LESS_FLOW = (Unnamed.PUMP_LOSING_HEAD, Unnamed.VALVE_HALF_SHUT)


@dataclass(frozen=True, slots=True)
class HeatSite:
    """A site, what ails it, and who is away or visiting."""

    scenario: Scenario
    ailment: Ailment | None = None
    stays: tuple[Stay, ...] = ()


@dataclass(slots=True)
class _Drive:
    """What the world and the ailments do to all sites in one block: arrays of shape (steps, sites)."""

    outdoor: Array
    hour: Array
    draw: Array
    away: Array
    pump_share: Array
    bias: dict[str, Array]


def heat_years(sites: Sequence[HeatSite], start_ms: int, days: int, *, frame_steps: int = 15) -> Years:
    """Every site's signals over `days` from `start_ms`, as means of `frame_steps` minutes."""
    gathering = Gathering(NAMES, start_ms / 1000.0, days * 1440, len(sites), frame_steps)
    plant: _Plant | None = None
    for block in blocks(start_ms / 1000.0, days):
        drive = _drive(sites, block)
        if plant is None:
            plant = _Plant(sites, drive.outdoor[0])
        for step in range(len(block)):
            gathering.add(plant.step(drive, step))
    return gathering.years()


def blocks(start_s: float, days: int) -> Iterator[Array]:
    """Instants of the steps, a month at a time."""
    for first in range(0, days, 30):
        steps = min(30, days - first) * 1440
        yield start_s + first * DAY_S + np.arange(steps, dtype=np.float64) * STEP_S


def _drive(sites: Sequence[HeatSite], time_s: Array) -> _Drive:
    columns = [_one(site, time_s) for site in sites]
    names = ("outdoor", "hour", "draw", "away", "pump_share", *HEAT_SENSORS)
    stacked = {name: np.stack([column[name] for column in columns], axis=1) for name in names}
    bias = {str(name): stacked.pop(name) for name in HEAT_SENSORS}
    return _Drive(**stacked, bias=bias)


def _one(site: HeatSite, time_s: Array) -> dict[str, Array]:
    """One site's column of each array."""
    scenario, ailment = site.scenario, site.ailment
    place, climate = scenario.place, scenario.climate
    if climate is None:
        raise SimError(f"{scenario.name}: a simulated site needs a climate")
    people = np.full_like(time_s, scenario.people)
    for stay in site.stays:
        inside = (time_s >= stay.start_s) & (time_s < stay.end_s)
        people[inside] = 0 if stay.people < 0 else scenario.people + stay.people
    draw = np.zeros_like(time_s)
    for number in np.unique(people).astype(int):
        if number > 0:
            drawn = boiler.draws(scenario.zone, scenario.seed, int(number), time_s)
            draw = np.where(people == number, drawn, draw)
    extent = np.zeros_like(time_s) if ailment is None else ailment.extent(time_s)
    size = 0.0 if ailment is None else ailment.size
    kind = None if ailment is None else ailment.kind
    column = {
        "outdoor": outdoor_temperature(climate, scenario.seed, place.latitude, place.longitude, time_s),
        "hour": local_hours(scenario.zone, time_s),
        "draw": draw,
        "away": (people == 0).astype(np.float64),
        "pump_share": 1.0 - extent * size if kind in _LESS_FLOW else np.ones_like(time_s),
    }
    for name in HEAT_SENSORS:
        drifts = kind is Unnamed.SENSOR_DRIFTING and ailment is not None and ailment.sensor == name
        column[name] = extent * size if drifts else np.zeros_like(time_s)
    return column


class _Plant:
    """The stores of all sites."""

    def __init__(self, sites: Sequence[HeatSite], outdoor: Array) -> None:
        parts = [site.scenario.heat for site in sites if site.scenario.heat is not None]
        if len(parts) != len(sites):
            raise SimError("a heating site without a boiler")
        self.house = _columns([each.house for each in parts])
        self.boiler = _columns([each.boiler for each in parts])
        self.control = _columns([each.control for each in parts])
        first = [boiler.first_stores(float(air)) for air in outdoor]
        self.store = {
            name: np.array([float(getattr(each, name)) for each in first])
            for name in ("boiler", "radiator", "room", "tank", "flow_sensor", "return_sensor")
        }
        self.heating = np.array([each.heating for each in first])
        self.burner = np.array([each.burner for each in first])
        self.charging = np.array([each.tank_charging for each in first])

    def step(self, drive: _Drive, step: int) -> list[Array]:
        """What the sensors show now; then the stores move on by one step."""
        bias = {name: values[step] for name, values in drive.bias.items()}
        outdoor, store = drive.outdoor[step], self.store
        valve = self._decide(drive, step, bias)
        shown = [
            outdoor + bias[OUTDOOR_TEMPERATURE], store["flow_sensor"] + bias[FLOW_TEMPERATURE],
            store["return_sensor"] + bias[RETURN_TEMPERATURE], store["room"] + bias[ROOM_TEMPERATURE], store["tank"],
            (np.round(valve * 100) > 0).astype(np.float64), self.heating.astype(np.float64), np.zeros_like(outdoor),
        ]  # fmt: skip
        self._advance(outdoor, drive.draw[step], valve, drive.pump_share[step])
        return [each.copy() for each in shown]

    def _decide(self, drive: _Drive, step: int, bias: dict[str, Array]) -> Array:
        """`firmware_sim.boiler.decide`, by what the sensors show; people who are away have turned it to night."""
        control, store = self.control, self.store
        outdoor = drive.outdoor[step] + bias[OUTDOOR_TEMPERATURE]
        room, hour = store["room"] + bias[ROOM_TEMPERATURE], drive.hour[step]
        day = (control["day_from"] <= hour) & (hour < control["day_to"]) & (drive.away[step] == 0.0)
        room_set = np.where(day, control["room_day"], control["room_night"])
        warm = room_set + np.where(self.heating, 1.5, 1.0)
        self.heating = (outdoor < control["heating_limit"] + self.heating) & (room < warm)
        curve = room_set + control["slope"] * np.maximum(0.0, room_set - outdoor) + control["level"]
        wanted = np.maximum(room_set, curve + control["room_influence"] * (room_set - room))
        flow_set = np.minimum(control["flow_max"], wanted)
        low = np.where(self.charging, 0.0, control["dhw_hysteresis"])
        self.charging = store["tank"] < control["dhw"] - low
        target = np.maximum(
            np.where(self.heating, flow_set + VALVE_LIFT_K, 0.0), np.where(self.charging, DHW_SUPPLY, 0.0)
        )
        edge = self.boiler["hysteresis_k"] * np.where(self.burner, 1.0, -1.0)
        self.burner = (target > 0.0) & (store["boiler"] < target + edge)
        lift = store["boiler"] - store["radiator"]
        asked = flow_set - bias[FLOW_TEMPERATURE] - store["radiator"]
        opening = np.clip(asked / np.where(lift > 0.5, lift, 1.0), 0.0, 1.0)
        return np.where(self.heating, np.where(lift <= 0.5, 1.0, opening), 0.0)

    def _advance(self, outdoor: Array, draw: Array, valve: Array, pump_share: Array) -> None:
        """`firmware_sim.boiler.advanced`."""
        house, parts, store, dt_s = self.house, self.boiler, self.store, STEP_S
        back = store["radiator"]
        flow = back + valve * (store["boiler"] - back)
        made = np.where(self.burner, parts["burner_w"], 0.0)
        circuit = np.where(self.heating, parts["pump_kg_per_s"] * pump_share * WATER * (flow - back), 0.0)
        warmer = np.maximum(0.0, store["boiler"] - store["tank"])
        tank_heat = np.where(self.charging, parts["coil_w_per_k"] * warmer, 0.0)
        jacket = parts["jacket_w_per_k"] * (store["boiler"] - CELLAR)
        radiated = house["radiator_w_per_k"] * (back - store["room"])
        through_walls = house["loss_w_per_k"] * (store["room"] - outdoor)
        drawn = draw * WATER * (store["tank"] - COLD_WATER)
        tank_loss = parts["tank_loss_w_per_k"] * (store["tank"] - CELLAR)
        tau = np.where(self.heating, SENSOR_TAU_S, STILL_TAU_S)
        seen = np.where(self.heating, flow, CELLAR + 3.0), np.where(self.heating, back, CELLAR + 3.0)
        self.store = {
            "boiler": store["boiler"] + (made - circuit - tank_heat - jacket) * dt_s / parts["capacity"],
            "radiator": back + (circuit - radiated) * dt_s / house["radiator_capacity"],
            "room": store["room"] + (radiated + house["gains_w"] - through_walls) * dt_s / house["capacity"],
            "tank": store["tank"] + (tank_heat - drawn - tank_loss) * dt_s / (parts["tank_litres"] * WATER),
            "flow_sensor": store["flow_sensor"] + (seen[0] - store["flow_sensor"]) * dt_s / (tau + dt_s),
            "return_sensor": store["return_sensor"] + (seen[1] - store["return_sensor"]) * dt_s / (tau + dt_s),
        }


def _columns(parts: Sequence[object]) -> dict[str, Array]:
    """Each field of a part as an array over the sites."""
    return {name: np.array([float(getattr(part, name)) for part in parts]) for name in type(parts[0]).__annotations__}
