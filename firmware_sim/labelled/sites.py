"""Random sites that live through their story: a minute of theirs after the other."""

import random
from dataclasses import replace
from datetime import datetime

import numpy as np

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BURNER_ON,
    DHW_TEMPERATURE,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
)
from firmware_sim.boiler import HeatDrive
from firmware_sim.errors import SimError
from firmware_sim.failures import BatteryMode, Fault, FaultCode
from firmware_sim.home import Drive
from firmware_sim.labelled.distort import LEAST_BAR, Distortion, Leak, distortion_of
from firmware_sim.labelled.moments import Moment, Moments, rounded
from firmware_sim.labelled.story import DAY_MS, Label, Story
from firmware_sim.observation import heat_observation, home_observation
from firmware_sim.plant import BLOCK, STEP_MS, SimulatedBoiler, SimulatedHome, Surroundings
from firmware_sim.scenario import Scenario
from firmware_sim.variety import some_boiler, some_home
from firmware_sim.weather import clear_sky_index

_NIGHT_HOUR = 2.0
# A boiler that cycles starts again within so long.
_PAUSE_MS = 15 * 60_000
_DAY_HOURS = (9, 21)
# What a sensor's last digit does by itself.
SENSOR_NOISE_K = 0.04
_NOISY = (OUTDOOR_TEMPERATURE, FLOW_TEMPERATURE, RETURN_TEMPERATURE, ROOM_TEMPERATURE, DHW_TEMPERATURE)


def _faults(labels: list[Label]) -> list[Fault]:
    """Those that the plants know themselves."""
    known = {code.value for code in FaultCode} - {FaultCode.DEVICE_UNREACHABLE, FaultCode.SENSOR_BROKEN}
    faults = []
    for label in labels:
        if label.code not in known:
            continue
        mode = BatteryMode.DISCHARGING if label.detail.get("discharging") else BatteryMode.IDLE
        size = label.detail.get("size", 0.0)
        faults.append(Fault(FaultCode(label.code), label.start_ms, label.end_ms, mode, size=size))
    return faults


def _around(scenario: Scenario, start_ms: int) -> Surroundings:
    if scenario.climate is None:
        raise SimError(f"{scenario.name}: a simulated site needs a climate")
    return Surroundings(scenario.place, scenario.zone, scenario.climate, scenario.seed, start_ms)


def _idle(load_w: float, most_w: float) -> float:
    """What is left of a load when nobody is there; a meter never shows the same twice."""
    return load_w if load_w < most_w else most_w * (0.9 + 0.1 * (load_w * 7.3 % 1.0))


class _Home(SimulatedHome):
    """A home that nobody is in at times, and that knows how clear its sky is."""

    def __init__(self, scenario: Scenario, story: Story) -> None:
        if scenario.home is None:
            raise SimError(f"{scenario.name}: not a home")
        self._away = story.away
        self.clear: list[float] = []
        around = _around(scenario, story.start_ms)
        super().__init__(around, scenario.home, scenario.strings, scenario.household, _faults(list(story.labels)))

    def _drives_of(self, number: int) -> list[Drive]:
        around = self._around
        first_ms = around.start_ms + number * BLOCK * STEP_MS
        times = first_ms / 1000.0 + np.arange(BLOCK, dtype=np.float64) * 60.0
        self.clear = clear_sky_index(around.climate, around.seed, times).tolist()
        drives = super()._drives_of(number)
        if not any(from_ms < first_ms + DAY_MS and to_ms > first_ms for from_ms, to_ms in self._away):
            return drives
        idle = 1.2 * self._household.base_w + 100.0
        return [
            replace(drive, load_w=_idle(drive.load_w, idle)) if self._is_away(first_ms + i * STEP_MS) else drive
            for i, drive in enumerate(drives)
        ]

    def _is_away(self, at_ms: int) -> bool:
        return any(from_ms <= at_ms < to_ms for from_ms, to_ms in self._away)

    def sky(self) -> tuple[float, float]:
        """Share of the clear sky now, and W that the panels could give."""
        return self.clear[self._step % BLOCK], sum(self._drive.strings_w)


class _Boiler(SimulatedBoiler):
    """A heating site that is turned down while nobody is there."""

    def __init__(self, scenario: Scenario, story: Story) -> None:
        if scenario.heat is None:
            raise SimError(f"{scenario.name}: not a heating site")
        self._away = story.away
        around = _around(scenario, story.start_ms)
        super().__init__(around, scenario.heat, scenario.people, _faults(list(story.labels)))

    def _drives_of(self, number: int) -> list[HeatDrive]:
        first_ms = self._around.start_ms + number * BLOCK * STEP_MS
        drives = super()._drives_of(number)
        return [
            replace(drive, hour=_NIGHT_HOUR, draw_l_per_s=0.0) if self._is_away(first_ms + i * STEP_MS) else drive
            for i, drive in enumerate(drives)
        ]

    def _is_away(self, at_ms: int) -> bool:
        return any(from_ms <= at_ms < to_ms for from_ms, to_ms in self._away)


