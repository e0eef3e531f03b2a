"""A third labelled heating fleet: buildings of two heat capacities, five kinds of control, faults of any depth.

Not made to suit the method: rooms follow from heat that comes and goes, faults begin and end in
the period, and some are mild. Thermostats, heat pumps that switch by their water, morning boosts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.helpers.heating_fleet import Fleet

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FINE_MIN = 5
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
DATA_FAULTS = ("gap", "stuck_value", "out_of_range", "clock_error")
KINDS = ("curve", "curve with room", "thermostat", "heat pump", "district")
# Which controls a fleet has: one maker's customers differ from another's.
MIXES = {
    "boilers": (0.6, 0.25, 0.05, 0.0, 0.1),
    "mixed": (0.35, 0.2, 0.15, 0.15, 0.15),
    "heat pumps": (0.1, 0.1, 0.0, 0.8, 0.0),
    "district": (0.1, 0.0, 0.0, 0.0, 0.9),
    "old houses": (0.5, 0.1, 0.35, 0.0, 0.05),
}
START_MS = 1_484_524_800_000  # Monday 2017-01-16


def make(
    count: int, seed: int, *, mix: str = "mixed", days: int = 21, step_min: int = 15, share: float = 0.04,
    mean_outdoor: float = 3.0, averaged: bool = False, faults: tuple[str, ...] = FAULTS,
) -> Fleet:  # fmt: skip
    """`share` of the installations get a fault, at any time and of any depth that somebody would complain about."""
    rng = np.random.default_rng(seed)
    hours = np.arange(days * 1440 // FINE_MIN) * FINE_MIN / 60
    towns = [Town.draw(rng, hours, mean_outdoor) for _ in range(int(rng.integers(1, 7)))]
    at = rng.integers(len(towns), size=count)
    outdoor = np.stack([towns[t].air for t in at]) + rng.normal(0, 0.7, (count, 1))
    sun = np.stack([towns[t].sun for t in at])
    bad = rng.permutation(count)[: max(1, round(share * count))]
    order = rng.permutation(len(faults))
    code = {int(i): faults[order[k % len(faults)]] for k, i in enumerate(bad)}
    active = {i: span(rng, len(hours)) for i in code}
    plants = Plants.draw(rng, count, mix)
    for i, fault in code.items():
        if fault in ("flat_heating_curve", "hunting") and plants.kind[i] == 2:
            plants.kind[i] = 0  # a thermostat has no curve and no control loop that these could befall
    room, flow = simulate(rng, hours, outdoor, sun, plants, code, active)
    for i, fault in code.items():
        if fault in ("hunting", "short_cycling"):
            flow[i] += swing(rng, hours, fault, float(plants.design[i])) * active[i]
    values = np.stack([outdoor, room, flow], axis=1)
    values = gateway(rng, values, sun, step_min, averaged)
    for i, fault in code.items():
        on = active[i][:: step_min // FINE_MIN]
        sensors(rng, values[i], sun[i][:: step_min // FINE_MIN], fault, on, step_min)
    losses(rng, values, code)
    names = [f"{100_000 + 7 * i}" for i in range(count)]
    return Fleet(
        names, [f"VILLE {t}" for t in at], START_MS, step_min, values, {names[i]: fault for i, fault in code.items()},
        [KINDS[kind] for kind in plants.kind],
    )  # fmt: skip


def span(rng: np.random.Generator, steps: int) -> Bools:
    """From the start or later, to the end or (one in five) for a while only."""
    day = 1440 // FINE_MIN
    first = 0 if rng.random() < 0.45 else int(rng.uniform(0.08, 0.65) * steps)
    last = min(steps, first + int(rng.uniform(4.5, 9) * day)) if rng.random() < 0.2 else steps
    on = np.zeros(steps, dtype=bool)
    on[first:last] = True
    return on


@dataclass
class Town:
    """Air temperature and sunshine (0 to 1) of a place."""

    air: Floats
    sun: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator, hours: Floats, mean: float) -> "Town":
        size = int(hours[-1] // 24) + 3
        clear = np.clip(rng.beta(0.7, 0.7, size), 0.05, 1)
        spell = np.zeros(size)
        for day in range(1, size):
            spell[day] = 0.75 * spell[day - 1] + rng.normal(0, 2.0)
        spell += np.linspace(0, rng.normal(0, 3), size)
        day = hours / 24
        bright = np.interp(day, np.arange(size), clear)
        height = np.maximum(0, np.sin(np.pi * ((hours % 24) - 7.5) / 9.5)) * ((hours % 24) > 7.5) * ((hours % 24) < 17)
        night = -np.cos(2 * np.pi * ((hours % 24) - 4.5) / 24)
        air = mean + rng.normal(0, 2.2) + np.interp(day, np.arange(size), spell) + (0.8 + 3.2 * bright) * night
        return cls(air + walk(rng, len(hours), 0.25, 3), height * bright)


def walk(rng: np.random.Generator, size: int, scale: float, every_h: float) -> Floats:
    """Noise that changes over hours."""
    knots = rng.normal(0, scale, int(size * FINE_MIN / 60 / every_h) + 3)
    return np.asarray(np.interp(np.arange(size) * FINE_MIN / 60 / every_h, np.arange(len(knots)), knots))


@dataclass
class Plants:
    """`design`: flow (°C) at −10 °C outside. Times in hours, `kind` a place in `KINDS`."""

    kind: NDArray[np.int64]
    wish: Floats
    night: Floats
    shut: Bools
    design: Floats
    shift: Floats
    loss_h: Floats
    mass_h: Floats
    store_h: Floats
    water_h: Floats
    gain: Floats
    window: Floats
    thermostat: Floats
    hysteresis: Floats
    tap: NDArray[np.int64]

    @classmethod
    def draw(cls, rng: np.random.Generator, count: int, mix: str) -> "Plants":
        kind = rng.choice(5, count, p=MIXES[mix])
        radiators = rng.uniform(52, 74, count)
        floor = rng.uniform(34, 43, count)
        soft = (kind == 3) | (rng.random(count) < 0.12)
        return cls(
            kind=kind,
            wish=np.clip(rng.normal(20.6, 0.8, count), 18.8, 23),
            night=np.where(rng.random(count) < 0.45, rng.uniform(0.8, 3.5, count), 0.0) * (kind != 3),
            shut=rng.random(count) < 0.1,
            design=np.where(soft, floor, radiators),
            shift=rng.uniform(0, 4, count),
            loss_h=rng.uniform(7, 22, count),
            mass_h=rng.uniform(1.2, 3, count),
            store_h=rng.uniform(15, 90, count),
            water_h=rng.uniform(0.12, 0.5, count),
            gain=rng.uniform(0.1, 1.0, count),
            window=rng.uniform(0, 3.0, count),
            thermostat=rng.uniform(0.15, 0.5, count),
            hysteresis=rng.uniform(1.0, 3.0, count),
            tap=rng.choice(3, count, p=[0.55, 0.25, 0.2]),
        )


def schedule(plants: Plants, hours: Floats) -> Floats:
    """Set point by installation and time: nights, and offices that are shut from Friday evening to Monday."""
    hour, day = hours % 24, (hours // 24).astype(int) % 7
    low = (hour < 5.5) | (hour >= 21.5)
    away = low | (day >= 5) | (hour >= 18.5)
    offices = plants.shut & (plants.night > 0)
    return np.asarray(plants.wish[:, None] - plants.night[:, None] * np.where(offices[:, None], away, low))


def simulate(
    rng: np.random.Generator, hours: Floats, outdoor: Floats, sun: Floats, plants: Plants,
    code: dict[int, str], active: dict[int, Bools],
) -> tuple[Floats, Floats]:  # fmt: skip
    """Room and flow of all installations, five minutes at a time."""
    count, steps = outdoor.shape
    dt = FINE_MIN / 60
    slope = (plants.design - plants.wish) / (plants.wish + 10)
    emit = 1 / slope / plants.loss_h / 0.8
    wish = schedule(plants, hours)
    dead, weak, flat, level = broken(rng, outdoor, plants, slope, emit, wish, code, active)
    busy = tap_times(rng, hours, plants)
    people = np.maximum(0, walk(rng, steps, 1.0, 2.0))
    room, flow = np.empty((count, steps)), np.empty((count, steps))
    air, mass = wish[:, 0].copy(), wish[:, 0].copy()
    water = curve(plants, slope, wish[:, 0], outdoor[:, 0])
    burning = np.ones(count, dtype=bool)
    damped = outdoor[:, 0].copy()
    for t in range(steps):
        damped += (outdoor[:, t] - damped) * dt / 3
        goal = curve(plants, slope, wish[:, t], damped)
        goal = np.where(flat[:, t], level + 0.08 * (goal - level), goal)
        goal += (plants.kind == 1) * np.clip(2.5 * (wish[:, t] - air), -6, 6)
        goal += (plants.kind == 4) * 6.0 * (abs(hours[t] % 24 - 6.3) < 0.8)
        goal, burning = switched(plants, goal, air, wish[:, t], water, burning, outdoor[:, t])
        goal = np.where(busy[:, t] & (plants.tap == 1), air + 4, goal)
        goal = np.where(dead[:, t], air + 0.2, goal)
        pace = np.where(dead[:, t], plants.water_h * 5, plants.water_h)
        water += (goal - water) * np.minimum(1, dt / pace)
        valve = np.clip(0.8 + 0.6 * (wish[:, t] + 0.2 - air), 0.04, 1.0)
        heat = emit * np.maximum(water - air, 0) * np.where(plants.kind == 2, 0.9, valve) * weak[:, t]
        warm = plants.gain * people[t] * 0.3 + plants.window * sun[:, t] * 0.35
        air = air + dt * (heat + (outdoor[:, t] - air) / plants.loss_h + (mass - air) / plants.mass_h + warm)
        mass = mass + dt * (air - mass) / plants.store_h * 6
        room[:, t] = air
        flow[:, t] = np.where(busy[:, t] & (plants.tap == 2) & ~dead[:, t], 58 + rng.normal(0, 1), water)
    return room, flow


def curve(plants: Plants, slope: Floats, wish: Floats, outdoor: Floats) -> Floats:
    """Flow for a set point: a lower set point moves the curve down and its foot with it."""
    return np.asarray(wish + plants.shift + slope * np.maximum(wish - outdoor, 0) - 1.5 * (plants.wish - wish))


def switched(
    plants: Plants, goal: Floats, air: Floats, wish: Floats, water: Floats, burning: Bools, outdoor: Floats
) -> tuple[Floats, Bools]:
    """Thermostats switch by the room, heat pumps by their water, which also defrost now and then."""
    by_room = np.where(burning, air < wish + plants.thermostat, air < wish - plants.thermostat)
    by_water = np.where(burning, water < goal + plants.hysteresis, water < goal - plants.hysteresis)
    on = np.where(plants.kind == 2, by_room, np.where(plants.kind == 3, by_water, True))
    fixed = plants.design - 4
    goal = np.where(plants.kind == 2, np.where(on, fixed, air + 1.5), goal)
    goal = np.where(plants.kind == 3, np.where(on, goal + 2 * plants.hysteresis, goal - 3 * plants.hysteresis), goal)
    return goal, np.asarray(on, dtype=bool)


def tap_times(rng: np.random.Generator, hours: Floats, plants: Plants) -> Bools:
    """When hot water is made first."""
    busy = np.zeros((len(plants.kind), len(hours)), dtype=bool)
    for i in np.flatnonzero(plants.tap > 0).tolist():
        when = rng.uniform(5, 22, int(rng.integers(1, 4)))
        for day in range(int(hours[-1] // 24) + 1):
            for hour in when + rng.normal(0, 0.4, len(when)):
                first = int((24 * day + hour) * 60 / FINE_MIN)
                busy[i, first : first + int(rng.uniform(20, 50) / FINE_MIN)] = True
    return busy


def broken(
    rng: np.random.Generator, outdoor: Floats, plants: Plants, slope: Floats, emit: Floats, wish: Floats,
    code: dict[int, str], active: dict[int, Bools],
) -> tuple[Bools, Floats, Bools, Floats]:  # fmt: skip
    """Faults of plant and building: no burner, too little heat, a fixed flow and at which level."""
    dead, flat = np.zeros(outdoor.shape, dtype=bool), np.zeros(outdoor.shape, dtype=bool)
    weak = np.ones(outdoor.shape)
    level = np.zeros(len(outdoor))
    for i, fault in code.items():
        on = active[i]
        mean = float(outdoor[i, on].mean())
        usual = float(plants.wish[i] + plants.shift[i] + slope[i] * max(plants.wish[i] - mean, 0))
        if fault == "no_heat":
            dead[i] = on
        if fault == "flat_heating_curve":
            flat[i], level[i] = on, usual + rng.uniform(-3, 9)
        if fault == "room_too_cold":
            cold = float(plants.wish[i]) - rng.uniform(3.8, 7)
            if rng.random() < 0.6:
                need = (cold - mean) / plants.loss_h[i]
                weak[i, on] = float(np.clip(need / (emit[i] * max(usual - cold, 3)), 0.05, 1))
            else:
                wish[i, on] -= plants.wish[i] - cold
    return dead, weak, flat, level


def swing(rng: np.random.Generator, hours: Floats, fault: str, design: float) -> Floats:
    """What a restless controller adds to flow."""
    least = 4.0 if design > 45 else 3.5
    if fault == "hunting":
        period, width = rng.uniform(0.8, 4.5), rng.uniform(least, 10)
        phase = 2 * np.pi * np.cumsum(1 + walk(rng, len(hours), 0.08, 8)) * FINE_MIN / 60 / period
        wave = np.sin(phase) if rng.random() < 0.6 else 2 / np.pi * np.arcsin(np.sin(phase)) * 1.2
        return np.asarray(width * wave * (1 + walk(rng, len(hours), 0.15, 6)))
    period, width = rng.uniform(7, 30), rng.uniform(least + 1, 14)
    phase = np.cumsum(rng.normal(1, 0.3, len(hours))) * FINE_MIN / period
    shape = np.where(phase % 1 < rng.uniform(0.3, 0.6), 1.0, -1.0) if rng.random() < 0.5 else 2 * (phase % 1) - 1
    return np.asarray(width * shape)


def gateway(rng: np.random.Generator, values: Floats, sun: Floats, step_min: int, averaged: bool) -> Floats:
    """What the sensors and the gateway make of it: walls in the sun, offsets, noise, steps, one value per interval."""
    count = len(values)
    ratio = step_min // FINE_MIN
    values = values.copy()
    values[:, 0] += rng.choice([0, 1.5, 3.0], count, p=[0.7, 0.2, 0.1])[:, None] * sun
    values += rng.normal(0, (0.3, 0.3, 0.6), (count, 3))[:, :, None]
    shaped = values.reshape(count, 3, -1, ratio)
    seen = shaped.mean(axis=3) if averaged else shaped[..., 0]
    seen = seen + rng.normal(0, 1, seen.shape) * rng.choice([0.02, 0.08, 0.2], (count, 3))[:, :, None]
    steps = np.stack([
        rng.choice([0.01, 0.1, 0.5], count, p=[0.3, 0.65, 0.05]),
        rng.choice([0.01, 0.1, 0.5], count, p=[0.3, 0.63, 0.07]),
        rng.choice([0.1, 0.5, 1.0], count, p=[0.7, 0.2, 0.1]),
    ], axis=1)[:, :, None]  # fmt: skip
    return np.asarray(np.round(seen / steps) * steps)


def sensors(rng: np.random.Generator, values: Floats, sun: Floats, fault: str, on: Bools, step_min: int) -> None:
    """Faults of sensors and of the data, in place."""
    first = int(on.argmax())
    outdoor, size = values[0].copy(), len(on)
    if fault == "room_sensor_stuck":
        values[1, on] = [values[1, first], 20.0, round(float(values[1, first]), 0)][int(rng.integers(3))]
        if rng.random() < 0.25:
            values[1, on] += rng.normal(0, 0.02, int(on.sum()))
    if fault == "sensors_swapped":
        a, b = [(0, 1), (1, 2), (0, 2)][int(rng.integers(3))]
        values[[a, b]] = np.where(on, values[[b, a]], values[[a, b]])
    if fault == "outdoor_sensor_implausible":
        wrong = [
            outdoor + rng.choice([-1, 1]) * rng.uniform(6, 14),
            np.full(size, rng.choice([outdoor[first], 0.0, 20.0, 35.0])),
            outdoor + rng.uniform(10, 18) * np.sqrt(sun),
            12 + rng.uniform(0.1, 0.35) * outdoor,
            outdoor + rng.normal(0, 1, size).cumsum() * np.sqrt(step_min / 1440) * 4,
        ]
        values[0] = np.where(on, wrong[int(rng.integers(len(wrong)))], outdoor)
    if fault == "gap":
        values[:, on & (rng.random(size) < rng.choice([1.0, 0.6]))] = np.nan
    if fault == "stuck_value":
        values[2, on] = values[2, first]
    if fault == "out_of_range":
        hit = on & (rng.random(size) < rng.uniform(0.1, 0.6))
        values[int(rng.integers(3)), hit] = rng.choice([-3276.8, 850.0, 327.67])
    if fault == "clock_error":
        late = round(float(rng.choice([-1, 1]) * rng.uniform(3, 11)) * 60 / step_min)
        values[:] = np.where(on, np.roll(values, late, axis=1), values)


def losses(rng: np.random.Generator, values: Floats, code: dict[int, str]) -> None:
    """Lost values, lost hours, and rarely a lost part of a day; a spike now and then."""
    count, _, steps = values.shape
    values[rng.random(values.shape) < rng.choice([0, 0.002, 0.01, 0.04], count)[:, None, None]] = np.nan
    spiky = rng.random(count) < 0.05
    hit = (rng.random((count, steps)) < 0.0008) & spiky[:, None]
    values[:, 2][hit] += 15
    for i in range(count):
        if rng.random() < 0.2 and i not in code:
            first = int(rng.integers(steps))
            values[i, :, first : first + int(rng.integers(1, max(2, steps // 45)))] = np.nan
