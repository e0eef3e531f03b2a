"""Samples pressed into runs: so many samples of one class at one step. A home's year is some thousand runs.

A run never goes over a UTC midnight. How the rows were cut before does not matter: what is computed from runs adds up
whole milliseconds.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud.fleet.equipment_minutes import Ints

DAY_MS = 86_400_000
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Runs:
    """`count` samples of `kind` from `start` on, `step` ms apart, of device number `device`."""

    device: Ints
    start: Ints
    step: Ints
    count: Ints
    kind: Ints

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: NDArray[Any]) -> "Runs":
        """These runs only."""
        return Runs(self.device[rows], self.start[rows], self.step[rows], self.count[rows], self.kind[rows])

    @property
    def last(self) -> Ints:
        """Time of each run's last sample."""
        return self.start + self.step * (self.count - 1)


def press(code: NDArray[np.int32], at_ms: Ints, kind: NDArray[np.uint8]) -> Runs:
    """The runs of these samples, which may come in any order."""
    code, at_ms, kind = _ordered(code, at_ms, kind)
    size = len(at_ms)
    if size == 0:
        empty = np.zeros(0, dtype=np.int64)
        return Runs(empty, empty, empty, empty, empty)
    steps = np.diff(at_ms)
    new = np.ones(size, dtype=np.bool_)
    new[1:] = (kind[1:] != kind[:-1]) | (code[1:] != code[:-1])
    new[2:] |= steps[1:] != steps[:-1]
    day = at_ms // DAY_MS
    new[1:] |= day[1:] != day[:-1]
    first = np.flatnonzero(new)
    count = np.diff(first, append=size)
    step = np.where(count > 1, steps[np.minimum(first, size - 2)], 0) if size > 1 else np.zeros(1, dtype=np.int64)
    return Runs(code[first].astype(np.int64), at_ms[first], step, count, kind[first].astype(np.int64))


def _ordered(
    code: NDArray[np.int32], at_ms: Ints, kind: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], Ints, NDArray[np.uint8]]:
    same = code[1:] == code[:-1]
    if (at_ms[1:] >= at_ms[:-1])[same].all():
        if (code[1:] >= code[:-1]).all():
            return code, at_ms, kind
        order = np.argsort(code, kind="stable")
        if (np.diff(at_ms[order])[np.diff(code[order]) == 0] < 0).any():
            order = np.lexsort((at_ms, code))
    else:
        order = np.lexsort((at_ms, code))
    return code[order], at_ms[order], kind[order]


def arranged(runs: Runs) -> Runs:
    """The runs by device and time. Where runs of a device overlap, its samples stand alone and each instant once."""
    same = runs.device[1:] == runs.device[:-1]
    if ((runs.device[1:] < runs.device[:-1]) | (same & (runs.start[1:] <= runs.start[:-1]))).any():
        runs = runs.take(np.lexsort((runs.kind, runs.start, runs.device)))
        same = runs.device[1:] == runs.device[:-1]
    tangled = set(runs.device[1:][same & (runs.start[1:] <= runs.last[:-1])].tolist())
    tangled |= set(runs.device[(runs.count > 1) & (runs.step <= 0)].tolist())
    if not tangled:
        return runs
    chosen = np.isin(runs.device, np.array(sorted(tangled)))
    plain, loose = runs.take(~chosen), _spread_out(runs.take(chosen))
    both = Runs(
        *(
            np.concatenate((getattr(plain, name), getattr(loose, name)))
            for name in ("device", "start", "step", "count", "kind")
        )
    )
    return both.take(np.argsort(both.device, kind="stable"))


def _spread_out(runs: Runs) -> Runs:
    """Every sample a run of its own. Two of one instant: the lower kind is kept, whatever order they came in."""
    total = int(runs.count.sum())
    within = np.arange(total) - np.repeat(np.cumsum(runs.count) - runs.count, runs.count)
    at = np.repeat(runs.start, runs.count) + within * np.repeat(runs.step, runs.count)
    device, kind = np.repeat(runs.device, runs.count), np.repeat(runs.kind, runs.count)
    order = np.lexsort((kind, at, device))
    device, at, kind = device[order], at[order], kind[order]
    fresh = np.ones(total, dtype=np.bool_)
    fresh[1:] = (at[1:] != at[:-1]) | (device[1:] != device[:-1])
    alone = np.zeros(int(fresh.sum()), dtype=np.int64)
    return Runs(device[fresh], at[fresh], alone, alone + 1, kind[fresh])


def summed(device: NDArray[np.integer[Any]], amounts: Ints, devices: int) -> Ints:
    """Sums by device. They go through floats, which are exact below 2**53: 285,000 years in milliseconds."""
    sums: Ints = np.bincount(device, weights=amounts, minlength=devices).astype(np.int64)
    return sums


def next_ms(runs: Runs) -> Ints:
    """Time of the sample behind each run, -1 behind a device's last."""
    following = np.full(len(runs), -1, dtype=np.int64)
    same = runs.device[1:] == runs.device[:-1]
    following[:-1][same] = runs.start[1:][same]
    return following


def filled(marked: Bools, device: Ints) -> NDArray[np.int64]:
    """Index of the last marked run up to each run, of the same device; -1 where there is none."""
    place = np.where(marked, np.arange(len(marked)), -1)
    latest = np.maximum.accumulate(place) if len(place) else place
    foreign = (latest >= 0) & (device[np.maximum(latest, 0)] != device) if len(place) else marked
    return np.where(foreign, -1, latest).astype(np.int64)
