"""Two families of simulated temperature series, each with some failures, and what early detection of them is worth.

`plain` adds cycle, season, coloured noise, turned set points and abrupt failures. `building` follows a room, a machine
or a cold store through heat balances with working hours, weekends, weather, defrosts, planned stops and rows that are
missing; its failures are a heater or a compressor that fails, a door left open, a bearing that wears for days before it
seizes, a control that hunts, a sensor that sticks or jumps. Neither is a copy of a published recording.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.score_rigs import coloured

Array = NDArray[np.float64]
HOUR_MS: Final = 3_600_000


class Series(NamedTuple):
    """Times in ms, values, and the rows `[start, stop)` in which a failure is to be found."""

    at_ms: NDArray[np.int64]
    values: Array
    windows: list[tuple[int, int]]


def plain(seed: int) -> Series:
    """Cycle, season, noise; drops, spikes, ramps, restlessness, standstill."""
    draw = np.random.default_rng(1000 + seed)
    hourly = seed % 2 == 0
    rows, day = (7000, 24) if hourly else (15000, 288)
    at = np.arange(rows)
    noise = np.zeros(rows)
    steps = draw.normal(0, 1, rows)
    for i in range(1, rows):
        noise[i] = 0.97 * noise[i - 1] + steps[i] * 0.4
    values = 60 + draw.uniform(0, 4) * np.sin(2 * np.pi * at / day) + noise
    values += draw.uniform(0, 6) * np.sin(2 * np.pi * at / rows * draw.uniform(0.5, 2) + draw.uniform(0, 6))
    values += draw.normal(0, 0.2, rows)
    shifts = draw.integers(rows // 7, rows, 3)
    for shift in shifts:  # somebody turns a set point a little: not a failure
        values[shift:] += draw.normal(0, 1)
    wide, windows = rows // 30, []
    for k in range(3):
        middle = int(rows * (0.25 + 0.25 * k + draw.uniform(-0.05, 0.05)))
        windows.append((middle - wide // 2, middle + wide // 2))
        _fail(draw, values, middle, day)
    return Series(at * (HOUR_MS if hourly else HOUR_MS // 12), values, windows)


def _fail(draw: np.random.Generator, values: Array, middle: int, day: int) -> None:
    long = int(draw.uniform(0.2, 1.0) * day)
    kind = draw.choice(["drop", "spike", "ramp", "noise", "flat"])
    if kind == "drop":
        values[middle : middle + long] -= draw.uniform(8, 30)
    elif kind == "spike":
        values[middle : middle + 3] += draw.uniform(8, 20)
    elif kind == "ramp":
        values[middle : middle + long] += np.linspace(0, draw.uniform(10, 20), long)
    elif kind == "noise":
        values[middle : middle + long] += draw.normal(0, 4, long)
    else:
        values[middle : middle + long] = values[middle]


def building(seed: int) -> Series:
    """A room with working hours, a machine with planned stops or a cold store with defrosts; some rows are missing."""
    draw = np.random.default_rng(7000 + seed)
    per_hour = 1 if draw.random() < 0.5 else 12
    rows = int(draw.integers(5000, 9000)) if per_hour == 1 else int(draw.integers(12_000, 22_000))
    count = int(draw.integers(2, 5))
    middles = [int(rows * (0.2 + 0.75 * (k + draw.uniform(0.15, 0.85)) / count)) for k in range(count)]
    kind = (_room, _machine, _store)[seed % 3]
    values = kind(draw, rows, per_hour, middles)
    at_ms = np.arange(rows) * (HOUR_MS // per_hour) + int(draw.integers(0, 24 * 7)) * HOUR_MS
    wide = rows // 10 // count
    windows = [(middle - wide // 2, middle + wide // 2) for middle in middles]
    return _thinned(draw, Series(at_ms, np.round(values, int(draw.integers(1, 5))), windows))


def _thinned(draw: np.random.Generator, series: Series) -> Series:
    """Now and then rows are missing, singly and in runs."""
    keep = draw.random(len(series.values)) > 0.002
    for start in draw.integers(0, len(keep), 3):
        keep[start : start + int(draw.integers(5, 120))] = False
    place = np.concatenate([[0], np.cumsum(keep)])
    windows = [(int(place[start]), int(place[stop])) for start, stop in series.windows]
    return Series(series.at_ms[keep], series.values[keep], windows)


def _weather(draw: np.random.Generator, rows: int, per_hour: int) -> Array:
    """Season, day and fronts."""
    hours = np.arange(rows) / per_hour
    season = draw.uniform(2, 10) * np.sin(2 * np.pi * (hours / 8760 + draw.random()))
    day = draw.uniform(1, 5) * np.sin(2 * np.pi * (hours / 24 + draw.random()))
    fronts = draw.uniform(1, 4) * coloured(draw, rows, float(np.exp(-1 / (40 * per_hour))))
    return np.asarray(10 + season + day + fronts)


def _towards(aim: Array, span: float | Array, first: float) -> Array:
    spans = np.broadcast_to(span, aim.shape).tolist()
    found, state = [], first
    for value, each in zip(aim.tolist(), spans, strict=True):
        state += (value - state) / max(1.0, each)
        found.append(state)
    return np.array(found)


def _sticks_or_jumps(draw: np.random.Generator, values: Array, start: int, hours: int) -> None:
    if draw.random() < 0.5:
        values[start : start + hours] = values[start]
    else:
        values[start : start + max(2, hours // 6)] += draw.choice([-1, 1]) * draw.uniform(3, 8) * np.std(values)


def _room(draw: np.random.Generator, rows: int, per_hour: int, middles: list[int]) -> Array:
    hours = np.arange(rows) / per_hour
    working = ((hours % 24 > 7) & (hours % 24 < 18) & (hours // 24 % 7 < 5)).astype(float)
    outside = _weather(draw, rows, per_hour)
    aim = draw.uniform(66, 72) / 3.3 + draw.uniform(0.5, 3) * working
    aim = aim + 0.15 * np.maximum(outside - 18, 0)
    faults = []
    for middle in middles:
        long = int(draw.uniform(8, 60) * per_hour)
        kind = str(draw.choice(["heater off", "too warm", "window", "sensor"]))
        part = slice(middle, middle + long)
        if kind == "heater off":
            aim[part] = aim[part] * 0.3 + outside[part] * 0.7 - 4
        elif kind == "too warm":
            aim[part] += draw.uniform(4, 9)
        elif kind == "window":
            aim[part] += 0.5 * (outside[part] - aim[part]) * (draw.random(len(aim[part])) < 0.5)
        else:
            faults.append((middle, long))
    values = _towards(aim, draw.uniform(2, 8) * per_hour, float(aim[0]))
    values = values + draw.uniform(0.05, 0.5) * coloured(draw, rows, 0.8) + 0.1 * draw.normal(size=rows)
    for middle, long in faults:
        _sticks_or_jumps(draw, values, middle, long)
    return np.asarray(values)


def _machine(draw: np.random.Generator, rows: int, per_hour: int, middles: list[int]) -> Array:
    load = 0.8 + 0.15 * coloured(draw, rows, float(np.exp(-1 / (8 * per_hour)))) + 0.02 * _weather(draw, rows, per_hour)
    for stop in draw.integers(rows // 30, rows, 3):  # planned, an hour or two: no failure
        load[stop : stop + int(draw.uniform(0.5, 2) * per_hour) + 1] *= 0.6
    friction = np.zeros(rows)
    hunting = np.zeros(rows)
    for middle in middles:
        long = int(draw.uniform(4, 30) * per_hour)
        kind = str(draw.choice(["seizes", "trips", "overheats", "hunts"]))
        if kind == "seizes":  # wears for some days, then stands
            before = int(draw.uniform(10, 60) * per_hour)
            friction[max(0, middle - before) : middle] += np.linspace(0, draw.uniform(0.1, 0.35), min(before, middle))
            load[middle : middle + long] = 0
        elif kind == "trips":
            load[middle : middle + long] = 0
        elif kind == "overheats":
            friction[middle : middle + long] += np.linspace(
                0.2, draw.uniform(0.4, 0.8), len(load[middle : middle + long])
            )
        else:
            part = np.arange(len(load[middle : middle + long]))
            hunting[middle : middle + long] = 0.4 * np.sin(2 * np.pi * part / draw.uniform(3, 9))
    aim = 25 + 80 * np.maximum(load + friction + hunting, 0)
    values = _towards(aim, draw.uniform(0.5, 2) * per_hour, float(aim[0]))
    return np.asarray(values + draw.uniform(0.2, 1.0) * coloured(draw, rows, 0.7))


def _store(draw: np.random.Generator, rows: int, per_hour: int, middles: list[int]) -> Array:
    hours = np.arange(rows) / per_hour
    every = draw.choice([6, 8, 12])
    defrost = draw.uniform(2, 8) * (hours % every < 1)
    busy = draw.uniform(0, 1.5) * ((hours % 24 > 6) & (hours % 24 < 16) & (hours // 24 % 7 < 6))
    aim = -20 + defrost + busy * np.abs(coloured(draw, rows, 0.5)) + 0.05 * _weather(draw, rows, per_hour)
    span = np.full(rows, 0.7 * per_hour)
    later = []
    for middle in middles:
        long = int(draw.uniform(4, 24) * per_hour)
        kind = str(draw.choice(["compressor", "door", "no defrost", "ices up", "sensor"]))
        part = slice(middle, middle + long)
        if kind == "compressor":
            aim[part], span[part] = 15, 20 * per_hour
        elif kind == "door":
            aim[part] += draw.uniform(5, 12)
        elif kind == "no defrost":
            part = slice(middle, middle + 3 * long)
            aim[part] -= defrost[part] + 1
        elif kind == "ices up":
            part = slice(middle, middle + 4 * long)
            aim[part] += np.linspace(0, draw.uniform(4, 10), len(aim[part]))
        else:
            later.append((middle, long))
    values = _towards(aim, span, float(aim[0])) + draw.uniform(0.05, 0.4) * coloured(draw, rows, 0.6)
    for middle, long in later:
        _sticks_or_jumps(draw, values, middle, long)
    return np.asarray(values)


FAMILIES: Final[dict[str, Callable[[int], Series]]] = {"plain": plain, "building": building}
Run = tuple[Array, list[tuple[int, int]]]


def streaming_score(runs: list[Run], fixed: float | None = None) -> tuple[float, float]:
    """Best score over all thresholds, or that at a `fixed` one: early detection up to 1, a false row −0.11.

    100 is every window found at its first row without a false row, 0 is silence (Lavin & Ahmad 2015, standard profile).
    """
    pooled = np.concatenate([scores[len(scores) * 15 // 100 :] for scores, _ in runs])
    candidates = np.unique(np.round(pooled, 4))[::-1][:400] if fixed is None else [fixed]
    count = sum(len(windows) for _, windows in runs)
    best = (-1e9, 1.0)
    for threshold in candidates:
        total = sum(_points(scores, windows, float(threshold)) for scores, windows in runs)
        best = max(best, (100 * (total + count) / (2 * count), float(threshold)))
    return best


def _points(scores: Array, windows: list[tuple[int, int]], threshold: float) -> float:
    found = np.flatnonzero(scores >= threshold)
    found = found[found >= len(scores) * 15 // 100]
    points = 0.0
    outside = np.ones(len(found), dtype=bool)
    for start, stop in windows:
        inside = (found >= start) & (found < stop)
        outside &= ~inside
        points += _sigmoid((found[inside][0] - stop) / (stop - start)) if inside.any() else -1.0
    for row in found[outside]:
        before = [(row - stop) / (stop - start) for start, stop in windows if stop <= row]
        points += 0.11 * (_sigmoid(min(before)) if before else -1.0)
    return points


def _sigmoid(y: float) -> float:
    return float(2 / (1 + np.exp(min(50.0, 5 * y))) - 1)
