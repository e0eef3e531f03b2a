"""A fourth labelled heating fleet, from the file's layout and the faults' names alone: plain curves, plain faults.

Residences, schools, offices and hospitals of a few towns; flow = base + slope × (20 − outdoor) with set-backs;
values at the full hour, every ten or fifteen minutes, at times of their own, or only when they change.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE
from tests.helpers.heating_fleet import Fleet

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FINE_MIN = 5
START_MS = 1_481_760_000_000  # Thursday 2016-12-15
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
REPORTING = ("hourly", "quarter", "ten minutes", "own times", "on change")
LABELS = {
    str(OUTDOOR_TEMPERATURE): ("760944", "BASE_VN_T.EXTER_T.REF_CORRIGE"),
    str(ROOM_TEMPERATURE): ("760951", "CIR1_VN_AMB_T.AMB_CORRIGE"),
    str(FLOW_TEMPERATURE): ("760963", "CIR1_AI_EAU_T.DEP_SONDE"),
}


@dataclass
class Events(Fleet):
    """`late_s`: how long after its slot began each value was read, installation × time; `holes` lost a day or more."""

    late_s: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    holes: list[str] = field(default_factory=list)

    def frame(self) -> pl.DataFrame:
        """Long samples: installation, signal, time, value; at the times at which they were read."""
        late = pl.DataFrame(
            {
                "installation": np.repeat(np.array(self.names), self.late_s.shape[1]),
                "time": np.tile(
                    self.start_ms + np.arange(self.late_s.shape[1], dtype=np.int64) * self.step_min * 60_000,
                    len(self.names),
                ),
                "late": self.late_s.ravel() * 1000,
            }
        ).with_columns(pl.from_epoch("time", time_unit="ms").dt.replace_time_zone("UTC"))
        moved = super().frame().join(late, on=["installation", "time"], how="left", maintain_order="left")
        return moved.with_columns(time=pl.col("time") + pl.duration(milliseconds="late")).drop("late")

    def table(self) -> pl.DataFrame:
        """The published layout, all as text."""
        towns = dict(zip(self.names, self.cities, strict=True))
        return self.frame().select(
            pl.concat_str(pl.lit("1"), pl.col("installation").str.slice(1)).alias("IdInterneInstallation"),
            pl.col("installation").alias("NumInstallation"),
            pl.col("installation").replace_strict(towns).alias("Ville"),
            pl.col("signal").replace_strict({name: number for name, (number, _) in LABELS.items()}).alias(
                "IdInterneMesure"
            ),
            pl.col("signal").replace_strict({name: label for name, (_, label) in LABELS.items()}).alias(
                "LibelleLongMesure"
            ),
            pl.col("time").dt.strftime("%Y-%m-%d %H:%M:%S").alias("DateEvenement"),
            pl.col("value").round(3).alias("Valeur"),
        )  # fmt: skip


def make(
    count: int, seed: int, *, days: int = 17, reporting: str = "hourly", share: float = 0.04,
    mean_outdoor: float = 4.0, faults: tuple[str, ...] = FAULTS,
) -> Events:  # fmt: skip
    """`share` of the installations get a fault: half from the start, half from some day on."""
    rng = np.random.default_rng(seed)
    hours = np.arange(days * 1440 // FINE_MIN) * FINE_MIN / 60
    towns = [weather(rng, hours, mean_outdoor) for _ in range(int(rng.integers(1, 7)))]
    at = rng.integers(len(towns), size=count)
    bad = rng.permutation(count)[: max(1, round(share * count))]
    first = int(rng.integers(len(faults)))
    code = {int(i): faults[(first + k) % len(faults)] for k, i in enumerate(bad)}
    step_min = {"hourly": 60, "quarter": 15, "ten minutes": 10}.get(reporting, FINE_MIN)
    read = np.empty((count, 3, days * 1440 // step_min))
    for i in range(count):
        values = Site.draw(rng).live(rng, hours, towns[at[i]], code.get(i, ""), reporting == "hourly")
        read[i] = taken(rng, values, reporting)
    names = [f"{7_030_000 + 3 * i}" for i in range(count)]
    holes = [names[i] for i in range(count) if lose(rng, read[i], step_min, i in code)]
    late = rng.integers(0, FINE_MIN * 60, (count, read.shape[2])) if step_min == FINE_MIN else np.zeros_like(read[:, 0])
    return Events(
        names, [f"TOWN-{t}" for t in at], START_MS, step_min, read, {names[i]: fault for i, fault in code.items()},
        late_s=late.astype(np.int64), holes=holes,
    )  # fmt: skip


def weather(rng: np.random.Generator, hours: Floats, mean: float) -> Floats:
    days = int(hours[-1] // 24) + 2
    level = np.zeros(days)
    for day in range(1, days):
        level[day] = 0.7 * level[day - 1] + rng.normal(0, 2.2)
    swing = np.interp(hours / 24, np.arange(days), rng.uniform(0.5, 4.0, days))
    return np.asarray(
        mean
        + rng.normal(0, 1.5)
        + np.interp(hours / 24, np.arange(days), level)
        + swing * np.cos(2 * np.pi * (hours - 14.5) / 24)
    )


def drift(rng: np.random.Generator, size: int, scale: float, keep_h: float) -> Floats:
    """Coloured noise: each value remembers the last for about `keep_h` hours."""
    every = max(1, round(keep_h * 60 / FINE_MIN / 2))
    knots = rng.normal(0, scale, size // every + 3)
    return np.asarray(np.interp(np.arange(size) / every, np.arange(len(knots)), knots))


def lag(target: Floats, down_h: float, up_h: float) -> Floats:
    """What follows `target` with one time constant down and another up."""
    down, up = 1 - np.exp(-FINE_MIN / 60 / down_h), 1 - np.exp(-FINE_MIN / 60 / up_h)
    out, now = [], float(target[0])
    for wish in target.tolist():
        now += (wish - now) * (up if wish > now else down)
        out.append(now)
    return np.array(out)


def since(rng: np.random.Generator, size: int) -> Bools:
    begin = 0 if rng.random() < 0.5 else int(rng.uniform(0.1, 0.6) * size)
    return np.arange(size) >= begin


@dataclass
class Site:
    setpoint: float
    base: float
    slope: float
    night: float
    weekend: float
    room_night: float
    damped_h: float
    noise: float
    steps: tuple[float, float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Site":
        kind = rng.choice(["residence", "school", "office", "hospital"], p=[0.6, 0.15, 0.15, 0.1])
        floor = kind == "residence" and rng.random() < 0.25
        lowered = kind in ("school", "office") or (kind == "residence" and rng.random() < 0.6)
        unit = rng.choice([0.01, 0.1, 0.5, 1.0], 3, p=[0.15, 0.7, 0.1, 0.05]).tolist()
        return cls(
            setpoint=float(rng.normal(20.5 + 1.5 * (kind == "hospital"), 0.6)),
            base=float(rng.uniform(21, 25) if floor else rng.uniform(23, 35)),
            slope=float(rng.uniform(0.35, 0.65) if floor else rng.uniform(0.8, 1.8)),
            night=float((rng.uniform(1, 3) if floor else rng.uniform(3, 14)) if lowered else 0.0),
            weekend=float(kind in ("school", "office")) * float(rng.uniform(0.6, 1.2)),
            room_night=float(rng.uniform(1, 4) if lowered else 0.0),
            damped_h=float(rng.choice([0.2, 3.0, 12.0], p=[0.5, 0.3, 0.2])),
            noise=float(rng.uniform(0.1, 1.0)),
            steps=(unit[0], min(unit[1], 0.5), unit[2]),
        )

    def low(self, hours: Floats) -> Floats:
        """1 while the building is empty or asleep."""
        hour, weekday = hours % 24, (hours // 24 + 3) % 7
        asleep = ((hour < 5.5) | (hour >= (19 if self.weekend else 22))) & (self.night > 0)
        return np.maximum(asleep, (weekday >= 5) * self.weekend)

    def live(self, rng: np.random.Generator, hours: Floats, town: Floats, fault: str, hourly: bool) -> Floats:
        """Outdoor, room and flow as the sensors send them."""
        size, low, on = len(hours), self.low(hours), since(rng, len(hours))
        outdoor = town + rng.normal(0, 0.5) + drift(rng, size, 0.25, 2)
        slope, base, night = self.slope, np.full(size, self.base), self.night * low
        wish = self.setpoint - self.room_night * low
        seen = lag(outdoor, self.damped_h, self.damped_h)
        if fault == "room_too_cold":
            wish = np.where(on, rng.uniform(14, 17) - (self.room_night * low if rng.random() < 0.3 else 0), wish)
        if fault == "no_heat" and not on[0]:
            on &= np.cumsum(on) * FINE_MIN / 60 <= (np.inf if rng.random() < 0.3 else rng.uniform(20, 150))
        if fault == "no_heat":
            wish = np.where(on, outdoor + rng.uniform(2, 5), wish)
        room = lag(wish, rng.uniform(25, 80), rng.uniform(2, 8)) + drift(rng, size, rng.uniform(0.05, 0.25), 1.5)
        room += rng.uniform(0, 0.8) * np.maximum(0, np.sin(2 * np.pi * (hours - 8) / 24))
        flow = base + slope * (20 - seen) - night
        if fault == "flat_heating_curve":
            flow = np.where(on, self.flat(rng, seen, night), flow)
        flow = np.maximum(flow, room + 0.5) + drift(rng, size, self.noise, 1) + rng.normal(0, 0.2 * self.noise, size)
        if fault == "hunting":
            flow = flow + on * sine(rng, hours, hourly)
        if fault == "short_cycling":
            flow = flow + on * starts(rng, hours)
        if fault == "no_heat":
            flow = lag(np.where(on, room + rng.uniform(-0.5, 1.5), flow), rng.uniform(0.5, 3), 0.4)
        values = np.stack([outdoor, room, flow])
        SENSORS.get(fault, as_it_is)(rng, hours, values, on)
        unit = np.array(self.steps)[:, None]
        return np.asarray(np.round(np.round(values / unit) * unit, 3))

    def flat(self, rng: np.random.Generator, seen: Floats, night: Floats) -> Floats:
        """A slope near none, at the usual level or above it; with the night's set-back or without."""
        left = rng.uniform(0, 0.12) * self.slope
        level = self.base + self.slope * (20 - seen.mean()) + rng.uniform(-2, 8)
        return np.asarray(level + left * (seen.mean() - seen) - (night if rng.random() < 0.5 else 0))


