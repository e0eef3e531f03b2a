"""What a household draws: a base, a fridge, and habits that differ from day to day but not from run to run."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim.noise import Array, hashed, smooth


@dataclass(frozen=True, slots=True)
class Household:
    """`base_w` runs always; `people` and `cooking` scale the habits; `car_w` above 0 charges a car some evenings."""

    base_w: float = 160.0
    people: int = 3
    car_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Use:
    """One appliance at work: seconds since 1970, and W."""

    start_s: float
    end_s: float
    watts: float


def habits(home: Household, zone: ZoneInfo, seed: int, day: date) -> list[Use]:
    """Everything switched on during one local day."""
    dice = random.Random(f"{seed}/{day.isoformat()}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC).timestamp()
    uses: list[Use] = []

    def run(hour: float, spread: float, minutes: float, watts: float, chance: float = 1.0) -> None:
        start = midnight + 3600.0 * dice.gauss(hour, spread)
        length = 60.0 * minutes * dice.uniform(0.7, 1.3)
        if dice.random() < chance:
            uses.append(Use(start, start + length, watts * dice.uniform(0.85, 1.15)))

    weekend = day.weekday() >= 5
    breakfast = 8.7 if weekend else 6.7
    for _ in range(home.people):
        run(breakfast, 0.4, 4, 1900, 0.8)
        run(breakfast + 0.3, 0.5, 9, 1100, 0.4)
        run(20.3, 1.2, 120, 90)
    run(12.6, 0.4, 25, 1500, 0.85 if weekend else 0.35)
    run(18.6, 0.5, 40, 2100, 0.9)
    run(19.0, 0.4, 15, 1200, 0.6)
    run(19.9, 0.6, 55, 900, 0.7)
    run(10.5 if weekend else 17.5, 1.5, 70, 800, 0.18 * home.people)
    run(21.0, 0.8, 180, 140)
    run(14.0, 2.0, 30, 1300, 0.3)
    if home.car_w > 0:
        run(19.5, 1.0, 150, home.car_w, 0.45)
    return uses


def load_power(home: Household, zone: ZoneInfo, seed: int, time_s: Array) -> Array:
    """House consumption in W at the instants `time_s` (evenly spaced, rising)."""
    fridge = np.where(smooth(seed, "fridge", time_s, 1500.0) > 0.55, 95.0, 4.0)
    total = home.base_w * (0.8 + 0.4 * smooth(seed, "base", time_s, 5400.0)) + fridge
    first = datetime.fromtimestamp(float(time_s[0]), zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(float(time_s[-1]), zone).date()
    for number in range((last - first).days + 1):
        for use in habits(home, zone, seed, first + timedelta(days=number)):
            start, end = np.searchsorted(time_s, [use.start_s, use.end_s])
            total[start:end] += use.watts
    # A meter never shows the same twice.
    jitter = 0.97 + 0.06 * hashed(seed, "jitter", (time_s // 60).astype(np.int64))
    return np.asarray(total * jitter, dtype=np.float64)
