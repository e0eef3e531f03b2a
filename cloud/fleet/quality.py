"""Data quality, as findings of its own kind: too few values, gaps, stuck, out of range, a wrong clock.

What most of the fleet lacks at once is the collector's gap and no installation's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.climate import Climates
from cloud.fleet.cube import DAY_MS, Cube
from cloud.fleet.daily import HEATING, OUT, ROOM, Daily
from cloud.fleet.findings import DATA, Finding
from cloud.fleet.robust import Array, longest_run, mean, median

# A gap of a day is one that somebody has to look after; shorter ones fill themselves.
LONG_GAP_H = 24.0
FEW = 0.7
NOT_FITTED = 0.2
IMPOSSIBLE = 0.02
STUCK_DAYS = 3
STUCK_SPREAD = 0.003
SURE = 6.0
USABLE = 0.2
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Quality:
    """`share`: values that came of those that peers sent (installation × signal). `usable`: enough to judge at all."""

    findings: list[Finding]
    share: Array
    usable: NDArray[np.bool_]


def check(cube: Cube, daily: Daily, weather: Climates, still: NDArray[np.bool_]) -> Quality:
    """All data findings of a heating fleet. `still`: rooms that stand still longer than a coarse sensor may."""
    count, signals = cube.values.shape[:2]
    collected = _collected(cube)
    total = np.maximum(collected.sum(axis=1), 1)
    share = np.empty((count, signals), dtype=np.float32)
    gaps = np.empty((count, signals, 3), dtype=np.int64)
    lags = np.zeros(count, dtype=np.int64)
    for first in range(0, count, CHUNK):
        rows = slice(first, min(first + CHUNK, count))
        flat = cube.values[rows].reshape(-1, signals, collected.shape[1])
        for signal in range(signals):
            # A fleet that sends less than its interval allows is no fault of one installation.
            seen = np.isfinite(flat[:, signal])
            share[rows, signal] = seen[:, collected[signal]].sum(axis=1) / total[signal]
            gaps[rows, signal] = longest_run(~seen & collected[signal])
        lags[rows] = clock_lag(cube.values[rows, OUT], weather.at(rows), cube.step_min)
    findings = [
        *_missing(cube, share, gaps),
        *_impossible(cube, daily),
        *_stuck(cube, daily, still),
        *_clock(cube, lags),
    ]
    return Quality(findings, share, share.min(axis=1) > USABLE)


def _collected(cube: Cube) -> NDArray[np.bool_]:
    """Slots (signal × time) in which at least half as many installations sent as usually do."""
    flat = cube.values.reshape(*cube.values.shape[:2], -1)
    sent = np.isfinite(flat).mean(axis=0)
    usual = np.maximum(np.quantile(sent, 0.9, axis=1), 1e-9)
    return np.asarray(sent >= 0.5 * usual[:, None])


def _missing(cube: Cube, share: Array, gaps: NDArray[np.int64]) -> list[Finding]:
    found = []
    slot_ms = cube.step_min * 60_000
    width = cube.values.shape[2] * cube.values.shape[3]
    usual = np.maximum(median(np.where(share > 0, share, np.nan).T), 0.05)
    hours = gaps[:, :, 2] * cube.step_min / 60
    # A signal that many never send is one that many do not have.
    without = (share == 0) & ((share == 0).mean(axis=0) > NOT_FITTED)
    lacking = ((share < FEW * usual) | (hours >= LONG_GAP_H)) & ~without
    for i in np.flatnonzero(lacking.any(axis=1)).tolist():
        signals = np.flatnonzero(lacking[i]).tolist()
        first, end, length = gaps[i, max(signals, key=lambda s: int(gaps[i, s, 2]))].tolist()
        silent = len(signals) == len(HEATING) and end >= width and length * cube.step_min / 60 >= LONG_GAP_H
        names = tuple(str(HEATING[s]) for s in signals)
        worst = min(float(share[i, s]) for s in signals)
        longest = f"longest gap {length * cube.step_min / 60:.0f} h"
        why = f"{together(signals)}: {worst:.0%} of the values peers sent, {longest}"
        start = cube.start_ms + first * slot_ms
        fault = "device_unreachable" if silent else "gap"
        found.append(
            Finding(cube.installations[i], DATA, fault, SURE, start, cube.start_ms + end * slot_ms, 0.0, why, names)
        )
    return found


def together(signals: list[int]) -> str:
    """Temperatures as a person lists them.

    >>> together([0, 1, 2]), together([1])
    ('outdoor, room and flow temperature', 'room temperature')
    """
    names = [str(HEATING[place]).removesuffix("_temperature") for place in signals]
    return f"{' and '.join([', '.join(names[:-1]), names[-1]]) if names[1:] else names[0]} temperature"


def _impossible(cube: Cube, daily: Daily) -> list[Finding]:
    found = []
    share = mean(np.moveaxis(daily.impossible, 1, -1))
    for i, s in np.argwhere(share > IMPOSSIBLE).tolist():
        days = np.flatnonzero(daily.impossible[i, :, s] > 0)
        why = f"{together([s])}: {share[i, s]:.0%} of the values are outside what the sensor can measure"
        found.append(_of_days(cube, i, "out_of_range", days, why, s))
    return found


def _stuck(cube: Cube, daily: Daily, rooms: NDArray[np.bool_]) -> list[Finding]:
    found = []
    still = daily.deviation < STUCK_SPREAD
    for s in range(len(HEATING)):
        runs = longest_run(still[:, :, s])
        stuck = (runs[:, 2] >= STUCK_DAYS) & (rooms | (s != ROOM))
        for i in np.flatnonzero(stuck).tolist():
            days = np.arange(runs[i, 0], runs[i, 1])
            value = float(daily.middle[i, days[0], s])
            why = f"{together([s])} says {value:.2f} °C for {len(days)} days on end"
            found.append(_of_days(cube, i, "stuck_value", days, why, s))
    return found


def _of_days(cube: Cube, i: int, fault: str, days: NDArray[np.int64], why: str, signal: int) -> Finding:
    start, end = cube.start_ms + int(days[0]) * DAY_MS, cube.start_ms + (int(days[-1]) + 1) * DAY_MS
    return Finding(cube.installations[i], DATA, fault, SURE, start, end, 0.0, why, (str(HEATING[signal]),))


def clock_lag(outdoor: Array, weather: Array, step_min: int, reach_h: int = 12) -> NDArray[np.int64]:
    """Hours by which each installation's clock seems to be late (or early, negative); 0 where it does not stand out.

    The lag at which its outdoor temperature fits the peers' best, where that fits clearly better than no lag.
    """
    width = 60 // step_min
    shape = (len(outdoor), -1, width)
    own, peers = mean(outdoor.reshape(shape)), mean(weather.reshape(shape))
    own = own - median(own)[:, None]
    peers = peers - median(peers)[:, None]
    lags = np.arange(-reach_h, reach_h + 1)
    error = np.full((len(lags), len(own)), np.inf, dtype=np.float32)
    if own.shape[1] > 4 * reach_h:
        inner = slice(reach_h, own.shape[1] - reach_h)
        for row, lag in enumerate(lags.tolist()):
            shifted = np.roll(own, -lag, axis=1)[:, inner]
            error[row] = mean(np.abs(shifted - peers[:, inner]))
    error = np.nan_to_num(error, nan=np.inf)
    best = error.argmin(axis=0)
    at_zero, least = error[reach_h], error.min(axis=0)
    clear = (at_zero > 0.9) & (least < 0.45 * at_zero) & (np.abs(lags[best]) >= 1)
    return np.asarray(np.where(clear, lags[best], 0))


def _clock(cube: Cube, lags: NDArray[np.int64]) -> list[Finding]:
    end = cube.start_ms + cube.days * DAY_MS
    return [
        Finding(
            cube.installations[i], DATA, "clock_error", SURE, cube.start_ms, end, 0.0,
            f"its outdoor temperature fits the peers' {abs(int(lags[i]))} h {'later' if lags[i] > 0 else 'earlier'}:"
            " the clock or its zone is wrong", (str(HEATING[OUT]),),
        )
        for i in np.flatnonzero(lags).tolist()
    ]  # fmt: skip
