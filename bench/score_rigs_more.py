"""Three more families of simulated rigs: other noise, other drift, other looks of a fault than those of `score_rigs`.

`cooling` is a closed loop of cooling water that was switched on shortly before the recording, with a turbine meter that
counts pulses and single wild readings; valves are closed in stairs or by hand, and opened again. `mill` grinds charge
after charge: load, torque, sound and the pressure over the filter go up and down with it. `substation` hands heat from
a network over to a house whose taps are opened now and then. Labels begin with the cause, however late it shows.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.score_rigs import TRAIN, Array, Rig, coloured, lagged, one_of, rounded, wander


def _stairs(draw: np.random.Generator, rows: int) -> tuple[Array, NDArray[np.bool_]]:
    """How far a hand has turned row by row (0 to 1): at once, in stairs, slowly, to and fro; then back."""
    start = int(draw.integers(TRAIN + 30, 700))
    long = int(draw.integers(180, 480))
    stop = min(rows - 30, start + long)
    kind = str(draw.choice(["at once", "stairs", "slowly", "to and fro"], p=[0.3, 0.3, 0.25, 0.15]))
    at = (np.arange(rows) - start) / (stop - start)
    steps = int(draw.integers(3, 7))
    turned = {
        "at once": np.ones(rows),
        "stairs": np.ceil(np.clip(at * 1.3, 0, 1) * steps) / steps,
        "slowly": np.clip(at * draw.uniform(1.2, 4), 0, 1),
        "to and fro": 0.55 + 0.45 * np.sin(2 * np.pi * at * draw.uniform(1.5, 5)),
    }[kind]
    label = (at >= 0) & (at < 1)
    course = np.where(label, turned, 0.0)
    back = int(draw.integers(2, 40))
    course = course * np.clip((1 - at) * (stop - start) / back, 0, 1)
    return np.asarray(course), label


def _wild(draw: np.random.Generator, values: Array) -> Array:
    """Some converters give a wild reading now and then, in normal rows as well."""
    for j in range(values.shape[1]):
        if draw.random() < 0.2:
            wild = draw.random(len(values)) < 0.004
            values[wild, j] += np.std(values[:TRAIN, j]) * draw.normal(0, 12, int(wild.sum()))
    return values


COOLING_FAULTS: Final = (
    "suction valve",
    "return valve",
    "worn wheel",
    "rubbing",
    "low level",
    "fouled exchanger",
    "drive limits",
    "loose foot",
)


def cooling(seed: int, strength: float = 1.0) -> Rig:
    """Vibration (2), current, two pressures, flow by pulses, water and bearing temperature, after a recent start."""
    draw = np.random.default_rng(170_000 + seed)
    rows = int(draw.integers(950, 1250))
    course, label = _stairs(draw, rows)
    is_on = one_of(draw, COOLING_FAULTS, course, strength, 0.5)
    at = np.arange(rows)
    cold = np.exp(-at / draw.uniform(80, 700)) * draw.uniform(0, 1)
    room = wander(draw, rows, 600, draw.uniform(0, 0.3))
    thick = 1 + 0.06 * cold
    pace = 1 - 0.05 * np.minimum(is_on["drive limits"], 4) + wander(draw, rows, 60, 0.002)
    # Half of the benches have a load that is changed a little now and then, in training as after it.
    turns = np.cumsum(draw.normal(0, 0.02, rows) * (draw.random(rows) < 0.006)) * (draw.random() < 0.5)
    before = 0.25 * thick * (1 + 1.2 * is_on["suction valve"])
    behind = draw.uniform(0.6, 1.4) * thick * (1 + 0.3 * is_on["return valve"]) * (1 + turns)
    lift = 1 - 0.05 * np.minimum(is_on["worn wheel"], 6)
    air = 0.07 * np.minimum(is_on["low level"], 5) * draw.gamma(2, 0.5, rows)
    flow = pace * np.sqrt(lift * np.maximum(0.1, 1 - air) / (0.4 + before + behind))
    outlet, inlet = behind * flow**2, -before * flow**2 - 0.05 * np.minimum(is_on["low level"], 5)
    drag = 1 + 0.05 * is_on["rubbing"]
    current = drag * (0.5 + flow * pace * lift + 0.5 * pace**2)
    warm = 40 * (1 - 0.4 * cold) + room + lagged(4 * is_on["fouled exchanger"], 0.0, draw.uniform(60, 300))
    bearing = warm + 15 - 8 * cold + lagged(5 * is_on["rubbing"] * current, 0.0, draw.uniform(100, 500))
    shake = pace**2 * drag * (1 + 0.6 * is_on["loose foot"] + 0.25 * is_on["suction valve"] * (flow < flow[0]) + air)
    other = pace**2 * (1 + 0.3 * is_on["rubbing"] + 0.1 * is_on["loose foot"])
    grain = float(draw.integers(8, 60))
    beat = 1 + draw.uniform(0, 0.02) * np.sin(at * draw.uniform(0.05, 3))
    values = np.column_stack(
        [
            shake * draw.gamma(k := draw.uniform(20, 300), 1 / k, rows),
            other * draw.gamma(k, 1 / k, rows),
            current * (1 + draw.uniform(0.003, 0.015) * coloured(draw, rows, 0.3)),
            outlet * beat * (1 + draw.uniform(0.003, 0.02) * coloured(draw, rows, 0.0)),
            inlet + draw.uniform(0.002, 0.01) * coloured(draw, rows, 0.5, 5),
            np.floor(flow * grain + draw.random(rows)),
            warm + 0.1 * coloured(draw, rows, 0.9),
            bearing + 0.1 * coloured(draw, rows, 0.2),
        ]
    )
    return rounded(_wild(draw, values), draw), label


MILL_FAULTS: Final = (
    "worn plates",
    "blocked filter",
    "hard charge",
    "belt slips",
    "feed hunts",
    "bearing",
    "sensor dull",
    "leaking duct",
)


def mill(seed: int, strength: float = 1.0) -> Rig:
    """Feed, torque, sound, filter pressure, fan current, product, bearing, speed; charge after charge."""
    draw = np.random.default_rng(210_000 + seed)
    rows = int(draw.integers(900, 1300))
    course, label = _stairs(draw, rows)
    is_on = one_of(draw, MILL_FAULTS, course, strength, 0.6)
    feed = _charges(draw, rows)
    hunting = 0.25 * np.minimum(is_on["feed hunts"], 3) * np.sin(2 * np.pi * np.arange(rows) / draw.uniform(9, 25))
    feed = feed * (1 + hunting)
    span = draw.uniform(4, 25) * (1 + 0.25 * is_on["worn plates"] + 0.15 * is_on["hard charge"])
    held = _emptied(feed, span)
    torque = 0.3 + held * (1 + 0.15 * is_on["hard charge"] - 0.08 * np.minimum(is_on["belt slips"], 4))
    torque = torque * (1 + 0.04 * is_on["bearing"])
    speed = 1 - 0.03 * torque - 0.02 * np.minimum(is_on["belt slips"], 6) * (0.5 + held)
    sound = np.log(0.3 + held) + 0.2 * is_on["worn plates"] + 0.1 * is_on["bearing"]
    air = 1 - 0.05 * np.minimum(is_on["blocked filter"], 5) - 0.02 * held
    over = air**2 * (1 + 0.25 * is_on["blocked filter"] - 0.12 * np.minimum(is_on["leaking duct"], 5))
    fan = 0.4 + 0.6 * air * (1 + 0.05 * is_on["leaking duct"]) * (1 + 0.05 * held)
    room = wander(draw, rows, 1000, draw.uniform(0, 1.0))
    product = 30 + room + lagged(25 * torque / air, 25.0 * float((torque / air)[:TRAIN].mean()), draw.uniform(30, 250))
    bearing = (
        35
        + room
        + lagged(10 * torque * (1 + 0.35 * is_on["bearing"]), 10 * float(torque[:TRAIN].mean()), draw.uniform(150, 900))
    )
    values = np.column_stack([feed, torque, sound, over, fan, product, bearing, speed])
    struck = int(draw.integers(0, 8))
    dull = np.minimum(0.6 * is_on["sensor dull"], 1.0)[:, None]
    still = np.column_stack([lagged(values[:, j], float(values[0, j]), 40.0) for j in range(8)])
    values[:, [struck]] = (1 - dull) * values[:, [struck]] + dull * still[:, [struck]]
    for j in range(8):
        usual = float(np.std(np.diff(values[:TRAIN, j]))) + 0.1 * float(np.std(values[:TRAIN, j]))
        values[:, j] += usual * draw.uniform(0.1, 1.2) * coloured(draw, rows, draw.choice([0.0, 0.7]), 6)
    return rounded(_wild(draw, values), draw), label


def _charges(draw: np.random.Generator, rows: int) -> Array:
    """Charges of some length, with a short break between them."""
    feed = np.zeros(rows)
    usual, loose, size = draw.uniform(15, 110), draw.uniform(0.02, 0.4), draw.uniform(0.02, 0.3)
    at = 0
    while at < rows:
        long = max(6, int(usual * np.exp(loose * draw.normal())))
        feed[at : at + long] = 0.8 * np.exp(size * draw.normal())
        at += long + int(draw.integers(1, max(2, int(usual / 4))))
    return feed


def _emptied(feed: Array, span: Array) -> Array:
    """What the mill holds: it empties by its span, charge by charge."""
    found, state = [], float(feed[:TRAIN].mean())
    for value, each in zip(feed.tolist(), span.tolist(), strict=True):
        state += (value * each / span[0] - state) / each
        found.append(state)
    return np.array(found)


SUBSTATION_FAULTS: Final = (
    "scaled exchanger",
    "valve sticks",
    "pump weak",
    "air lock",
    "network cold",
    "valve leaks",
    "sensor slips off",
)


def substation(seed: int, strength: float = 1.0) -> Rig:
    """Supply and return of network and house, flow, valve, pump power, differential pressure; taps in between."""
    draw = np.random.default_rng(250_000 + seed)
    rows = int(draw.integers(1000, 1300))
    course, label = _stairs(draw, rows)
    is_on = one_of(draw, SUBSTATION_FAULTS, course, strength, 0.6)
    network = 80 + wander(draw, rows, 500, draw.uniform(0, 1.5)) - 5 * np.minimum(is_on["network cold"], 4)
    taps = _taps(draw, rows)
    need = 0.4 + wander(draw, rows, 700, draw.uniform(0, 0.04)) + draw.uniform(0, 0.6) * taps
    works = 1 - 0.08 * np.minimum(is_on["scaled exchanger"], 7)
    moves = 1 - 0.12 * np.minimum(is_on["pump weak"] + is_on["air lock"] * draw.random(rows), 6)
    stuck = np.minimum(0.5 * is_on["valve sticks"], 1)
    gain, eager = draw.uniform(0.003, 0.012), draw.uniform(8, 40)
    valve, integral, supply, found = 0.5, 0.5, 55.0, []
    for i in [0] * 1000 + list(range(rows)):
        integral = min(1.0, max(0.0, integral + gain * (55 - supply) / eager))
        wanted = min(1.0, max(0.02, integral + gain * (55 - supply)))
        valve += (wanted - valve) * 0.3 * (1 - stuck[i])
        flow = valve + 0.05 * is_on["valve leaks"][i]
        given = works[i] * flow / (flow + 0.5) * (network[i] - 35) / 45
        supply += (55 + 60 * (given - need[i] * (supply - 15) / 40 * 0.9) / moves[i] - supply) / 20
        found.append((valve, flow, supply, given))
    valve_at, flow_at, supply_at, given_at = np.array(found[1000:]).T
    back = supply_at - 25 * need / moves
    cold = network - 45 * given_at / np.maximum(0.1, flow_at) * 0.7
    power = moves**2 * (1 + 0.1 * is_on["air lock"] * draw.normal(size=rows)) * 45
    values = np.column_stack([network, cold, flow_at, valve_at, supply_at, back, power, 1.2 - 0.5 * flow_at**2])
    struck = int(draw.integers(0, 6))
    for j in range(8):
        usual = float(np.std(values[:TRAIN, j])) + 1e-3 * abs(float(values[0, j]))
        if j == struck:
            values[:, j] -= usual * 1.5 * is_on["sensor slips off"]
        values[:, j] += usual * draw.uniform(0.05, 0.8) * coloured(draw, rows, draw.choice([0.0, 0.6]), 8)
    return rounded(_wild(draw, values), draw), label


def _taps(draw: np.random.Generator, rows: int) -> Array:
    """Taps are opened for some rows at a time, seldom or often."""
    open_rows = np.zeros(rows)
    apart = draw.uniform(25, 200)
    at = draw.exponential(apart)
    while at < rows:
        open_rows[int(at) : int(at + draw.uniform(5, 40))] = draw.uniform(0.3, 1)
        at += draw.exponential(apart) + 10
    return open_rows
