"""Labelled heating fleets of many kinds: climates, buildings, emitters, schedules, bad lines, and nine faults.

Two styles: `physical` integrates a room with one heat capacity under a controller; `plain` writes the curves down as
formulas with noise. What holds on both does not hang on one way to simulate.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE

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
    "sign_or_scale_error",
)
STEP_MIN = 5


@dataclass
class Fleet:
    """`values`: installation × (outdoor, room, flow) × time, NaN where missing. `faults` holds the faulty ones only.

    `kinds` says how each is heated, where the generator knows kinds.
    """

    names: list[str]
    cities: list[str]
    start_ms: int
    step_min: int
    values: Floats
    faults: dict[str, str] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)

    def frame(self) -> pl.DataFrame:
        """Long samples: installation, signal, time, value."""
        count, _, steps = self.values.shape
        times = self.start_ms + np.arange(steps, dtype=np.int64) * self.step_min * 60_000
        parts = []
        for place, signal in enumerate((OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE, FLOW_TEMPERATURE)):
            parts.append(
                pl.DataFrame(
                    {
                        "installation": np.repeat(np.array(self.names), steps),
                        "time": np.tile(times, count),
                        "value": self.values[:, place].ravel(),
                    }
                ).with_columns(signal=pl.lit(str(signal)))
            )
        frame = pl.concat(parts).with_columns(pl.from_epoch("time", time_unit="ms").dt.replace_time_zone("UTC"))
        return frame.filter(pl.col("value").is_not_nan()).select("installation", "signal", "time", "value")


def make(
    count: int,
    seed: int,
    *,
    days: int = 17,
    step_min: int = 60,
    style: str = "physical",
    share: float = 0.04,
    mean_outdoor: float = 4.0,
    onset: float = 0.5,
    averaged: bool = True,
    faults: tuple[str, ...] = FAULTS,
) -> Fleet:
    """`share` of the installations get a fault, `onset` of these only after the start of the period."""
    rng = np.random.default_rng(seed)
    fine = days * 24 * 60 // STEP_MIN
    hours = np.arange(fine) * STEP_MIN / 60
    region = rng.integers(0, int(rng.integers(1, 6)), count)
    outdoor = weather(rng, hours, mean_outdoor)[region] + rng.normal(0, 0.6, (count, 1))
    homes = Homes.draw(rng, count)
    bad = rng.permutation(count)[: max(1, round(share * count))]
    fault = {int(i): faults[k % len(faults)] for k, i in enumerate(bad)}
    begin = {i: (rng.uniform(0.1, 0.55) * fine if rng.random() < onset else 0.0) for i in fault}
    active = np.zeros((count, fine), dtype=bool)
    for i, first in begin.items():
        active[i, int(first) :] = True
    simulate = physical if style == "physical" else plain
    room, flow = simulate(rng, hours, outdoor, homes, {i: active[i] for i in fault}, fault)
    values = np.stack([outdoor + rng.normal(0, 0.1, outdoor.shape), room, flow], axis=1)
    for i, code in fault.items():
        SENSOR_FAULTS.get(code, nothing)(rng, hours, values[i], active[i])
    values = thin(values, step_min, averaged)
    resolution = rng.choice([0.0, 0.01, 0.1, 0.5], count, p=[0.3, 0.3, 0.3, 0.1])[:, None, None]
    stepped = np.round(values / np.where(resolution == 0, 1, resolution)) * resolution
    values = np.where(resolution == 0, values, stepped)
    drop(rng, values, set(fault))
    names = [f"{9_000_000 + i}" for i in range(count)]
    return Fleet(
        names, [f"town{r}" for r in region], 1_481_760_000_000, step_min, values,
        {names[i]: code for i, code in fault.items()},
    )  # fmt: skip


def weather(rng: np.random.Generator, hours: Floats, mean: float) -> Floats:
    """Outdoor temperature of five regions: fronts over days, a daily wave, a trend."""
    out = []
    for _ in range(5):
        days = np.arange(-2, hours[-1] / 24 + 3, 0.5)
        fronts = np.zeros(len(days))
        for k in range(1, len(days)):
            fronts[k] = 0.82 * fronts[k - 1] + rng.normal(0, 1.9)
        wave = rng.uniform(1.5, 4.0) * np.sin(2 * np.pi * (hours - 9) / 24)
        out.append(mean + rng.normal(0, 1.5) + np.interp(hours / 24, days, fronts) + wave)
    return np.array(out)


@dataclass
class Homes:
    setpoint: Floats
    slope: Floats
    shift: Floats
    setback: Floats
    office: NDArray[np.bool_]
    ripple: Floats
    ripple_min: Floats
    dhw: NDArray[np.bool_]
    tau: Floats
    noise: Floats

    @classmethod
    def draw(cls, rng: np.random.Generator, count: int) -> "Homes":
        kind = rng.choice(3, count, p=[0.5, 0.25, 0.25])
        slope = np.choose(
            kind, [rng.normal(1.5, 0.15, count), rng.normal(1.0, 0.1, count), rng.normal(0.5, 0.05, count)]
        )
        night = rng.random(count) < 0.5
        return cls(
            setpoint=rng.normal(20.8, 0.8, count),
            slope=slope,
            shift=np.choose(kind, [rng.normal(6, 2, count), rng.normal(4, 1.5, count), rng.normal(2, 0.7, count)]),
            setback=np.where(night, rng.uniform(1.0, 4.0, count), 0.0),
            office=(rng.random(count) < 0.15) & night,
            ripple=np.where(rng.random(count) < 0.5, rng.uniform(0.5, 2.5, count), 0.0),
            ripple_min=rng.uniform(40, 120, count),
            dhw=rng.random(count) < 0.3,
            tau=rng.uniform(25, 110, count),
            noise=rng.uniform(0.2, 1.0, count),
        )  # fmt: skip

    def wish(self, hours: Floats, i: int) -> Floats:
        """The set point over time: night and weekend setback."""
        hour, day = hours % 24, (hours // 24).astype(int) % 7
        low = (hour < 6) | (hour >= 22)
        if self.office[i]:
            low |= (day >= 5) | (hour >= 18)
        return self.setpoint[i] - self.setback[i] * low


def smooth(rng: np.random.Generator, size: int, scale: float, hours: float = 2.0) -> Floats:
    knots = rng.normal(0, scale, int(size * STEP_MIN / 60 / hours) + 2)
    return np.interp(np.arange(size), np.arange(len(knots)) * hours * 60 / STEP_MIN, knots)


def curve(homes: Homes, i: int, outdoor: Floats, wish: Floats) -> Floats:
    return wish + homes.shift[i] + homes.slope[i] * np.maximum(wish - outdoor, 0) + (wish - homes.setpoint[i])


def tap_water(rng: np.random.Generator, hours: Floats, flow: Floats) -> None:
    for day in range(int(hours[-1] // 24) + 1):
        for when in (6.5, 18.5):
            first = int((day * 24 + when + rng.normal(0, 0.5)) * 60 / STEP_MIN)
            flow[max(first, 0) : first + int(rng.uniform(20, 45) / STEP_MIN)] = rng.normal(60, 2)


def made_flow(
    rng: np.random.Generator, hours: Floats, outdoor: Floats, homes: Homes, i: int, on: NDArray[np.bool_], code: str
) -> Floats:
    """The flow temperature the boiler gives, faults of the boiler and its controller included."""
    flow = curve(homes, i, outdoor, homes.wish(hours, i)) + smooth(rng, len(hours), homes.noise[i])
    flow += homes.ripple[i] * np.sign(np.sin(2 * np.pi * hours * 60 / homes.ripple_min[i]))
    if homes.dhw[i]:
        tap_water(rng, hours, flow)
    if code == "flat_heating_curve":
        level = np.median(flow) + rng.uniform(-3, 10)
        flow = np.where(on, level + smooth(rng, len(hours), 0.4), flow)
    if code == "hunting":
        period, swing = rng.uniform(1.6, 5), rng.uniform(4.5, 11)
        phase = 2 * np.pi * np.cumsum(1 + smooth(rng, len(hours), 0.05, 12)) * STEP_MIN / 60 / period
        flow = flow + on * swing * np.sin(phase)
    if code == "short_cycling":
        period, swing = rng.uniform(9, 26), rng.uniform(8, 16)
        phase = np.cumsum(rng.normal(STEP_MIN / period, 0.25 * STEP_MIN / period, len(hours)))
        flow = flow + on * swing * np.where(phase % 1 < rng.uniform(0.35, 0.6), 1.0, -1.0)
    return flow


def physical(
    rng: np.random.Generator, hours: Floats, outdoor: Floats, homes: Homes,
    active: dict[int, NDArray[np.bool_]], fault: dict[int, str],
) -> tuple[Floats, Floats]:  # fmt: skip
    count, steps = outdoor.shape
    none = np.zeros(steps, dtype=bool)
    flow = np.stack([
        made_flow(rng, hours, outdoor[i], homes, i, active.get(i, none), fault.get(i, "")) for i in range(count)
    ])  # fmt: skip
    wish = np.stack([homes.wish(hours, i) for i in range(count)])
    dead = np.zeros((count, steps), dtype=bool)
    weak = np.ones((count, steps))
    for i, code in fault.items():
        if code == "no_heat":
            dead[i] = active[i]
        if code == "room_too_cold":
            weak[i] = np.where(active[i], rng.uniform(0.25, 0.45), 1.0)
    gains = np.maximum(0, np.sin(2 * np.pi * (hours - 8) / 24)) * rng.uniform(0, 1.2, (count, 1))
    room = np.empty((count, steps))
    now = wish[:, 0] + rng.normal(0, 0.3, count)
    water = flow[:, 0].copy()
    emit = 1.25 / (homes.slope + homes.shift / 16)
    for t in range(steps):
        # A dead boiler's water cools to the room within hours.
        water = np.where(dead[:, t], water + (now - 0.3 - water) * STEP_MIN / 90, flow[:, t])
        flow[:, t] = water
        valve = np.clip(0.8 + 0.8 * (wish[:, t] - now), 0.03, 1.0) * weak[:, t]
        heat = emit * np.maximum(water - now, 0) * valve + gains[:, t] * 2.0
        now = now + (heat - (now - outdoor[:, t])) / homes.tau * STEP_MIN / 60
        room[:, t] = now
    noise = np.stack([smooth(rng, steps, 0.12, 1.0) for _ in range(count)])
    return room + noise, flow + rng.normal(0, 0.15, flow.shape)


def plain(
    rng: np.random.Generator, hours: Floats, outdoor: Floats, homes: Homes,
    active: dict[int, NDArray[np.bool_]], fault: dict[int, str],
) -> tuple[Floats, Floats]:  # fmt: skip
    rooms, flows = [], []
    none = np.zeros(len(hours), dtype=bool)
    for i in range(len(outdoor)):
        on, code = active.get(i, none), fault.get(i, "")
        flow = made_flow(rng, hours, outdoor[i], homes, i, on, code) + rng.normal(0, 0.4, len(hours))
        room = homes.wish(hours, i) + 0.3 * np.sin(2 * np.pi * (hours - 10) / 24) + rng.normal(0, 0.15, len(hours))
        elapsed = np.cumsum(on) * STEP_MIN / 60
        if code == "no_heat":
            target = outdoor[i].mean() + 5
            room = np.where(on, target + (room - target) * np.exp(-elapsed / 40), room)
            flow = np.where(on, room + 1 + rng.normal(0, 0.5, len(hours)), flow)
        if code == "room_too_cold":
            room = room - on * rng.uniform(4.5, 6.5) * (1 - np.exp(-elapsed / 15))
        rooms.append(room)
        flows.append(flow)
    return np.array(rooms), np.array(flows)


def nothing(rng: np.random.Generator, hours: Floats, values: Floats, on: NDArray[np.bool_]) -> None:
    """A fault that is none of the sensors'."""


