"""Recordings of homes for tests: a day is a simple curve, faults are where the test wants them."""

import csv
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, GRID_POWER, LOAD_POWER, PV_POWER

START = datetime(2026, 5, 1, tzinfo=UTC)
COLUMNS = (PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER, BATTERY_SOC)


def write_home_history(path: Path, *, days: int, seed: int, step_s: int = 60) -> None:
    """A solar + battery home, one row per step. Every fifth day the battery stands still from 08:00 to 10:00 UTC."""
    chance = random.Random(seed)
    soc = 50.0
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time", *COLUMNS])
        for index in range(days * 86_400 // step_s):
            at = START + timedelta(seconds=index * step_s)
            hour = at.hour + at.minute / 60
            sun = max(0.0, math.sin((hour - 5) / 14 * math.pi)) if 5 < hour < 19 else 0.0
            pv = round(6000 * sun * chance.uniform(0.8, 1.0), 1)
            load = round(400 + 300 * chance.random() + (1500 if 17 <= hour < 20 else 0), 1)
            stands_still = at.day % 5 == 0 and 8 <= hour < 10
            battery = 0.0 if stands_still else _battery(pv - load, soc)
            soc = min(100.0, max(5.0, soc + battery * step_s / 3600 / 40_000 * 100))
            rows.writerow([at.isoformat(), pv, load, battery, round(load + battery - pv, 1), round(soc, 2)])


def _battery(surplus: float, soc: float) -> float:
    if surplus > 0:
        return round(min(surplus, 5000.0), 1) if soc < 99.9 else 0.0
    return -round(min(-surplus, 5000.0), 1) if soc > 5.1 else 0.0
