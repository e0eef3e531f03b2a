"""A second labelled heating fleet, written apart from the first: other buildings, other noise, other ways to fail.

Four kinds of heating, boilers that switch, water that is off at night, tap water, own weather at every house.
"""

import numpy as np
from numpy.typing import NDArray

from tests.helpers.heating_fleet import Fleet

Floats = NDArray[np.float64]
FAULTS = (
    "no_heat",
    "short_cycling",
    "hunting",
    "flat_heating_curve",
    "room_sensor_stuck",
    "sensors_swapped",
    "outdoor_sensor_implausible",
    "room_too_cold",
)
START_MS = 1_481_760_000_000


def make(
    count: int, seed: int, *, days: int = 17, step_min: int = 15, share: float = 0.04, mean_outdoor: float = 4.0,
    noise: float = 1.0, regions: int = 4, onset: float = 0.5,
) -> Fleet:  # fmt: skip
    """`share` of the installations get a fault, `onset` of these only after the start of the period."""
    rng = np.random.default_rng(seed)
    steps = days * 1440 // step_min
    hours = np.arange(steps) * step_min / 60
    weather = [region(rng, hours, mean_outdoor) for _ in range(regions)]
    bad = rng.choice(count, max(1, round(share * count)), replace=False).tolist()
    faults = {i: FAULTS[k % len(FAULTS)] for k, i in enumerate(bad)}
    values, cities = np.empty((count, 3, steps)), []
    for i in range(count):
        place = int(rng.integers(regions))
        cities.append(f"c{place}")
        on = np.arange(steps) >= (rng.uniform(0.1, 0.6) * steps if rng.random() < onset else 0)
        values[i] = house(rng, hours, weather[place], noise, faults.get(i, ""), on)
    names = [f"{800_000 + i}" for i in range(count)]
    return Fleet(names, cities, START_MS, step_min, values, {names[i]: fault for i, fault in faults.items()})


def region(rng: np.random.Generator, hours: Floats, mean: float) -> Floats:
    knots = np.arange(0, hours[-1] + 12, 6)
    walk = np.cumsum(rng.normal(0, 1, len(knots)))
    walk -= np.linspace(0, walk[-1], len(knots))
    fronts = np.interp(hours, knots, walk / (walk.std() + 1e-9) * rng.uniform(2, 4))
    return mean + rng.normal(0, 2) + fronts + rng.uniform(1, 4) * np.cos(2 * np.pi * (hours - 15) / 24)


def house(
    rng: np.random.Generator, hours: Floats, weather: Floats, noise: float, fault: str, on: NDArray[np.bool_]
) -> Floats:
    """Outdoor, room and flow of one installation with its fault, its sensors and its losses."""
    knots = np.arange(0, hours[-1] + 12, 6)
    outdoor = weather + rng.normal(0, 1.0) + np.interp(hours, knots, rng.normal(0, 0.6, len(knots)))
    room, flow = heated(rng, hours, outdoor, noise)
    room, flow = broken(rng, hours, room, flow, noise, fault, on)
    room += rng.normal(0, rng.uniform(0.02, 0.2), len(hours))
    outdoor += rng.normal(0, 0.2, len(hours))
    out = sensed(rng, hours, np.stack([outdoor, room, flow]), fault, on)
    out = np.round(out, int(rng.integers(1, 3)))
    out[:, rng.random(len(hours)) < rng.choice([0, 0.01, 0.05])] = np.nan
    return out