class _Present:
    """The fault of an instant, and what it does to what is told."""

    def __init__(self, story: Story) -> None:
        self._labels = list(story.labels)
        self._distortions: dict[int, Distortion | None] = {}

    def touch(self, moment: Moment) -> None:
        """Put the label on the moment, and the distortion into it."""
        for number, label in enumerate(self._labels):
            if label.start_ms <= moment.at_ms < label.end_ms:
                moment.label = label
                if number not in self._distortions:
                    self._distortions[number] = distortion_of(label)
                distortion = self._distortions[number]
                if distortion is not None:
                    distortion.apply(moment)
                return


def home_moments(story: Story, scenario: Scenario | None = None) -> Moments:
    """Every minute of home number `story.number`."""
    scenario = scenario or some_home(story.number)
    plant, present = _Home(scenario, story), _Present(story)
    peak = sum(string.peak_w for string in scenario.strings)
    for at_ms in range(story.start_ms, story.start_ms + story.days * DAY_MS, STEP_MS):
        state = plant.state_at(at_ms)
        moment = Moment(at_ms, rounded(dict(home_observation(state, frozenset()))))
        present.touch(moment)
        if moment.label is not None and not moment.shows:
            clear, offered = plant.sky()
            moment.shows = _home_shows(moment.label.code, moment, clear, offered, peak)
        yield moment


def _home_shows(code: str, moment: Moment, clear: float, offered: float, peak: float) -> bool:
    values = moment.values
    match code:
        case FaultCode.INVERTER_ALARM:
            return True
        case FaultCode.NO_SOLAR_PRODUCTION:
            return offered > 0.04 * peak
        case FaultCode.PV_UNDERPERFORMANCE:
            return clear > 0.93 and offered > 0.15 * peak
        case FaultCode.BATTERY_NOT_CHARGING:
            return values[PV_POWER] - values[LOAD_POWER] > 250.0 and values[BATTERY_SOC] < 94.0
        case FaultCode.EXPORT_WHILE_BATTERY_COULD_CHARGE:
            return values[GRID_POWER] < -300.0 and values[BATTERY_SOC] < 88.0 and values[BATTERY_POWER] > 50.0
    return False


def heat_moments(story: Story, scenario: Scenario | None = None) -> Moments:
    """Every minute of heating site number `story.number`."""
    scenario = scenario or some_boiler(story.number)
    plant, present = _Boiler(scenario, story), _Present(story)
    leak = Leak(story.number, list(story.labels))
    dice = random.Random(f"{story.number}/noise")
    started_ms, burnt = 0, False
    for at_ms in range(story.start_ms, story.start_ms + story.days * DAY_MS, STEP_MS):
        state = plant.state_at(at_ms)
        values = dict(heat_observation(state, frozenset()))
        started_ms, burnt = (at_ms if state.now.burner and not burnt else started_ms), state.now.burner
        # Here the flame itself is told, not an open valve.
        values[BURNER_ON] = float(state.now.burner)
        for name in _NOISY:
            values[name] += dice.gauss(0.0, SENSOR_NOISE_K)
        values[WATER_PRESSURE] = leak.at(at_ms, state.stores.flow_sensor)
        moment = Moment(at_ms, rounded(values))
        present.touch(moment)
        if moment.label is not None and not moment.shows:
            cold = state.now.room_set - state.stores.room
            moment.shows = _heat_shows(moment.label.code, moment, cold)
            if moment.label.code == FaultCode.FLAT_HEATING_CURVE:
                moment.shows = moment.shows and _is_day(at_ms, scenario)
            if moment.label.code == FaultCode.SHORT_CYCLING:
                # By night, or where the room is warm, the burner does not start at all.
                moment.shows = moment.label.start_ms <= started_ms and at_ms - started_ms <= _PAUSE_MS
        yield moment


def _is_day(at_ms: int, scenario: Scenario) -> bool:
    """Whether nobody turns the heating down or up: a set-back hides how the flow goes with the weather."""
    return _DAY_HOURS[0] <= datetime.fromtimestamp(at_ms / 1000, scenario.zone).hour < _DAY_HOURS[1]


def _heat_shows(code: str, moment: Moment, cold: float) -> bool:
    values = moment.values
    match code:
        case "low_water_pressure":
            return values[WATER_PRESSURE] < LEAST_BAR
        case FaultCode.ROOM_TOO_COLD:
            return cold > 2.0 and values[PUMP_ON] > 0.5
        case FaultCode.BOILER_LOCKOUT:
            return True
        case FaultCode.NO_HEAT | FaultCode.HUNTING | FaultCode.FLAT_HEATING_CURVE:
            return values[PUMP_ON] > 0.5
    return False
