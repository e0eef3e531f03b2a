"""Random homes in which a person switches a kettle, as their meters show it, with one wiring mistake put in."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from agent.domain.proof_model import Channel, LoadStep, Mistake, Trial
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BURNER_ON,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Quality,
    Reading,
    SignalName,
)

START_MS = 1_760_000_000_000
POWERS = (PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER)
SWITCHED_POWERS = (LOAD_POWER, BATTERY_POWER, GRID_POWER)


@dataclass(frozen=True)
class Truth:
    """One second of a home: powers in W, the grid's by phase."""

    pv: float
    load: float
    battery: float
    grid: tuple[float, ...]
    ac: float
    soc: float

    @property
    def powers(self) -> dict[SignalName, float]:
        return {PV_POWER: self.pv, LOAD_POWER: self.load, BATTERY_POWER: self.battery, GRID_POWER: sum(self.grid)}


@dataclass
class Home:
    """A home's parts, drawn at random."""

    rng: random.Random
    phases: int = 1
    kettle_w: float = 2000.0
    announced_w: float = 2000.0
    schedule: list[tuple[int, float, int]] = field(default_factory=list)
    seconds: int = 0
    load_follows_grid: bool = False
    interval_s: float = 3.0


def random_home(seed: int) -> Home:
    rng = random.Random(seed)
    home = Home(rng, phases=rng.choice((1, 3)))
    home.kettle_w = rng.uniform(1600, 2900)
    home.announced_w = home.kettle_w * rng.uniform(0.9, 1.1)
    home.load_follows_grid = rng.random() < 0.5
    home.interval_s = rng.uniform(1.0, 4.0)
    at = 45
    for phase in range(home.phases) if home.phases == 3 else (0, 0):
        home.schedule += [(at, home.kettle_w, phase), (at + 55, -home.kettle_w, phase)]
        at += 110
    home.seconds = at + 10
    return home


def truth_of(home: Home) -> list[Truth]:
    """Every second: sun with clouds, a house with a refrigerator and small things, a battery that lags behind."""
    rng = home.rng
    peak, efficiency = rng.uniform(600, 9000), rng.uniform(0.94, 0.98)
    limit, capacity = rng.uniform(2500, 8000), rng.uniform(5, 20) * 3.6e6
    ac_limit = max(peak, limit) * 1.1
    standby, lag = rng.uniform(10, 60), rng.uniform(2, 15)
    soc, base = rng.uniform(15, 92), rng.uniform(150, 1500)
    split = [rng.uniform(0.1, 1) for _ in range(home.phases)]
    split = [share / sum(split) for share in split]
    shares = [1 / home.phases] * home.phases
    if home.phases == 3 and peak < 4600 and rng.random() < 0.3:
        shares = [0.0] * 3
        shares[rng.randrange(3)] = 1.0
    fridge_at, fridge_w = rng.randrange(home.seconds), rng.uniform(60, 150)
    other_at, other_w = rng.randrange(home.seconds), rng.choice((0, 0, rng.uniform(200, 700)))
    cloud, battery, rows = rng.uniform(0.2, 1.0), 0.0, []
    battery = max(-limit, min(limit, peak * cloud - base / efficiency))
    for second in range(home.seconds):
        cloud = min(1.0, max(0.1, cloud + rng.gauss(0, 0.012)))
        pv = peak * cloud
        extra = [0.0] * home.phases
        for at, watts, phase in home.schedule:
            extra[phase] += watts if second >= at else 0.0
        quiet = (
            base + rng.gauss(0, 8) + (fridge_w if second >= fridge_at else 0) + (other_w if second >= other_at else 0)
        )
        loads = [quiet * share + more for share, more in zip(split, extra, strict=True)]
        wanted = max(-limit, min(limit, pv - (sum(loads) + standby) / efficiency))
        wanted = min(ac_limit, max(wanted, pv - ac_limit / efficiency))
        battery += (wanted - battery) * (1 - math.exp(-1 / lag))
        soc += 100 * battery / capacity
        ac = (pv - battery) * efficiency - standby
        grid = tuple(load - ac * share for load, share in zip(loads, shares, strict=True))
        rows.append(Truth(pv, sum(loads), battery, grid, ac, soc))
    return rows


