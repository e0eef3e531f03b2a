"""What one day of an installation says: the numbers that every judgement on heating is made from.

Order of signals everywhere here: outdoor, room, flow. Days are UTC days.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE, SIGNALS
from cloud.fleet import ripple
from cloud.fleet.climate import Climates
from cloud.fleet.robust import Array, mean, median, quantiles, spread

HEATING = (OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE, FLOW_TEMPERATURE)
OUT, ROOM, FLOW = range(3)
CHUNK = 4096
# Least share of a day's slots with which the day is judged.
LEAST_SHARE = 0.3
BLOCKS = 4
STIR_H = 3
# A room this far (K) below its own usual warm one is let down; share of a day's slots that must be left without those.
LET_DOWN, LIVED_IN = 0.8, 0.2
# Its warm day: the upper fifth of them.
WARM_DAY = 0.8
# Difference (K) to the peers up to which an outdoor sensor is believed.
TRUSTED = 5.0
# Single values so far (K, and spans of the day) from what the sensor usually is off its peers are not the weather's.
STRAY, SPANS = 10.0, 2.0


@dataclass(frozen=True, slots=True)
class Daily:
    """Arrays of installation × day (× signal, × block). Units are K and °C; NaN where the day has too few values.

    `cover` and `impossible`: shares of slots with a value, and with a value no such sensor can have. `raw`: median
    with the impossible ones. `middle`, `deviation`: median and standard deviation without. `weather`: mean of the
    peers' outdoor temperature. `off` and `off_span`: median and 10–90 % span of own outdoor less the peers'.
    `follow`: own outdoor's regression sums on the peers' (n, x, y, xx, xy, yy). `warm`: upper quartile of the room.
    `excess`, `ebb`: 90 and 10 % quantile of flow less median room. `swing`: amplitude of flow around its own mean of 4
    hours. `line`: amplitude of the strongest sine in flow, of periods from the shortest visible to 5 hours, over two
    days. Both in hours in which the room is not let down.
    `flow_block`, `weather_block`: means of a quarter of a day (own outdoor where it can
    be believed). `grain`: the room's usual step. `stir`: standard deviation of the room's 3-hour means.
    `sway`: amplitude of the room around its own mean of 4 hours; `along`: how far that goes with flow's, 0 to 1.
    """

    cover: Array
    impossible: Array
    raw: Array
    middle: Array
    deviation: Array
    weather: Array
    off: Array
    off_span: Array
    follow: Array
    warm: Array
    cold: Array
    excess: Array
    ebb: Array
    swing: Array
    line: Array
    flow_block: Array
    weather_block: Array
    grain: Array
    stir: Array
    sway: Array
    along: Array


def of_fleet(values: Array, climates: Climates) -> Daily:
    """The daily numbers of installation × signal × day × slot, chunk by chunk."""
    parts = []
    for first in range(0, len(values), CHUNK):
        rows = slice(first, min(first + CHUNK, len(values)))
        parts.append(_of(values[rows], climates.at(rows)))
    return Daily(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Daily)))


def _of(raw: Array, weather: Array) -> Daily:
    seen = np.isfinite(raw)
    values = possible(raw)
    good = np.isfinite(values)
    cover = good.mean(axis=3, dtype=np.float32)
    values[cover < LEAST_SHARE] = np.nan
    middle = median(values)
    off = values[:, OUT] - weather
    low, mid, high = quantiles(off, 0.1, 0.5, 0.9)
    stray = np.abs(off - mid[..., None]) > STRAY + SPANS * (high - low)[..., None]
    outdoor = np.where(stray, np.float32(np.nan), values[:, OUT])
    warm, cold = quantiles(values[:, ROOM], 0.75, 0.1)
    coolest, hottest = quantiles(values[:, FLOW], 0.1, 0.9)
    lived_in = _lived_in(values[:, ROOM], warm)
    flow_apart, room_apart = ripple.away(values[:, FLOW]), ripple.away(values[:, ROOM])
    return Daily(
        cover=np.moveaxis(cover, 1, 2),
        impossible=np.moveaxis((seen & ~good).mean(axis=3, dtype=np.float32), 1, 2),
        raw=np.moveaxis(median(raw), 1, 2),
        middle=np.moveaxis(middle, 1, 2),
        deviation=np.moveaxis(spread(values), 1, 2),
        weather=weather.mean(axis=2, dtype=np.float32),
        off=mid,
        off_span=high - low,
        follow=_regression_sums(weather, outdoor),
        warm=warm,
        cold=cold,
        excess=hottest - middle[:, ROOM],
        ebb=coolest - middle[:, ROOM],
        swing=_swing(flow_apart, lived_in),
        line=ripple.line(values[:, FLOW], lived_in),
        flow_block=_block_means(values[:, FLOW]),
        weather_block=_own_weather(_block_means(outdoor), _block_means(weather)),
        grain=_grain(values[:, ROOM]),
        stir=_stir(values[:, ROOM]),
        sway=ripple.amplitude(room_apart),
        along=ripple.coherence(flow_apart, room_apart),
    )


def _lived_in(room: Array, warm: Array) -> NDArray[np.bool_]:
    """Where (installation × day × slot) the room is not let down.

    At night and at weekends many plants are off until the room asks for some heat, and off again. A boiler that cycles
    and a loop that hunts do so by day as well.
    """
    usual = quantiles(warm, WARM_DAY)[0][:, None, None]
    return np.asarray(~(room < usual - LET_DOWN))


def _swing(apart: Array, lived_in: NDArray[np.bool_]) -> Array:
    """The amplitude of flow in the hours that count; NaN on days with too few of them."""
    found = ripple.amplitude(np.where(lived_in, apart, np.float32(np.nan)))
    found[lived_in.mean(axis=2) < LIVED_IN] = np.nan
    return found


def _grain(room: Array) -> Array:
    """The lower tenth of the room's steps that are any; NaN where it never moves."""
    steps = np.abs(np.diff(room.reshape(len(room), -1), axis=1))
    return quantiles(np.where(steps > 1e-4, steps, np.nan), 0.1)[0]


