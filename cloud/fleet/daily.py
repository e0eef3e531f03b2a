"""What one day of an installation says: the numbers that every judgement on heating is made from.

Order of signals everywhere here: outdoor, room, flow. Days are UTC days.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE, SIGNALS
from cloud.fleet.climate import Climates
from cloud.fleet.robust import Array, mean, median, quantiles, spread

HEATING = (OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE, FLOW_TEMPERATURE)
OUT, ROOM, FLOW = range(3)
CHUNK = 4096
# Least share of a day's slots with which the day is judged.
LEAST_SHARE = 0.3
BLOCKS = 4
SWING_SPAN_H = 4
LINE_SPAN_H = 6
LINE_LONGEST_H = 5
LINE_PURE = 0.6
# Difference (K) to the peers up to which an outdoor sensor is believed.
TRUSTED = 5.0


@dataclass(frozen=True, slots=True)
class Daily:
    """Arrays of installation × day (× signal, × block). Units are K and °C; NaN where the day has too few values.

    `cover` and `impossible`: shares of slots with a value, and with a value no such sensor can have. `raw`: median
    with the impossible ones. `middle`, `deviation`: median and standard deviation without. `weather`: mean of the
    peers' outdoor temperature. `off` and `off_span`: median and 10–90 % span of own outdoor less the peers'.
    `follow`: own outdoor's regression sums on the peers' (n, x, y, xx, xy, yy). `warm`: upper quartile of the room.
    `excess`: 90 % quantile of flow less median room. `swing`: amplitude of flow around its own mean of 4 hours.
    `line`: amplitude of the strongest sine in flow, of periods from the shortest visible to 5 hours, over two days.
    `flow_block`, `weather_block`: means of a quarter of a day (own outdoor where it can
    be believed). `grain`: the room's usual step.
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
    swing: Array
    line: Array
    flow_block: Array
    weather_block: Array
    grain: Array


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
    warm, cold = quantiles(values[:, ROOM], 0.75, 0.1)
    hottest = quantiles(values[:, FLOW], 0.9)[0]
    return Daily(
        cover=np.moveaxis(cover, 1, 2),
        impossible=np.moveaxis((seen & ~good).mean(axis=3, dtype=np.float32), 1, 2),
        raw=np.moveaxis(median(raw), 1, 2),
        middle=np.moveaxis(middle, 1, 2),
        deviation=np.moveaxis(spread(values), 1, 2),
        weather=weather.mean(axis=2, dtype=np.float32),
        off=mid,
        off_span=high - low,
        follow=_regression_sums(weather, values[:, OUT]),
        warm=warm,
        cold=cold,
        excess=hottest - middle[:, ROOM],
        swing=_swing(values[:, FLOW]),
        line=_line(values[:, FLOW]),
        flow_block=_block_means(values[:, FLOW]),
        weather_block=_own_weather(_block_means(values[:, OUT]), _block_means(weather)),
        grain=_grain(values[:, ROOM]),
    )


def _grain(room: Array) -> Array:
    """The lower tenth of the room's steps that are any; NaN where it never moves."""
    steps = np.abs(np.diff(room.reshape(len(room), -1), axis=1))
    return quantiles(np.where(steps > 1e-4, steps, np.nan), 0.1)[0]


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


def _swing(flow: Array) -> Array:
    """The usual distance of flow from its own 4-hour mean, as the amplitude of a sine.

    The median over the day leaves out the steps of a night setback and the charging of hot water, which are few.
    """
    count, days, slots = flow.shape
    series = flow.reshape(count, days * slots)
    width = max(3, slots * SWING_SPAN_H // 24 | 1)
    around = moving_mean(series, width)
    away = np.abs(series - around).reshape(flow.shape)
    return median(away) * np.float32(np.sqrt(2.0))


def _line(flow: Array) -> Array:
    """The amplitude of the strongest line in the spectrum (Hann window) of each day with the next one.

    A sine of amplitude A and length N gives |X|² of A²N²/16 in its bin and a quarter of that beside it. A line that
    does not hold most of the power is worth less: noise and boilers that switch on and off have many.
    """
    count, days, slots = flow.shape
    series = flow.reshape(count, days * slots)
    away = np.nan_to_num(series - moving_mean(series, max(3, slots * LINE_SPAN_H // 24 | 1)))
    if days < 2:
        return np.full((count, days), np.nan, dtype=np.float32)
    size = 2 * slots
    windows = np.lib.stride_tricks.sliding_window_view(away, size, axis=1)[:, ::slots]
    spectrum = np.fft.rfft(windows * np.hanning(size).astype(np.float32), axis=2)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    lines = power[..., 1:-1] + power[..., :-2] + power[..., 2:]
    strongest = lines[..., 48 // LINE_LONGEST_H - 1 :].max(axis=2)
    purity = np.minimum(strongest / np.maximum(power.sum(axis=2), 1e-6) / LINE_PURE, 1)
    strongest = np.sqrt(strongest * (32 / 3)) / size * purity
    found = np.concatenate([strongest, strongest[:, -1:]], axis=1).astype(np.float32)
    found[np.isfinite(flow).mean(axis=2) < LEAST_SHARE] = np.nan
    return found


def moving_mean(series: Array, width: int) -> Array:
    """The centred mean of `width` values (odd) of each row, NaN left out; NaN where fewer than half are known."""
    good = np.isfinite(series)
    half = width // 2
    totals = _window_sums(np.where(good, series, 0).astype(np.float64), half)
    counts = _window_sums(good.astype(np.float64), half)
    return np.where(counts > half, totals / np.maximum(counts, 1), np.nan).astype(np.float32)


def _window_sums(values: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    sums = np.cumsum(np.pad(values, ((0, 0), (half + 1, half))), axis=1)
    return np.asarray(sums[:, 2 * half + 1 :] - sums[:, : -(2 * half + 1)])