def healthy_values(home: Home, row: Truth, later: Truth, gains: Mapping[SignalName, float]) -> dict[SignalName, float]:
    """What right meters show: each with its own error, the values of one poll not of one instant."""
    rng = home.rng
    values = {}
    for index, name in enumerate(POWERS):
        seen = row.powers[name] + (later.powers[name] - row.powers[name]) * 0.1 * index
        values[name] = seen * gains[name] + rng.gauss(0, 4)
    if home.load_follows_grid:
        values[LOAD_POWER] = row.ac * gains[LOAD_POWER] + values[GRID_POWER] + rng.gauss(0, 3)
    values[PV_POWER] = max(0.0, values[PV_POWER])
    values = {name: float(round(value)) for name, value in values.items()}
    values[BATTERY_SOC] = round(row.soc, 1)
    return values


def swapped(value: float) -> float:
    """A whole number read with its two words exchanged, as a signed 32-bit number."""
    raw = round(value) & 0xFFFFFFFF
    raw = ((raw & 0xFFFF) << 16) | (raw >> 16)
    return float(raw - (1 << 32) if raw & 0x80000000 else raw)


@dataclass(frozen=True)
class Fault:
    """A mistake to put in; `factor` of a scale, `phase` (from 0) of a missing one, `resolution` of the register."""

    mistake: Mistake | None
    signal: SignalName = GRID_POWER
    factor: float = 1.0
    phase: int = 0
    resolution: float = 1.0


def break_values(
    home: Home, fault: Fault, row: Truth, values: dict[SignalName, float], first: Mapping[SignalName, float]
) -> dict[SignalName, float]:
    """The values as the mistake shows them; a computed load follows what the grid's meter shows."""
    broken = dict(values)
    match fault.mistake:
        case Mistake.BATTERY_REVERSED:
            broken[BATTERY_POWER] = -values[BATTERY_POWER]
        case Mistake.GRID_REVERSED:
            broken[GRID_POWER] = -values[GRID_POWER]
        case Mistake.PHASE_MISSING:
            broken[GRID_POWER] = round(values[GRID_POWER] - row.grid[fault.phase])
        case Mistake.SCALE:
            broken[fault.signal] = round(values[fault.signal] * fault.factor / fault.resolution) * fault.resolution
        case Mistake.WORDS_SWAPPED:
            broken[fault.signal] = swapped(values[fault.signal])
        case Mistake.PV_TWICE:
            broken[PV_POWER] = round(values[PV_POWER] * 1.965)
        case Mistake.LOAD_HAS_BATTERY:
            broken[LOAD_POWER] = values[LOAD_POWER] + values[BATTERY_POWER]
        case Mistake.STUCK:
            broken[fault.signal] = first[fault.signal]
        case _:
            pass
    if home.load_follows_grid:
        broken[LOAD_POWER] += broken[GRID_POWER] - values[GRID_POWER]
    return broken


NEEDS_MEASURED_LOAD = {Mistake.LOAD_HAS_BATTERY}


def power_trial(seed: int, mistake: Mistake | None) -> tuple[Trial, Fault]:
    """A home of this seed with this mistake put in somewhere it shows."""
    home = random_home(seed)
    rng = home.rng
    signal = rng.choice((PV_POWER, BATTERY_POWER, GRID_POWER))
    fault = Fault(mistake, signal, rng.choice((10, 0.1, 1000, 0.001)), rng.randrange(3))
    if mistake is Mistake.PHASE_MISSING:
        home = random_home(seed)
        while home.phases != 3:
            seed += 1000
            home = random_home(seed)
    if mistake in NEEDS_MEASURED_LOAD:
        home.load_follows_grid = False
    if mistake in {Mistake.SCALE, Mistake.WORDS_SWAPPED, Mistake.STUCK} and not home.load_follows_grid:
        fault = Fault(mistake, rng.choice(POWERS), fault.factor)
    if mistake is Mistake.SCALE and fault.factor < 1:
        # What shows thousandths of what it should shows them with decimals: kW as a float.
        fault = replace(fault, resolution=fault.factor)
    return build_trial(home, fault), fault


