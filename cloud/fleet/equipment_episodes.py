"""MTBF as episodes over exposure, for minutes of any number of homes: the default rules of `agent.domain.rules`.

Rows become runs of classes where they are read, which keeps them few; verdicts, which need a home's past (the battery
was full, the state of charge is old), are told from the runs when all of a home are together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.domain.episodes import Timing
from agent.domain.rules import BatteryLimits
from agent.domain.rules_dark import SolarLimits
from cloud.fleet.equipment_ledger import Evidence, Ledger, ledger
from cloud.fleet.equipment_minutes import (
    CODES,
    SIGNALS,
    TIME,
    Floats,
    Ints,
    Minutes,
    Period,
    Zones,
    grouped,
    lists,
    minutes_of,
    unlist,
)
from cloud.fleet.equipment_runs import Bools, Runs, arranged, filled, next_ms, press, summed
from cloud.fleet.equipment_sun import is_up

SCALARS = ("failures", "repairs", "up_ms", "down_ms")
# Per episode: begin, end (-1: lasts), exposure up before it. Per day: UTC day since 1970, exposure up in it.
SERIES = ("at", "end", "clock_ms", "day", "day_up_ms")
_RUN_COLUMNS = ("start", "step", "count", "kind")
_GAP_MS = 900_000

# A sample's class is battery + 4 × state of charge + 16 × solar, of these:
_NO_WORD, _WELL, _FAILING = 0, 1, 2
_SOC_NONE, _SOC_HIGH, _SOC_LOW, _SOC_BETWEEN = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits and times of the two rules, as the agent has them by default."""

    battery: BatteryLimits = field(default=BatteryLimits())
    battery_timing: Timing = field(default=Timing(debounce_s=900, clear_s=300))
    solar: SolarLimits = field(default=SolarLimits())
    solar_timing: Timing = field(default=Timing(debounce_s=1800, clear_s=600))


def _partial_schema() -> pa.Schema:
    return pa.schema([("device", pa.string()), *((name, pa.large_list(pa.int64())) for name in _RUN_COLUMNS)])


def _result_schema() -> pa.Schema:
    fields: list[tuple[str, pa.DataType]] = [
        ("device", pa.string()),
        ("rows", pa.int64()),
        ("observed_ms", pa.int64()),
        ("first_ms", pa.int64()),
        ("last_ms", pa.int64()),
    ]
    for code in CODES:
        fields += [(f"{code}__{name}", pa.int64()) for name in SCALARS]
        fields += [(f"{code}__{name}", pa.large_list(pa.int64())) for name in SERIES]
    return pa.schema(fields)


