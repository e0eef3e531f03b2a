"""Plays the recording of a real home at other dates.

Rule: the recording is moved by whole years, so that a day of April or May is played on its own date and hour (UTC); a
simulated period that starts before the recording's first day takes the year before. Where the simulated time runs past
the end, the recording begins again, which moves it by its own length, a whole number of days; its counters go on.

Between two points powers are interpolated linearly and then held for a minute, so the balance of every minute is that
of the recording. The charge is held until the next value. The house's load is what panels, grid and battery leave,
because that is how an agent gets it; the recorded load differs from it by rounding only.
"""

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Final

import numpy as np

from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, GRID_POWER, LOAD_POWER, PV_POWER, InverterAlarm
from agent.domain.signals import InverterState as State
from firmware_sim.clock import EPOCH, parse_instant
from firmware_sim.errors import SimError
from firmware_sim.home import Flows, Stores
from firmware_sim.noise import Array
from firmware_sim.plant import STEP_MS, HomeState
from firmware_sim.switched import Switched, Switching

RECORDINGS: Final[Mapping[str, str]] = {"seattle_powerwall": "2022-04_2022-05_5min.csv.gz"}
FIRST_TOTAL_WH = 2_500_000.0


@dataclass(frozen=True, slots=True)
class Recording:
    """One cycle at a step of a minute: W, Wh since its first minute (one element more), and a charge of 0 to 1."""

    first_ms: int
    pv: Array
    load: Array
    battery: Array
    grid: Array
    soc: Array
    pv_wh: Array
    charge_wh: Array
    discharge_wh: Array
    import_wh: Array
    export_wh: Array
    ac_wh: Array

    @property
    def length_ms(self) -> int:
        """Length of the cycle."""
        return len(self.pv) * STEP_MS


def load_recording(name: str) -> Recording:
    """A recording of this package by its name. Raises `SimError` for an unknown one."""
    if name not in RECORDINGS:
        raise SimError(f"recording {name!r} does not exist; known: {', '.join(sorted(RECORDINGS))}")
    packed = files("firmware_sim").joinpath("recordings", name, RECORDINGS[name]).read_bytes()
    rows = list(csv.DictReader(gzip.decompress(packed).decode().splitlines()))
    first_ms, second_ms = parse_instant(rows[0]["time"]), parse_instant(rows[1]["time"])
    return _expanded(rows, first_ms, second_ms - first_ms)


def _expanded(rows: list[dict[str, str]], first_ms: int, interval_ms: int) -> Recording:
    points = np.arange(len(rows) + 1, dtype=np.float64) * interval_ms
    minutes = np.arange(len(rows) * interval_ms // STEP_MS, dtype=np.float64) * STEP_MS

    def column(name: str) -> Array:
        values = [float(row[name]) for row in rows]
        return np.asarray(np.interp(minutes, points, [*values, values[0]]), dtype=np.float64)

    pv, battery, grid = column(PV_POWER), column(BATTERY_POWER), column(GRID_POWER)
    load = pv + grid - battery
    # Rounding to 0.1 kW can leave a house that generates; then the recorded load is believed and the grid adjusted.
    load = np.where(load < 0.0, column(LOAD_POWER), load)
    grid = load + battery - pv
    soc = np.repeat(_held([row[BATTERY_SOC] for row in rows]), interval_ms // STEP_MS) / 100.0
    return Recording(
        first_ms, pv, load, battery, grid, soc,
        pv_wh=_energy(pv),
        charge_wh=_energy(np.maximum(battery, 0.0)),
        discharge_wh=_energy(np.maximum(-battery, 0.0)),
        import_wh=_energy(np.maximum(grid, 0.0)),
        export_wh=_energy(np.maximum(-grid, 0.0)),
        ac_wh=_energy(np.maximum(load - grid, 0.0)),
    )  # fmt: skip


def _energy(watts: Array) -> Array:
    """Wh at the start of each minute, and after the last."""
    return np.concatenate([[0.0], np.cumsum(watts) * (STEP_MS / 3_600_000.0)])


def _held(cells: list[str]) -> Array:
    """Each blank cell takes the value before it; blanks at the beginning take the first value."""
    last = next(float(cell) for cell in cells if cell)
    held = []
    for cell in cells:
        last = float(cell) if cell else last
        held.append(last)
    return np.asarray(held, dtype=np.float64)


def played_from(first_ms: int, start_ms: int) -> int:
    """The recording's first instant, moved by whole years to the last such day at or before `start_ms`."""
    first = _moment(first_ms)
    year = _moment(start_ms).year
    if first.replace(year=year) > _moment(start_ms):
        year -= 1
    return round((first.replace(year=year) - EPOCH).total_seconds() * 1000)


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


class RecordedHome:
    """A real home played again. `capacity_wh` is the battery's size, which the recording does not tell."""

    def __init__(self, recording: Recording, start_ms: int, capacity_wh: float) -> None:
        self._recording = recording
        self._from_ms = played_from(recording.first_ms, start_ms)
        self._capacity_wh = capacity_wh
        self._switched = Switched()

    @property
    def capacity_wh(self) -> float:
        return self._capacity_wh

    def state_at(self, at_ms: int) -> HomeState:
        """The home at `at_ms`, which must not lie before the start of the period."""
        if at_ms < self._from_ms:
            raise ValueError(f"{at_ms} ms lies before the start of the recording, {self._from_ms} ms")
        rounds, inside = divmod(at_ms - self._from_ms, self._recording.length_ms)
        minute, rest_ms = divmod(inside, STEP_MS)
        flows, stores = self._flows(minute), self._stores(rounds, minute, rest_ms)
        switched = self._switched.at(at_ms)
        if any(switched):
            # The battery did then what it did, so the grid alone can give more.
            flows = replace(flows, load_w=flows.load_w + sum(switched), grid_w=flows.grid_w + sum(switched))
        stores = replace(stores, import_wh=stores.import_wh + self._switched.energy_wh(at_ms))
        return HomeState(at_ms, flows, stores, self._soc(minute), inverter_known=False, switched_w=switched)

    def switch_load(self, switching: Switching) -> None:
        """Switches a load from an instant on. Raises `ValueError`."""
        self._switched.add(switching)

    def _soc(self, minute: int) -> float:
        return float(self._recording.soc[minute])

    def _flows(self, minute: int) -> Flows:
        recording = self._recording
        pv, battery = float(recording.pv[minute]), float(recording.battery[minute])
        load, grid = float(recording.load[minute]), float(recording.grid[minute])
        state = State.RUNNING if pv > 0.0 or battery != 0.0 else State.STANDBY
        return Flows((pv,), load, battery, grid, load - grid, state, InverterAlarm.NONE)

    def _stores(self, rounds: int, minute: int, rest_ms: int) -> Stores:
        def total(energy: Array) -> float:
            share = rest_ms / STEP_MS
            now = energy[minute] + share * (energy[minute + 1] - energy[minute])
            return float(FIRST_TOTAL_WH + rounds * energy[-1] + now)

        recording = self._recording
        return Stores(
            stored_wh=self._capacity_wh * self._soc(minute),
            strings_wh=(total(recording.pv_wh),),
            charge_wh=total(recording.charge_wh),
            discharge_wh=total(recording.discharge_wh),
            import_wh=total(recording.import_wh),
            export_wh=total(recording.export_wh),
            ac_wh=total(recording.ac_wh),
            cabinet=0.0,
        )
