"""Plants in time: they step from the start of their period and answer what they look like at any instant.

The state at an instant follows from site, seed and start alone: inputs are computed in fixed blocks counted from the
start, so a restart that steps again from there continues seamlessly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim import boiler, home
from firmware_sim.boiler import HeatDrive, HeatNow, HeatParts, HeatStores
from firmware_sim.failures import Effects, Fault, effects_at
from firmware_sim.home import Drive, Flows, HomeParts, Stores
from firmware_sim.load import Household, load_power
from firmware_sim.noise import Array
from firmware_sim.solar import Place, PvString, sky, string_powers
from firmware_sim.switched import Switched, Switching
from firmware_sim.weather import Climate, clear_sky_index, outdoor_temperature

STEP_MS = 60_000
STEP_S = 60.0
BLOCK = 1440


@dataclass(frozen=True, slots=True)
class HomeState:
    """A home at one instant: what flows, what is stored, and the share of charge, 0 to 1.

    `inverter_known` is false for a recording, which did not tell the inverter's temperature nor its alarms.
    `switched_w` is the part of the load that was switched on by hand, per phase.
    """

    at_ms: int
    flows: Flows
    stores: Stores
    soc: float
    inverter_known: bool = True
    switched_w: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class HeatState:
    """A heating site at one instant."""

    at_ms: int
    now: HeatNow
    stores: HeatStores
    outdoor: float


class HomePlant(Protocol):
    """Anything that can play a home."""

    @property
    def capacity_wh(self) -> float:
        """Usable size of the battery in Wh."""
        ...

    def state_at(self, at_ms: int) -> HomeState: ...

    def switch_load(self, switching: Switching) -> None:
        """Switches a load from an instant on. Raises `ValueError`."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a plant stands and which of all possible lives it leads."""

    place: Place
    zone: ZoneInfo
    climate: Climate
    seed: int
    start_ms: int


def _block_times(start_ms: int, number: int) -> Array:
    steps = np.arange(number * BLOCK, (number + 1) * BLOCK, dtype=np.float64)
    return start_ms / 1000.0 + steps * STEP_S


class SimulatedHome:
    """A home whose weather, habits and battery are computed. Instants before its start are refused."""

    _stores: Stores
    _drive: Drive
    _flows: Flows

    def __init__(
        self,
        around: Surroundings,
        parts: HomeParts,
        strings: Sequence[PvString],
        household: Household,
        faults: Sequence[Fault] = (),
    ) -> None:
        self._around = around
        self._parts = parts
        self._strings = tuple(strings)
        self._household = household
        self._faults = tuple(faults)
        self._switched = Switched()
        self._block = -1
        self._restart()

    @property
    def capacity_wh(self) -> float:
        return self._parts.battery.capacity_wh

    def state_at(self, at_ms: int) -> HomeState:
        """The home at `at_ms`. Going back in time steps again from the start."""
        step = _step_of(self._around.start_ms, at_ms)
        if step < self._step:
            self._restart()
        while self._step < step:
            self._stores, _ = self._within(STEP_MS)
            self._step += 1
            self._decide()
        stores, flows = self._within(at_ms - self._around.start_ms - step * STEP_MS)
        soc = min(1.0, stores.stored_wh / self._parts.battery.capacity_wh)
        return HomeState(at_ms, flows, stores, soc, switched_w=self._switched.at(at_ms))

    def switch_load(self, switching: Switching) -> None:
        """Switches a load from an instant on. Raises `ValueError`."""
        self._switched.add(switching)
        if switching.at_ms <= self._around.start_ms + self._step * STEP_MS:
            self._restart()

    def _within(self, inside_ms: int) -> tuple[Stores, Flows]:
        """Stores and flows so far into the present step; a load that is switched inside it cuts the step."""
        from_ms = self._around.start_ms + self._step * STEP_MS
        stores, flows, at_ms = self._stores, self._flows, from_ms
        for cut_ms in self._switched.cuts(from_ms, from_ms + min(inside_ms, STEP_MS - 1)):
            stores = self._advanced(stores, flows, cut_ms - at_ms)
            flows, at_ms = self._flows_at(stores, cut_ms), cut_ms
        rest_ms = from_ms + inside_ms - at_ms
        return (self._advanced(stores, flows, rest_ms) if rest_ms else stores), flows

    def _advanced(self, stores: Stores, flows: Flows, ms: int) -> Stores:
        return home.advanced(self._parts, stores, flows, self._drive.outdoor, ms / 1000.0)

    def _flows_at(self, stores: Stores, at_ms: int) -> Flows:
        drive = replace(self._drive, load_w=self._drive.load_w + sum(self._switched.at(at_ms)))
        effects: Effects = effects_at(self._faults, self._around.start_ms + self._step * STEP_MS)
        return home.flows(self._parts, stores, drive, effects, STEP_S)

    def _restart(self) -> None:
        self._step = 0
        self._stores = home.first_stores(self._parts, len(self._strings))
        self._decide()

    def _decide(self) -> None:
        self._drive = self._drive_at(self._step)
        self._flows = self._flows_at(self._stores, self._around.start_ms + self._step * STEP_MS)

    def _drive_at(self, step: int) -> Drive:
        number, inside = divmod(step, BLOCK)
        if number != self._block:
            self._drives = self._drives_of(number)
            self._block = number
        return self._drives[inside]

    def _drives_of(self, number: int) -> list[Drive]:
        around = self._around
        times = _block_times(around.start_ms, number)
        index = clear_sky_index(around.climate, around.seed, times)
        outdoor = outdoor_temperature(around.climate, around.seed, around.place.latitude, around.place.longitude, times)
        powers = string_powers(self._strings, sky(around.place, index, times), outdoor)
        load = load_power(self._household, around.zone, around.seed, times)
        rows = zip(
            zip(*(power.tolist() for power in powers), strict=True), load.tolist(), outdoor.tolist(), strict=True
        )
        return [Drive(tuple(strings), watts, air) for strings, watts, air in rows]


