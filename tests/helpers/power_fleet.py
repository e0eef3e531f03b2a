"""Labelled fleets of solar + battery homes: clouds that pass over a region, homes of many sizes, six faults."""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER

Floats = NDArray[np.float64]
FAULTS = (
    "no_solar_production",
    "battery_not_charging",
    "pv_underperformance",
    "battery_imbalance_soc_jump",
    "sign_or_scale_error",
)
START_MS = 1_714_521_600_000  # 2024-05-01


@dataclass
class Fleet:
    """`values`: home × (PV, load, battery, charge) × time."""

    names: list[str]
    step_min: int
    values: Floats
    faults: dict[str, str] = field(default_factory=dict)

    def frame(self) -> pl.DataFrame:
        """Wide samples: installation, time and a column per signal."""
        count, _, steps = self.values.shape
        times = START_MS + np.arange(steps, dtype=np.int64) * self.step_min * 60_000
        columns = {"installation": np.repeat(np.array(self.names), steps), "time": np.tile(times, count)}
        for place, name in enumerate((PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC)):
            columns[str(name)] = self.values[:, place].ravel()
        frame = pl.DataFrame(columns).with_columns(pl.from_epoch("time", time_unit="ms").dt.replace_time_zone("UTC"))
        return frame.fill_nan(None)


def make(
    count: int, seed: int, *, days: int = 14, step_min: int = 15, share: float = 0.06, onset: float = 0.6
) -> Fleet:
    """`share` of the homes get a fault, `onset` of these only after the start."""
    rng = np.random.default_rng(seed)
    steps = days * 1440 // step_min
    hours = np.arange(steps) * step_min / 60
    clear = np.maximum(0, np.sin(2 * np.pi * (hours - 6) / 24)) ** 1.3
    skies = np.stack([sky(rng, hours, step_min) for _ in range(4)])
    values = np.empty((count, 4, steps))
    bad = rng.permutation(count)[: max(len(FAULTS), round(share * count))]
    faults = {int(i): FAULTS[k % len(FAULTS)] for k, i in enumerate(bad)}
    for i in range(count):
        # Panels that were weak from the first day on are small panels to everybody who does not know their size.
        late = rng.random() < onset or faults.get(i) == "pv_underperformance"
        on = np.arange(steps) >= (rng.uniform(0.25, 0.6) * steps if late else 0)
        shift = int(rng.normal(0, 0.7) * 60 / step_min)  # panels that face east or west
        local = np.clip(skies[i % 4] + rng.normal(0, 0.04, steps), 0.03, 1.05)
        pv = rng.uniform(2500, 9500) * np.roll(clear, shift) * np.roll(local, int(rng.integers(-2, 3)))
        if faults.get(i) == "no_solar_production":
            pv = np.where(on, 0.0, pv)
        if faults.get(i) == "pv_underperformance":
            pv = np.where(on, pv * rng.uniform(0.3, 0.55), pv)
        values[i] = home(
            rng, hours, step_min, pv, on if faults.get(i) == "battery_not_charging" else np.zeros(steps, bool)
        )
        if faults.get(i) == "battery_imbalance_soc_jump":
            leaps = on & (rng.random(steps) < 3 * step_min / 1440)
            values[i, 3] = np.clip(values[i, 3] - np.where(leaps, rng.uniform(20, 40), 0), 0, 100)
        if faults.get(i) == "sign_or_scale_error":
            values[i, 2] = np.where(on, -values[i, 2], values[i, 2])
    values[rng.random(values.shape) < 0.004] = np.nan
    names = [f"home{i:04d}" for i in range(count)]
    return Fleet(names, step_min, values, {names[i]: code for i, code in faults.items()})


def sky(rng: np.random.Generator, hours: Floats, step_min: int) -> Floats:
    """A region's clearness: good and bad days, and clouds within them."""
    days = rng.choice([1.0, 0.75, 0.4, 0.12], int(hours[-1] // 24) + 2, p=[0.45, 0.25, 0.2, 0.1])
    clouds = np.repeat(rng.uniform(0.5, 1.0, len(hours) // 3 + 1), 3)[: len(hours)]
    broken = days[(hours // 24).astype(int)]
    return broken * np.where((broken < 0.9) & (broken > 0.3), clouds, 1.0)


def home(rng: np.random.Generator, hours: Floats, step_min: int, pv: Floats, dead: NDArray[np.bool_]) -> Floats:
    """Load, a battery that stores what is left over, and its charge."""
    base = rng.uniform(150, 500)
    evening = rng.uniform(400, 2500) * np.exp(-(((hours % 24) - rng.uniform(18, 20.5)) ** 2) / 4)
    load = base + evening + rng.exponential(150, len(hours)) + 2000 * (rng.random(len(hours)) < 0.02)
    size, most = rng.uniform(4, 14), rng.uniform(2500, 5000)
    charge, soc, power = 0.5 * size, np.empty(len(hours)), np.empty(len(hours))
    step_h = step_min / 60
    for t, left in enumerate(pv - load):
        wish = float(np.clip(left, -most, most))
        wish = (
            min(wish, (size - charge) / step_h * 1000)
            if wish > 0
            else max(wish, -(charge - 0.08 * size) / step_h * 1000)
        )
        if dead[t] and wish > 0:
            wish = -40.0 if rng.random() < 0.5 else 0.0
        soc[t], power[t] = 100 * charge / size, wish
        charge = min(max(charge + wish * step_h / 1000, 0), size)
    return np.stack([pv, load, power + rng.normal(0, 8, len(hours)), np.round(soc, 1)])