def stuck_room(rng: np.random.Generator, hours: Floats, values: Floats, on: NDArray[np.bool_]) -> None:
    values[1, on] = values[1, int(on.argmax())] + (rng.normal(0, 0.004, on.sum()) if rng.random() < 0.3 else 0)


def swapped(rng: np.random.Generator, hours: Floats, values: Floats, on: NDArray[np.bool_]) -> None:
    a, b = [(0, 1), (1, 2), (0, 2)][int(rng.integers(3))]
    values[[a, b]] = np.where(on, values[[b, a]], values[[a, b]])


def odd_outdoor(rng: np.random.Generator, hours: Floats, values: Floats, on: NDArray[np.bool_]) -> None:
    kind = int(rng.integers(4))
    out = values[0]
    sun = np.maximum(0, np.sin(2 * np.pi * (hours - 7) / 24)) ** 2
    wrong = [
        out + rng.choice([-1, 1]) * rng.uniform(7, 12),
        0.25 * out + 15,
        out + rng.uniform(10, 18) * sun,
        np.full_like(out, out[int(on.argmax())]),
    ][kind]
    values[0] = np.where(on, wrong, out)


def odd_scale(rng: np.random.Generator, hours: Floats, values: Floats, on: NDArray[np.bool_]) -> None:
    kind = int(rng.integers(4))
    place, factor, offset = [(0, -1.0, 0.0), (2, 0.1, 0.0), (1, 10.0, 0.0), (1, 1.8, 32.0)][kind]
    values[place] = np.where(on, values[place] * factor + offset, values[place])


SENSOR_FAULTS: dict[str, Callable[[np.random.Generator, Floats, Floats, NDArray[np.bool_]], None]] = {
    "room_sensor_stuck": stuck_room,
    "sensors_swapped": swapped,
    "outdoor_sensor_implausible": odd_outdoor,
    "sign_or_scale_error": odd_scale,
}


def thin(values: Floats, step_min: int, averaged: bool) -> Floats:
    """From the fine grid to the gateway's: means of the interval, or the value at its start."""
    ratio = step_min // STEP_MIN
    shaped = values.reshape(*values.shape[:2], -1, ratio)
    return shaped.mean(axis=3) if averaged else shaped[..., 0].copy()


def drop(rng: np.random.Generator, values: Floats, faulty: set[int]) -> None:
    """Ordinary losses: single values, and holes of hours."""
    count, _, steps = values.shape
    values[rng.random(values.shape) < rng.choice([0, 0.005, 0.03], count)[:, None, None]] = np.nan
    for i in range(count):
        if rng.random() < 0.15 and i not in faulty:
            first = int(rng.integers(steps))
            values[i, :, first : first + int(rng.integers(2, max(3, steps // 40)))] = np.nan