@dataclass(frozen=True)
class EpisodeJob:
    """Failures, exposure and episodes of both scenarios per home. `places` is device → latitude and longitude."""

    zones: Zones
    period: Period = field(default=Period())
    places: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    rules: Rules = field(default=Rules())
    watts: float = 1.0
    """What a power of the files is multiplied with to be in W."""

    columns: Sequence[str] = (TIME, *SIGNALS)
    partial_schema: pa.Schema = field(default=_partial_schema())
    result_schema: pa.Schema = field(default=_result_schema())

    def partial(self, rows: pa.Table) -> pa.Table:
        """One row per home: its runs."""
        some = minutes_of(rows, SIGNALS, self.period)
        names, code = grouped(some.devices, some.code)
        runs = press(code, some.at_ms(), self._classes(some))
        lengths = np.bincount(runs.device, minlength=len(names))
        columns = [lists(getattr(runs, name), lengths) for name in _RUN_COLUMNS]
        return pa.table([pa.array(names, pa.string()), *columns], schema=self.partial_schema)

    def finish(self, partials: pa.Table) -> pa.Table:
        names = partials.column("device").to_pylist()
        devices, code = grouped(names, np.arange(len(names), dtype=np.int32))
        flat = {name: unlist(partials.column(name)) for name in _RUN_COLUMNS}
        device = np.repeat(code, flat["start"][1]).astype(np.int64)
        runs = arranged(Runs(device, *(flat[name][0] for name in _RUN_COLUMNS)))
        present = np.unique(runs.device)
        devices = [devices[i] for i in present.tolist()]
        runs = Runs(np.searchsorted(present, runs.device), runs.start, runs.step, runs.count, runs.kind)
        return pa.table([*_totals(devices, runs), *self._figures(runs, len(devices))], schema=self.result_schema)

    def _figures(self, runs: Runs, devices: int) -> list[pa.Array]:
        last_ms = _last_ms(runs, devices)
        battery = ledger(self._battery(runs), last_ms, self.rules.battery_timing)
        solar = ledger(_evidence(runs, runs.kind // 16, runs.count), last_ms, self.rules.solar_timing)
        return [*_columns(battery, devices), *_columns(solar, devices)]

    def _classes(self, some: Minutes) -> NDArray[np.uint8]:
        pv, load, battery = (self._watts(column) for column in some.values[:3])
        limits = self.rules.battery
        surplus = pv - load > limits.margin_w
        kind = np.where(surplus, 1 + (battery <= limits.dead_band_w).view(np.uint8), 0).astype(np.uint8)
        kind[np.isnan(battery)] = _NO_WORD
        kind += 4 * _soc_class(some.values[3], limits)
        return kind + 16 * self._solar(some, pv)

    def _watts(self, column: Floats) -> Floats:
        return column if self.watts == 1.0 else column * self.watts

    def _solar(self, some: Minutes, pv: Floats) -> NDArray[np.uint8]:
        by_day = self._by_day(some) & ~np.isnan(pv)
        return by_day.view(np.uint8) + (by_day & (pv <= self.rules.solar.dead_band_w)).view(np.uint8)

    def _by_day(self, some: Minutes) -> Bools:
        limits = self.rules.solar
        known = np.array([device in self.places for device in some.devices], dtype=np.bool_)
        if known.all() and len(known):
            return self._sunny(some, slice(None))
        local = self.zones.local(some.devices, some.code, some.raw // some.per_minute) % (24 * 60)
        by_day = (local >= limits.from_minute) & (local < limits.to_minute)
        if known.any():
            rows = np.flatnonzero(known[some.code])
            by_day[rows] = self._sunny(some, rows)
        return by_day

    def _sunny(self, some: Minutes, rows: NDArray[np.intp] | slice) -> Bools:
        places = np.array([self.places.get(device, (0.0, 0.0)) for device in some.devices], dtype=np.float64)
        lowest = self.rules.solar.sun_elevation
        return is_up(some.at_ms()[rows], some.code[rows], places[:, 0], places[:, 1], lowest)

    def _battery(self, runs: Runs) -> Evidence:
        soc = runs.kind // 4 % 4
        turned = filled((soc == _SOC_HIGH) | (soc == _SOC_LOW), runs.device)
        full = (turned >= 0) & (soc[turned] == _SOC_HIGH)
        told = filled(soc != _SOC_NONE, runs.device)
        # A state of charge stays good for a while: how many samples of a run without one still know it.
        until = runs.last[told] + round(self.rules.battery.soc_hold_s * 1000)
        known = np.where(until >= runs.start, (until - runs.start) // np.maximum(runs.step, 1) + 1, 0)
        count = np.where(soc != _SOC_NONE, runs.count, np.where(told >= 0, np.minimum(known, runs.count), 0))
        return _evidence(runs, np.where(full, _NO_WORD, runs.kind % 4), count)


def _soc_class(soc: Floats, limits: BatteryLimits) -> NDArray[np.uint8]:
    kind = np.full(len(soc), _SOC_BETWEEN, dtype=np.uint8)
    kind[soc >= limits.full_soc] = _SOC_HIGH
    kind[soc < limits.full_soc - limits.soc_hysteresis] = _SOC_LOW
    kind[np.isnan(soc)] = _SOC_NONE
    return kind


def _evidence(runs: Runs, word: Ints, count: Ints) -> Evidence:
    """Runs with a word, cut to their first `count` samples."""
    behind = np.where(count < runs.count, runs.start + count * runs.step, next_ms(runs))
    rows = np.flatnonzero((word != _NO_WORD) & (count > 0))
    return Evidence(
        runs.device[rows], runs.start[rows], runs.step[rows], count[rows], word[rows] == _FAILING, behind[rows]
    )


def _last_ms(runs: Runs, devices: int) -> Ints:
    behind = np.searchsorted(runs.device, np.arange(devices), side="right")
    last: Ints = runs.last[behind - 1] if devices else behind
    return last


def _totals(devices: Sequence[str], runs: Runs) -> list[pa.Array]:
    size = len(devices)
    away = next_ms(runs) - runs.last
    tail = np.where((away > 0) & (away <= _GAP_MS), away, 0)
    held = (runs.count - 1) * runs.step * (runs.step <= _GAP_MS) + tail
    sums = (summed(runs.device, runs.count, size), summed(runs.device, held, size))
    first = runs.start[np.searchsorted(runs.device, np.arange(size))] if size else sums[0]
    return [pa.array(list(devices), pa.string()), *map(pa.array, (*sums, first, _last_ms(runs, size)))]


def _columns(found: Ledger, devices: int) -> list[pa.Array]:
    episodes = np.bincount(found.episode_device, minlength=devices)
    days = np.bincount(found.day_device, minlength=devices)
    scalars = (episodes.astype(np.int64), found.repairs.astype(np.int64), found.up, found.down)
    return [
        *map(pa.array, scalars),
        *(lists(values, episodes) for values in (found.begin, found.end, found.clock)),
        *(lists(values, days) for values in (found.day, found.day_up)),
    ]
