"""Four families of simulated rigs of eight signals at 1 Hz, each with one fault after the rows that teach normal.

`abstract` draws coupling, drift, noise and departures at random. `water` is a pump that drives water round through
two resistances: head and flow from the pump curve, current from hydraulic power, vibration from speed and distance from
the best point, temperatures from first-order heat balances. `air` is a ventilation duct whose two control loops hold
pressure and supply temperature, so that a fault shows in what the controllers do. `compressor` loads and unloads to
keep a tank between two pressures, so that normal itself goes up and down; it was written after the detector was
first finished. None is a copy of a published recording.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rig = tuple[Array, NDArray[np.bool_]]
TRAIN: Final = 400
SETTLING: Final = 1500


def coloured(draw: np.random.Generator, rows: int, memory: float, freedom: float = 30.0) -> Array:
    """Unit noise whose neighbours are correlated by `memory`; small `freedom` gives outliers."""
    steps = draw.standard_t(freedom, rows) * np.sqrt((1 - memory**2) * (freedom - 2) / freedom)
    found, last = [], float(draw.normal())
    for step in steps.tolist():
        last = memory * last + step
        found.append(last)
    return np.array(found)


def abstract(seed: int, strength: float = 1.0) -> Rig:
    """Eight signals: four coupled ones, slow temperatures, noise; one fault in one to four of them."""
    draw = np.random.default_rng(seed)
    rows = int(draw.integers(950, 1250))
    start = int(draw.integers(480, 680))
    stop = min(rows - 60, start + int(draw.integers(250, 450)))
    label = np.zeros(rows, dtype=bool)
    label[start:stop] = True
    ramp = np.convolve(label, np.ones(k := int(draw.integers(1, 60))) / k)[:rows]
    cause = np.cumsum(draw.normal(0, 0.05, (rows, 2)), axis=0) * draw.uniform(0, 0.6)
    values = np.empty((rows, 8))
    struck = draw.choice(8, int(draw.integers(1, 5)), replace=False)
    for j in range(8):
        memory = draw.choice([0.0, 0.4, 0.9])
        noise = draw.standard_t(draw.choice([4, 30]), rows)
        for i in range(1, rows):
            noise[i] = memory * noise[i - 1] + np.sqrt(1 - memory**2) * noise[i]
        size = strength * draw.lognormal(0.5, 0.7) if j in struck else 0.0
        kind = draw.choice(["level", "noise"], p=[0.75, 0.25])
        if kind == "noise":
            noise = noise * (1 + size * ramp * 0.7)
        signal = noise + cause @ draw.normal(0, 1, 2)
        if j >= 6:  # temperatures: slow, with a trend
            signal = 0.1 * noise + np.cumsum(draw.normal(0, 0.05, rows)) + draw.normal(0, 0.006) * np.arange(rows)
            ramp_slow = np.convolve(ramp, np.exp(-np.arange(200) / 80) / 80)[:rows]
            signal += ramp_slow * size * draw.choice([-1, 1])
        elif kind == "level":
            signal += ramp * size * draw.choice([-1, 1])
        values[:, j] = signal
    if draw.random() < 0.5:
        values[:, 0] = np.round(values[:, 0])  # a coarse converter
    return values, label


def _course(draw: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
    """How strong the fault is row by row (0 to 1), and the rows it is said to last."""
    rows = int(draw.integers(900, 1300))
    start = int(draw.integers(TRAIN + 20, 720))
    stop = min(rows - 40, start + int(draw.integers(100, 500)))
    long = stop - start
    at = np.arange(rows)
    kind = draw.choice(["sudden", "fading in", "growing", "in turns"], p=[0.4, 0.3, 0.15, 0.15])
    rise = {"sudden": 3, "fading in": long // 3, "growing": long, "in turns": 10}[str(kind)]
    back = int(draw.integers(1, 60))
    end = stop - (back if draw.random() < 0.5 else 0)  # the way back is labelled as fault, or it is not
    strength = np.clip((at - start) / rise, 0, 1) * np.clip((end + back - at) / back, 0, 1)
    if kind == "in turns":
        strength *= np.where(np.sin(2 * np.pi * (at - start) / draw.uniform(60, 200)) > -0.4, 1.0, 0.25)
    return strength, (at >= start) & (at < stop)


def lagged(source: Array, first: float, span: float) -> Array:
    """First-order lag of `span` rows, from `first` on."""
    found, state = [], first
    for value in source.tolist():
        state += (value - state) / span
        found.append(state)
    return np.array(found)


def wander(draw: np.random.Generator, rows: int, span: float, size: float) -> Array:
    """A slow wander of standard deviation `size` and memory of about `span` rows."""
    return size * coloured(draw, rows, float(np.exp(-1 / span)))


def _faulty(
    draw: np.random.Generator, faults: Sequence[str], strength: float
) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """How strong each of the faults is row by row, which is 0 for all but one, and the rows it is said to last."""
    course, label = _course(draw)
    return one_of(draw, faults, course, strength, 0.6), label


def one_of(
    draw: np.random.Generator, faults: Sequence[str], course: Array, strength: float, spread: float
) -> dict[str, Array]:
    """One of the faults follows the course, of a size drawn with this spread; the others are 0 throughout."""
    kind, size = str(draw.choice(faults)), strength * draw.lognormal(0.0, spread)
    return {name: course * size * (name == kind) for name in faults}


def rounded(values: Array, draw: np.random.Generator) -> Array:
    """About every third converter is coarse: a few steps within the noise of the normal rows."""
    for j in range(values.shape[1]):
        if draw.random() < 0.35:
            step = np.std(np.diff(values[:TRAIN, j])) * draw.uniform(0.5, 3)
            values[:, j] = np.round(values[:, j] / step) * step if step > 0 else values[:, j]
    return values


WATER_FAULTS: Final = (
    "outlet valve",
    "inlet valve",
    "imbalance",
    "cavitation",
    "leak",
    "water added",
    "low voltage",
    "bearing",
    "air in the water",
)


def water(seed: int, strength: float = 1.0) -> Rig:
    """Vibration (2), current, pressure, motor and water temperature, voltage and flow of a pump and its water."""
    draw = np.random.default_rng(50_000 + seed)
    is_on, label = _faulty(draw, WATER_FAULTS, strength)
    rows = len(label)
    added = is_on["water added"]
    temperature = _water_temperature(draw, rows, added)
    volts = 230 + wander(draw, rows, 300, draw.uniform(0, 1.5)) - 12 * np.minimum(is_on["low voltage"], 3)
    speed = (1 + 0.15 * (volts / 230 - 1)) * (1 + wander(draw, rows, draw.uniform(3, 100), draw.uniform(0, 0.004)))
    cold = np.exp(-draw.uniform(0, 0.008) * (temperature - temperature[0]))
    inlet = 0.3 * cold * (1 + 1.5 * is_on["inlet valve"]) * (1 + wander(draw, rows, 30, 0.005))
    outlet = draw.uniform(0.5, 1.5) * cold * (1 + 0.25 * is_on["outlet valve"]) * (1 + wander(draw, rows, 30, 0.005))
    lost = 1 - 0.08 * np.minimum(is_on["cavitation"] + is_on["air in the water"], 3) * draw.uniform(0.5, 1.5, rows)
    through = speed * np.sqrt(lost / (0.35 + inlet + outlet * (1 - 0.06 * is_on["leak"])))
    flow = through * (1 - 0.04 * np.minimum(is_on["leak"], 5)) * (1 + 0.02 * added)
    pressure = outlet * flow**2 + 0.05 * np.minimum(added, 3)
    current = (0.8 + 1.2 * through * speed + 0.8 * speed**2) * (1 + 0.06 * is_on["bearing"]) * (230 / volts) * lost
    off_best = 1 + 1.5 * (through / through[0] - 1) ** 2 * 10
    shake = speed**2 * off_best * (1 + 0.3 * is_on["cavitation"] + 0.15 * is_on["bearing"])
    shakes = [shake * (1 + share * is_on["imbalance"]) for share in (0.35, draw.uniform(0, 0.3))]
    shakes = [
        each * np.exp(draw.uniform(0.04, 0.2) * coloured(draw, rows, draw.choice([0, 0.3]), 8)) for each in shakes
    ]
    heat = 40 * (current / current[0]) ** 2 * (1 + 0.3 * is_on["bearing"])
    motor = lagged(temperature + heat, temperature[0] + draw.uniform(20, 40), draw.uniform(200, 1500))
    values = np.column_stack([*shakes, current, pressure, motor, temperature, volts, flow])
    restless = 1 + np.minimum(is_on["air in the water"] + 0.5 * is_on["cavitation"], 3)
    for j, most in zip(range(2, 8), (0.03, 0.08, 0.004, 0.003, 0.002, 0.03), strict=True):
        noise = coloured(draw, rows, draw.choice([0, 0.2, 0.6]), draw.choice([5, 30]))
        values[:, j] += noise * values[0, j] * most * draw.uniform(0.15, 1) * (restless if j in (3, 7) else 1)
    return rounded(values, draw), label


def _water_temperature(draw: np.random.Generator, rows: int, added: Array) -> Array:
    """Warms up as the pump heats it; fluid that is added is colder or warmer and its mark fades slowly."""
    room, warm = draw.uniform(15, 25), draw.uniform(5, 40)
    span, start = draw.uniform(800, 6000), draw.uniform(0, 1)
    at = np.arange(rows)
    course = room + warm * (1 - (1 - start) * np.exp(-at / span))
    rate = draw.choice([-1, 1]) * draw.uniform(0.5, 4) * np.maximum(np.diff(added, prepend=0.0), 0)
    return np.asarray(course + lagged(rate * 400, 0.0, 400.0) + wander(draw, rows, 200, draw.uniform(0, 0.2)))


AIR_FAULTS: Final = (
    "filter",
    "belt",
    "damper",
    "coil",
    "heating valve",
    "sensor off",
    "sensor restless",
    "bearing",
    "imbalance",
    "frozen",
)


def air(seed: int, strength: float = 1.0) -> Rig:
    """Fan speed, power, duct pressure, flow, valve, supply and return temperature, vibration; two control loops."""
    draw = np.random.default_rng(90_000 + seed)
    is_on, label = _faulty(draw, AIR_FAULTS, strength)
    rows = len(label)
    outside = draw.uniform(-5, 12) + draw.normal(0, 2) * np.sin(
        np.arange(rows) / draw.uniform(400, 3000) + draw.uniform(0, 6)
    )
    demand = 1 + wander(draw, rows, draw.uniform(50, 1500), draw.uniform(0, 0.06))
    duct = draw.uniform(0.5, 1.0) * (1 + 0.3 * is_on["filter"]) / demand**2
    duct = duct * (1 + 0.2 * is_on["damper"])
    state = _loops(draw, outside, duct, is_on)
    speed, flow, pressure, valve, supply = state.T
    power = (0.15 + 0.85 * speed * pressure * flow / (pressure[0] * flow[0])) * (1 + 0.07 * is_on["bearing"])
    back = 21 + lagged(supply - 21, supply[0] - 21, 300.0) * 0.4 + wander(draw, rows, 900, draw.uniform(0, 0.4))
    shake = speed**2 * (1 + 0.25 * is_on["imbalance"] + 0.2 * is_on["bearing"])
    shake = shake * np.exp(draw.uniform(0.03, 0.15) * coloured(draw, rows, 0.1, 6))
    values = np.column_stack([speed, power, pressure, flow, valve, supply, back, shake])
    return _sensed(draw, values, is_on, int(np.argmax(label))), label


def _loops(draw: np.random.Generator, outside: Array, duct: Array, is_on: dict[str, Array]) -> Array:
    """Speed, flow, pressure, valve and supply temperature under two PI controllers."""
    gain, slow = draw.uniform(0.05, 0.4), draw.uniform(20, 120)
    heat, eager = draw.uniform(25, 40), draw.uniform(0.005, 0.03)
    slip = 1 - 0.05 * np.minimum(is_on["belt"], 5)
    weak = 1 - 0.12 * np.minimum(is_on["coil"], 4)
    extra = 0.06 * is_on["heating valve"]
    gust = coloured(draw, len(duct), 0.7) * draw.uniform(0.002, 0.02)
    speed, valve, supply, integral = 1.0, 0.5, 20.0, 0.5
    found = []
    for i in [0] * SETTLING + list(range(len(duct))):
        flow = speed * slip[i] / np.sqrt(0.4 + duct[i]) * (1 + gust[i])
        pressure = duct[i] * flow**2 * (1 + gust[i])
        speed += gain * 0.3 * (0.45 - pressure)
        target = outside[i] + heat * weak[i] * min(1.0, max(0.0, valve + extra[i])) / (0.3 + flow)
        supply += (target - supply) / slow
        integral = min(1.2, max(-0.2, integral + eager / 20 * (20 - supply)))
        valve = min(1.0, max(0.0, integral + eager * 3 * (20 - supply)))
        found.append((speed, flow, pressure, valve, supply))
    return np.array(found[SETTLING:])


def _sensed(draw: np.random.Generator, values: Array, is_on: dict[str, Array], start: int) -> Array:
    """What the sensors say: noise, readings held for some rows, smoothing, and faults of the sensors themselves."""
    struck, kind = int(draw.integers(0, 8)), draw.integers(0, 2)
    most = (0.004, 0.03, 0.03, 0.03, 0.01, 0.005, 0.004, 0.0)
    for j in range(8):
        size = abs(values[:TRAIN, j].mean()) * most[j] * draw.uniform(0.2, 1)
        usual = float(np.std(np.diff(values[:TRAIN, j]))) + size
        noise = size * coloured(draw, len(values), draw.choice([0.0, 0.5]), draw.choice([4, 30]))
        if j == struck:
            noise = noise * (1 + 0.8 * is_on["sensor restless"])
            values[:, j] += 1.5 * usual * is_on["sensor off"]
        values[:, j] += noise
        if j == struck and is_on["frozen"].any():
            held = is_on["frozen"] > 0
            values[held, j] = values[start, j]
        if draw.random() < 0.3 and j != 7:
            values[:, j] = lagged(values[:, j], values[0, j], 4.0)
        if draw.random() < 0.3:
            pace = int(draw.integers(2, 8))
            values[:, j] = np.repeat(values[::pace, j], pace)[: len(values)]
    return rounded(values, draw) if kind else values


COMPRESSOR_FAULTS: Final = (
    "leak",
    "valve",
    "filter",
    "cooler",
    "oil low",
    "bearing",
    "belt",
    "sensor off",
)


def compressor(seed: int, strength: float = 1.0) -> Rig:
    """Tank pressure, current, speed, inlet depression, discharge and oil temperature, oil pressure, vibration."""
    draw = np.random.default_rng(130_000 + seed)
    is_on, label = _faulty(draw, COMPRESSOR_FAULTS, strength)
    rows = len(label)
    tank, loaded = _tank(draw, rows, is_on)
    work = loaded * tank * (1 + 0.08 * is_on["valve"] + 0.05 * is_on["filter"])
    drag = 1 + 0.08 * is_on["bearing"]
    current = drag * (0.35 + 0.08 * work)
    speed = 1 - 0.02 * current * (1 + is_on["belt"])
    depression = 0.2 + loaded * speed**2 * (1 + 0.25 * is_on["filter"]) * draw.uniform(0.5, 1)
    room = 20 + wander(draw, rows, 800, draw.uniform(0, 1)) + draw.uniform(-2, 2) * np.arange(rows) / rows
    hot = room + 60 * current * (1 + 0.12 * is_on["cooler"] + 0.06 * is_on["valve"])
    discharge = lagged(hot, float(hot[:300].mean()), draw.uniform(40, 300))
    oil = lagged(0.7 * hot + 12 * is_on["oil low"], float(0.7 * hot[:300].mean()), draw.uniform(300, 1500))
    squeeze = speed * (3.5 - 0.02 * (oil - oil[0])) * (1 - 0.05 * np.minimum(is_on["oil low"], 8))
    shake = drag**3 * (0.6 + 0.4 * loaded) * np.exp(draw.uniform(0.05, 0.2) * coloured(draw, rows, 0.2, 6))
    values = np.column_stack([tank, current, speed, depression, discharge, oil, squeeze, shake])
    struck = int(draw.integers(0, 8))
    for j in range(8):
        usual = float(np.std(values[:TRAIN, j]))
        values[:, j] += usual * draw.uniform(0.05, 0.6) * coloured(draw, rows, draw.choice([0.0, 0.5]), 8)
        values[:, j] += (j == struck) * 1.5 * usual * is_on["sensor off"]
    return rounded(values, draw), label


def _tank(draw: np.random.Generator, rows: int, is_on: dict[str, Array]) -> tuple[Array, Array]:
    """Pressure between two limits, and whether the compressor is loaded."""
    use = np.exp(wander(draw, rows, draw.uniform(20, 400), draw.uniform(0.02, 0.2))) * draw.uniform(0.3, 0.7)
    use = use * (1 + 0.15 * is_on["leak"])
    pace, gives = draw.uniform(0.02, 0.08), 1 - 0.06 * np.minimum(is_on["valve"] + is_on["belt"], 5)
    pressure, on, found = 7.0, 1.0, []
    for i in [0] * SETTLING + list(range(rows)):
        pressure += pace * (on * gives[i] - use[i])
        on = 0.0 if pressure > 7.5 else 1.0 if pressure < 6.5 else on
        found.append((pressure, on))
    states = np.array(found[SETTLING:])
    return states[:, 0], states[:, 1]