def _stir(room: Array) -> Array:
    """How much the room moves in a day once the sensor's own noise is averaged away."""
    count, days, slots = room.shape
    width = max(1, slots * STIR_H // 24)
    return spread(mean(room.reshape(count, days, -1, width)))


def _own_weather(own: Array, peers: Array) -> Array:
    """The own sensor's outdoor temperature where it sees the peers' weather, else the peers'."""
    away = np.abs(own - peers).reshape(len(own), -1)
    swing = spread(own.reshape(len(own), -1)) / np.maximum(spread(peers.reshape(len(own), -1)), 0.1)
    trusted = (quantiles(away, 0.95)[0] < TRUSTED) & (swing > 0.6) & (swing < 1.6)
    return np.where(trusted[:, None, None] & np.isfinite(own), own, peers)


def possible(raw: Array) -> Array:
    """A copy without the values that lie outside the signal's physical range."""
    values = raw.copy()
    for place, name in enumerate(HEATING):
        spec = SIGNALS[name]
        part = values[:, place]
        part[(part < spec.low) | (part > spec.high)] = np.nan
    return values


def _block_means(values: Array) -> Array:
    count, days, slots = values.shape
    width = slots // BLOCKS
    return mean(values.reshape(count, days, BLOCKS, width), least=max(1, width // 3))


def _regression_sums(x: Array, y: Array) -> Array:
    good = np.isfinite(y)
    x, y = np.where(good, x, 0), np.where(good, y, 0)
    parts = (good.astype(np.float32), x, y, x * x, x * y, y * y)
    return np.stack([part.sum(axis=2, dtype=np.float32) for part in parts], axis=2)