def sine(rng: np.random.Generator, hours: Floats, hourly: bool) -> Floats:
    """At a value an hour a period of two hours or less cannot be seen by anybody."""
    period, swing = rng.uniform(2.4 if hourly else 1, 6), rng.uniform(3, 15)
    return np.asarray(swing * np.sin(2 * np.pi * hours / period + rng.uniform(0, 6) + drift(rng, len(hours), 0.3, 24)))


def starts(rng: np.random.Generator, hours: Floats) -> Floats:
    """Square or sawtooth of 10 to 30 minutes, none like the last."""
    period, swing = rng.uniform(10, 30), rng.uniform(5, 15)
    turns = np.cumsum(FINE_MIN / period * rng.normal(1, 0.15, len(hours))) % 1
    return np.asarray(swing * (np.where(turns < rng.uniform(0.3, 0.6), 1, -1) if rng.random() < 0.5 else 2 * turns - 1))


def as_it_is(rng: np.random.Generator, hours: Floats, values: Floats, on: Bools) -> None:
    """A fault that is none of the sensors'."""


def stuck(rng: np.random.Generator, hours: Floats, values: Floats, on: Bools) -> None:
    values[1, on] = values[1, int(on.argmax())]


def swapped(rng: np.random.Generator, hours: Floats, values: Floats, on: Bools) -> None:
    pair = [(1, 2), (0, 1), (0, 2)][int(rng.integers(3))]
    values[list(pair)] = np.where(on, values[list(pair[::-1])], values[list(pair)])