class SimulatedBoiler:
    """A heating site whose weather, house and controller are computed. Instants before its start are refused."""

    _stores: HeatStores
    _drive: HeatDrive
    _now: HeatNow

    def __init__(self, around: Surroundings, parts: HeatParts, people: int, faults: Sequence[Fault] = ()) -> None:
        self._around = around
        self._parts = parts
        self._people = people
        self._faults = tuple(faults)
        self._asked: list[tuple[int, float]] = []
        self._block = -1
        self._restart()

    def ask_for_heat(self, at_ms: int, room: float) -> None:
        """Somebody turns the room's thermostat up to `room` °C; the controller minds it at its next step."""
        self._asked.append((at_ms, room))
        if at_ms <= self._around.start_ms + self._step * STEP_MS:
            self._restart()

    def state_at(self, at_ms: int) -> HeatState:
        """The site at `at_ms`. Going back in time steps again from the start."""
        step = _step_of(self._around.start_ms, at_ms)
        if step < self._step:
            self._restart()
        while self._step < step:
            self._stores = boiler.advanced(self._parts, self._stores, self._now, self._drive, STEP_S)
            self._step += 1
            self._decide()
        inside = (at_ms - self._around.start_ms) / 1000.0 - step * STEP_S
        stores = self._stores
        if inside > 0.0:
            stores = boiler.advanced(self._parts, stores, self._now, self._drive, inside)
        return HeatState(at_ms, self._now, stores, self._drive.outdoor)

    def _restart(self) -> None:
        self._step = 0
        self._stores = boiler.first_stores(self._drive_at(0).outdoor)
        self._decide()

    def _decide(self) -> None:
        at_ms = self._around.start_ms + self._step * STEP_MS
        self._drive = self._drive_at(self._step)
        for asked_ms, room in self._asked:
            if asked_ms <= at_ms:
                self._drive = replace(self._drive, asked=room)
        effects = effects_at(self._faults, at_ms)
        self._now = boiler.decide(self._parts, self._stores, self._drive, effects)

    def _drive_at(self, step: int) -> HeatDrive:
        number, inside = divmod(step, BLOCK)
        if number != self._block:
            self._drives = self._drives_of(number)
            self._block = number
        return self._drives[inside]

    def _drives_of(self, number: int) -> list[HeatDrive]:
        around = self._around
        times = _block_times(around.start_ms, number)
        outdoor = outdoor_temperature(around.climate, around.seed, around.place.latitude, around.place.longitude, times)
        draws = boiler.draws(around.zone, around.seed, self._people, times)
        hours = _local_hours(around.zone, times)
        return [HeatDrive(*row) for row in zip(outdoor.tolist(), hours.tolist(), draws.tolist(), strict=True)]


def _step_of(start_ms: int, at_ms: int) -> int:
    if at_ms < start_ms:
        raise ValueError(f"{at_ms} ms lies before the start of the simulated period, {start_ms} ms")
    return (at_ms - start_ms) // STEP_MS


def _local_hours(zone: ZoneInfo, times: Array) -> Array:
    """Hour of the local day at each instant; the offset is looked up once an hour (zones change on the hour)."""
    offsets: dict[int, float] = {}
    result = np.empty_like(times)
    for place, moment in enumerate(times.tolist()):
        hour = int(moment // 3600)
        if hour not in offsets:
            offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone).utcoffset()
            offsets[hour] = offset.total_seconds() if offset else 0.0
        result[place] = (moment + offsets[hour]) % 86400.0 / 3600.0
    return result