def heated(rng: np.random.Generator, hours: Floats, outdoor: Floats, noise: float) -> tuple[Floats, Floats]:
    kind = rng.choice(["radiators", "floor", "switched", "air"], p=[0.5, 0.2, 0.2, 0.1])
    slope = {"radiators": rng.uniform(1, 2), "floor": rng.uniform(0.35, 0.7)}.get(kind, rng.uniform(0.6, 1.8))
    level = rng.normal(20.7, 0.9)
    setback = float(rng.choice([0, 0, 2, 3, 4]))
    low = ((hours % 24) < 5.5) | ((hours % 24) >= 22)
    if rng.random() < 0.12:
        low |= ((hours // 24).astype(int) + 3) % 7 >= 5
    wish = level - setback * low
    pace = 1 - np.exp(-(hours[1] - hours[0]) / rng.uniform(4, 20))
    room, now = np.empty(len(hours)), wish[0]
    for step, target in enumerate(wish):
        now += pace * (target - now)
        room[step] = now
    room += 0.03 * rng.normal() * (outdoor - outdoor.mean())
    room += rng.uniform(0, 0.6) * np.maximum(0, np.sin(2 * np.pi * (hours - 9) / 24))
    flow = (
        level + (rng.uniform(0, 3) if kind == "floor" else rng.uniform(0, 8)) + slope * np.maximum(level - outdoor, 0)
    )
    if setback:
        flow -= np.where(low, rng.uniform(3, 10), 0)
        if rng.random() < 0.3:
            flow = np.where(low & (outdoor > 0), room + rng.uniform(0.5, 3), flow)
    if kind == "switched":
        phase = np.cumsum(rng.normal(1, 0.2, len(hours))) * (hours[1] - hours[0]) * 60 / rng.uniform(70, 200)
        flow += np.sign(np.sin(2 * np.pi * phase)) * rng.uniform(1, 3)
    flow += rng.normal(0, noise * rng.uniform(0.2, 1), len(hours))
    if rng.random() < 0.3:
        flow = np.where(rng.random(len(hours)) < 0.03, np.maximum(flow, rng.uniform(55, 62)), flow)
    return room, flow


def broken(
    rng: np.random.Generator, hours: Floats, room: Floats, flow: Floats, noise: float, fault: str, on: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    elapsed = np.cumsum(on) * (hours[1] - hours[0])
    size = len(hours)
    if fault == "no_heat":
        end = rng.uniform(8, 14)
        room = np.where(on, end + (room - end) * np.exp(-elapsed / rng.uniform(20, 60)), room)
        flow = np.where(on, room + rng.uniform(-1, 1) + rng.normal(0, 0.3, size), flow)
    elif fault == "short_cycling":
        flow = flow + on * rng.uniform(6, 12) * rng.choice([-1, 1], size)
    elif fault == "hunting":
        flow = flow + on * rng.uniform(5, 10) * np.sin(2 * np.pi * hours / rng.uniform(2.2, 5) + rng.uniform(0, 6))
    elif fault == "flat_heating_curve":
        flow = np.where(on, rng.choice([flow.mean(), 50, 65, 35]) + rng.normal(0, noise * 0.5, size), flow)
    elif fault == "room_too_cold":
        room = room - on * rng.uniform(4, 6)
    return room, flow


def sensed(rng: np.random.Generator, hours: Floats, values: Floats, fault: str, on: NDArray[np.bool_]) -> Floats:
    outdoor, room = values[0], values[1]
    first = int(on.argmax())
    if fault == "room_sensor_stuck":
        values[1] = np.where(on, room[first], room)
    elif fault == "outdoor_sensor_implausible":
        sun = np.maximum(0, np.sin(2 * np.pi * (hours - 8) / 24))
        stuck, still = np.full(len(hours), rng.uniform(15, 30)), np.full(len(hours), outdoor[first])
        shifted, warmed = outdoor + rng.choice([-1, 1]) * rng.uniform(8, 15), outdoor + rng.uniform(6, 12) * sun
        wrong = [shifted, stuck, warmed, still][int(rng.integers(4))]
        values[0] = np.where(on, wrong, outdoor)
    elif fault == "sensors_swapped":
        a, b = [(0, 1), (1, 2), (0, 2)][int(rng.integers(3))]
        values[[a, b]] = np.where(on, values[[b, a]], values[[a, b]])
    return values