def build_trial(home: Home, fault: Fault) -> Trial:
    rng, rows = home.rng, truth_of(home)
    gains = {name: rng.gauss(1, 0.005) for name in POWERS}
    readings: list[Reading] = []
    first: dict[SignalName, float] = {}
    at = 0.0
    while at < home.seconds - 2:
        row, later = rows[int(at)], rows[int(at) + 1]
        values = healthy_values(home, row, later, gains)
        first = first or dict(values)
        seen = break_values(home, fault, row, values, first)
        bad: dict[SignalName, Quality] = {}
        if fault.mistake is Mistake.DISCONNECTED:
            seen.pop(fault.signal)
            bad[fault.signal] = Quality.INVALID
        elif rng.random() < 0.01:
            lost = rng.choice(POWERS)
            seen.pop(lost)
            bad[lost] = Quality.MISSING
        readings.append(Reading(START_MS + round(at * 1000), seen, bad))
        at += home.interval_s * rng.uniform(0.95, 1.1)
    steps = [
        LoadStep(
            START_MS + round((second + rng.uniform(-2, 6)) * 1000),
            math.copysign(home.announced_w, watts),
            phase + 1 if home.phases == 3 else None,
        )
        for second, watts, phase in home.schedule
    ]
    channels = {name: Channel(1.0, 2) for name in POWERS} | {fault.signal: Channel(fault.resolution, 2)}
    return Trial(readings, steps, channels, home.load_follows_grid)


def heat_trial(seed: int, mistake: Mistake | None) -> tuple[Trial, Fault]:
    """A boiler that is asked for heat, its water and the air."""
    rng = random.Random(seed)
    sensor = rng.choice((FLOW_TEMPERATURE, RETURN_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE))
    if mistake is Mistake.STUCK:
        sensor = rng.choice((FLOW_TEMPERATURE, RETURN_TEMPERATURE))
    fault = Fault(mistake, sensor)
    outdoor, room, start = rng.uniform(-12, 32), rng.uniform(17, 24), rng.uniform(20, 38)
    if mistake is Mistake.OUTDOOR_ROOM_EXCHANGED:
        while abs(outdoor - room) < 5:
            outdoor = rng.uniform(-12, 32)
    target, tau, delay = start + rng.uniform(12, 30), rng.uniform(60, 150), rng.uniform(40, 90)
    flow, back, queue, readings = start, start - rng.uniform(-0.3, 1.0), [], []
    stuck: dict[SignalName, float] = {}
    for second in range(420):
        on = second >= 60
        flow += ((target if on else start) - flow) / tau
        queue.append(flow)
        heard = queue[max(0, second - round(delay))] - 0.2 * max(0.0, flow - start)
        back += (heard - back) / 30
        if second % 5:
            continue
        truth = {
            FLOW_TEMPERATURE: flow,
            RETURN_TEMPERATURE: back,
            OUTDOOR_TEMPERATURE: outdoor,
            ROOM_TEMPERATURE: room,
        }
        values = {name: round(value + rng.gauss(0, 0.05), 1) for name, value in truth.items()}
        values[BURNER_ON] = float(on)
        stuck = stuck or dict(values)
        readings.append(_heat_reading(second, values, fault, stuck))
    said = round(outdoor + rng.uniform(-2, 2))
    return Trial(readings, outdoor_about=said, heat_on_ms=START_MS + 60_000), fault


def _heat_reading(
    second: int, values: dict[SignalName, float], fault: Fault, stuck: dict[SignalName, float]
) -> Reading:
    at_ms, bad = START_MS + second * 1000, {}
    if fault.mistake is Mistake.FLOW_RETURN_EXCHANGED:
        values[FLOW_TEMPERATURE], values[RETURN_TEMPERATURE] = values[RETURN_TEMPERATURE], values[FLOW_TEMPERATURE]
    elif fault.mistake is Mistake.OUTDOOR_ROOM_EXCHANGED:
        values[OUTDOOR_TEMPERATURE], values[ROOM_TEMPERATURE] = values[ROOM_TEMPERATURE], values[OUTDOOR_TEMPERATURE]
    elif fault.mistake is Mistake.STUCK:
        values[fault.signal] = stuck[fault.signal]
    elif fault.mistake is Mistake.DISCONNECTED:
        values.pop(fault.signal)
        bad = {fault.signal: Quality.INVALID}
    return Reading(at_ms, values, bad)