def outdoors(rng: np.random.Generator, hours: Floats, values: Floats, on: Bools) -> None:
    """Too warm by a constant, stuck, or in the sun."""
    sun = np.maximum(0, np.sin(2 * np.pi * (hours - 7) / 24)) ** 2
    bright = np.interp(hours / 24, np.arange(40), rng.uniform(0.4, 1, 40))
    wrong = (
        values[0] + rng.uniform(10, 25),
        np.full_like(hours, values[0, int(on.argmax())]),
        values[0] + rng.uniform(8, 25) * sun * bright,
    )[int(rng.integers(3))]
    values[0] = np.where(on, wrong, values[0])


def scale(rng: np.random.Generator, hours: Floats, values: Floats, on: Bools) -> None:
    place = int(rng.integers(3))
    factor, offset = [(10.0, 0.0), (0.1, 0.0), (-1.0, 0.0), (1.8, 32.0)][int(rng.integers(4))]
    values[place] = np.where(on, values[place] * factor + offset, values[place])


SENSORS: dict[str, Callable[[np.random.Generator, Floats, Floats, Bools], None]] = {
    "room_sensor_stuck": stuck,
    "sensors_swapped": swapped,
    "outdoor_sensor_implausible": outdoors,
    "sign_or_scale_error": scale,
}


def taken(rng: np.random.Generator, values: Floats, reporting: str) -> Floats:
    """What of the fine grid is stored."""
    step = {"hourly": 12, "quarter": 3, "ten minutes": 2}.get(reporting)
    if step:
        return values[:, ::step]
    out = np.full_like(values, np.nan)
    if reporting == "own times":
        when = np.cumsum(rng.integers(1, 6, values.shape[1]))
        when = when[when < values.shape[1]]
        out[:, when] = values[:, when]
        return out
    band = (0.3, 0.2, 1.0)
    for place in range(3):
        last, beat = np.inf, 0
        for t, value in enumerate(values[place].tolist()):
            if abs(value - last) >= band[place] or t >= beat:
                out[place, t], last, beat = value, value, t + 24
    return out


def lose(rng: np.random.Generator, read: Floats, step_min: int, faulty: bool) -> bool:
    """Single values, some hours, and with one in forty healthy ones a day or more; True for these."""
    read[:, rng.random(read.shape[1]) < rng.choice([0, 0.005, 0.03])] = np.nan
    size, hour = read.shape[1], 60 // step_min
    if faulty:
        return False
    if rng.random() < 0.15:
        first = int(rng.integers(size))
        read[:, first : first + int(rng.integers(1, 10)) * hour] = np.nan
    if rng.random() >= 0.025:
        return False
    first = int(rng.uniform(0.1, 0.6) * size)
    read[:, first : first + int(rng.uniform(30, 100)) * hour] = np.nan
    return True
