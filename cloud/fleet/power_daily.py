"""What one day of a solar + battery home says, beside what its peers' panels saw at the same hours.

Order of signals: PV, load, battery (positive = charging), state of charge. Energies in kWh.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER
from cloud.fleet.cube import Cube
from cloud.fleet.robust import Array, median, quantiles

POWER = (PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC)
PV, LOAD, BATTERY, SOC = range(4)
CHUNK = 1024
# Homes that others are compared with, and how many of them make a peer group.
SAMPLE, PEERS = 600, 15
# Below this share of their peak, panels say nothing about each other.
DARK = 0.04
# Power (W) that is taken as none, and state of charge (%) from which a battery may refuse.
IDLE, FULL = 60.0, 95.0


@dataclass(frozen=True, slots=True)
class Daily:
    """Arrays of home × day; NaN where the day has too few values.

    `made`, `expected`: energy per W of own peak, own and the peers' median in the same slots. `surplus`: kWh that the
    battery could have taken, `charged`: what it took then, `drained`: what it gave up meanwhile. `follow`: correlation
    of the change of charge with battery power. `jumps`: changes of charge that no power explains. `negative`: share of
    slots in which PV or load is below zero. `cover`: share of slots per signal (home × day × 4). `still`: the charge's
    standard deviation; `worked`: energy through the battery.
    """

    made: Array
    expected: Array
    surplus: Array
    charged: Array
    drained: Array
    follow: Array
    jumps: Array
    negative: Array
    cover: Array
    still: Array
    worked: Array


def peaks(pv: Array) -> Array:
    """Each home's peak (W): the 99 % quantile of what its panels gave by day; NaN without any."""
    flat = pv.reshape(len(pv), -1)
    peak = quantiles(np.where(flat > 5, flat, np.nan), 0.99)[0]
    return np.asarray(np.where(peak > 20, peak, np.nan), dtype=np.float32)


def peers(pv: Array, peak: Array) -> Array:
    """For each home what its most similar homes give per W of peak (median): home × day × slot.

    Similar in when clouds pass: in what is left of the relative power once the fleet's course of the day is taken off.
    """
    count, days, slots = pv.shape
    share = (pv / peak[:, None, None]).reshape(count, -1)
    usual = median(share.T)
    clouds = np.nan_to_num(share - usual)
    norm = np.linalg.norm(clouds, axis=1)
    known = np.flatnonzero((norm > 1e-3) & np.isfinite(peak))
    sample = known[:: max(1, len(known) // SAMPLE)]
    if len(sample) <= PEERS:
        return np.broadcast_to(usual.reshape(1, days, slots), pv.shape).astype(np.float32)
    directions = (clouds[sample] / norm[sample, None]).astype(np.float32)
    found = np.empty_like(share)
    for first in range(0, count, CHUNK):
        rows = np.arange(first, min(first + CHUNK, count))
        alike = clouds[rows] @ directions.T / np.maximum(norm[rows, None], 1e-6)
        alike[rows[:, None] == sample[None, :]] = -2
        nearest = sample[np.argpartition(-alike, PEERS, axis=1)[:, :PEERS]]
        found[rows] = median(np.moveaxis(share[nearest], 1, -1))
        lost = norm[rows] <= 1e-3
        found[rows[lost]] = usual
    return np.asarray(found.reshape(pv.shape), dtype=np.float32)


def of_fleet(cube: Cube, reference: Array, peak: Array) -> Daily:
    """The daily numbers of all homes."""
    hours = np.float32(cube.step_min / 60)
    slope = _percent_per_kwh(cube, hours)
    parts = []
    for first in range(0, len(cube.values), CHUNK):
        rows = slice(first, min(first + CHUNK, len(cube.values)))
        parts.append(_of(cube.values[rows], reference[rows], peak[rows], slope[rows], hours))
    return Daily(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Daily)))


def _percent_per_kwh(cube: Cube, hours: np.float32) -> Array:
    """How many % of charge a kWh is, by home: the median of both together where the battery works."""
    flat = cube.values.reshape(*cube.values.shape[:2], -1)
    change = np.diff(flat[:, SOC], axis=1)
    energy = flat[:, BATTERY, :-1] * hours / 1000
    works = (np.abs(energy) > 0.05 * hours) & (np.abs(change) > 0.01)
    worth = np.divide(change, energy, out=np.full_like(change, np.nan), where=works)
    return np.clip(np.nan_to_num(median(worth)), 0.0, 60.0).astype(np.float32)


def _of(values: Array, reference: Array, peak: Array, slope: Array, hours: np.float32) -> Daily:
    pv, load, battery, soc = (values[:, place] for place in range(4))
    kwh = hours / 1000
    lit = (reference > DARK) & np.isfinite(pv)
    enough = lit.sum(axis=2) >= 0.6 * np.maximum((reference > DARK).sum(axis=2), 1)
    # Panels that never gave anything have no peak, and made nothing.
    made = np.where(lit, pv / np.nan_to_num(peak, nan=1.0)[:, None, None], 0).sum(axis=2) * hours
    expected = np.where(lit, reference, 0).sum(axis=2) * hours
    could = np.isfinite(pv) & np.isfinite(load) & np.isfinite(battery) & (soc < FULL) & (pv - load > IDLE)
    change = np.diff(soc.reshape(len(soc), -1), axis=1, append=np.nan).reshape(soc.shape)
    explained = battery * kwh * slope[:, None, None]
    odd = np.abs(change - explained) > np.maximum(12.0, 0.6 * np.abs(explained) + 8.0)
    return Daily(
        made=_known(made, enough),
        expected=_known(expected, enough),
        surplus=np.where(could, pv - load, 0).sum(axis=2) * kwh,
        charged=np.where(could, np.maximum(battery, 0), 0).sum(axis=2) * kwh,
        drained=np.where(could, np.maximum(-battery, 0), 0).sum(axis=2) * kwh,
        follow=_correlation(battery, change),
        jumps=odd.sum(axis=2).astype(np.float32),
        negative=((pv < -IDLE) | (load < -IDLE)).mean(axis=2, dtype=np.float32),
        cover=np.moveaxis(np.isfinite(values).mean(axis=3, dtype=np.float32), 1, 2),
        still=_spread(soc),
        worked=np.nan_to_num(np.abs(battery)).sum(axis=2) * kwh,
    )


def _known(values: NDArray[np.floating], enough: NDArray[np.bool_]) -> Array:
    return np.where(enough, values, np.nan).astype(np.float32)


def _spread(values: Array) -> Array:
    low, high = quantiles(values, 0.0, 1.0)
    return high - low


def _correlation(x: Array, y: Array) -> Array:
    """Within each day; NaN where either hardly moves."""
    good = np.isfinite(x) & np.isfinite(y)
    n = np.maximum(good.sum(axis=2), 1)
    x, y = np.where(good, x, 0), np.where(good, y, 0)
    mean_x, mean_y = x.sum(axis=2) / n, y.sum(axis=2) / n
    xx = (x * x).sum(axis=2) / n - mean_x**2
    yy = (y * y).sum(axis=2) / n - mean_y**2
    xy = (x * y).sum(axis=2) / n - mean_x * mean_y
    moved = (xx > 200.0**2) & (yy > 0.05) & (n > 0.5 * x.shape[2])
    return np.where(moved, xy / np.sqrt(np.maximum(xx * yy, 1e-9)), np.nan).astype(np.float32)
