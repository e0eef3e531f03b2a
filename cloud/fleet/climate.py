"""The weather that an installation's peers see at the same hour: the reference that no single sensor can bend."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist, squareform

from cloud.fleet.robust import TO_SIGMA, Array, mean, median

# Installations that the climates are learned from; more teach nothing.
SAMPLE = 1200
BLOCK_H = 3
# Mean distance (K) up to which series of outdoor temperature are of one climate: so many times what neighbours differ.
ALIKE, SAME_CLIMATE = 2.2, (0.7, 1.5)
MOST_CLIMATES = 24
# A group of this share is a climate whatever it looks like; a smaller one must move like the largest one and lie (K)
# near one of those: towns on a coast and in the mountains may be further apart than that.
LARGE, ALIVE, NEAR = 0.15, 0.4, 9.0
# A town has weather of its own where so many of its sensors, and this share of them, say the same (K), on average so
# far (K) from the climate's.
TOWN, AGREEING, AGREE, APART = 3, 0.6, 1.5, 2.0


@dataclass(frozen=True, slots=True)
class Climates:
    """`series[c]`: outdoor temperature of climate c by day and slot. `of[i]`: the climate of installation i."""

    series: Array
    of: NDArray[np.int64]

    def at(self, rows: slice) -> Array:
        """The reference of some installations: installation × day × slot."""
        return self.series[self.of[rows]]


def learn(outdoor: Array, cities: list[str]) -> Climates:
    """Climates from `outdoor` (installation × day × slot), and the one of each installation.

    An installation whose own sensor fits no climate gets that of most others in its city, else the most common one.
    """
    blocks = _blocks(outdoor)
    usual = median(blocks.T)
    filled = np.where(np.isfinite(blocks), blocks, usual)
    filled = np.nan_to_num(filled - median(filled)[:, None])
    known = np.isfinite(blocks).mean(axis=1) > 0.5
    members = _weather(_groups(filled, known), filled, blocks)
    series = np.stack([_typical(outdoor[rows]) for rows in members])
    centres = np.stack([median(filled[rows].T) for rows in members])
    distance = np.stack([np.abs(filled - centre).mean(axis=1) for centre in centres], axis=1)
    of = distance.argmin(axis=1)
    best = distance.min(axis=1)
    centre = float(np.median(best))
    odd = best > centre + 6 * max(TO_SIGMA * float(np.median(np.abs(best - centre))), 0.15)
    return _by_height(Climates(series, _settle(of, odd | ~known, cities)), outdoor, blocks, cities)


def _blocks(outdoor: Array) -> Array:
    count, days, slots = outdoor.shape
    width = max(1, slots * BLOCK_H // 24)
    return mean(outdoor.reshape(count, days * slots // width, width))


def _groups(filled: Array, known: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Installations of each climate, largest group first, from an even sample of those with data."""
    rows = np.flatnonzero(known)
    if len(rows) < 3:
        return [rows if len(rows) else np.arange(len(filled))]
    rows = rows[:: max(1, len(rows) // SAMPLE)]
    reach = pdist(filled[rows], "cityblock") / filled.shape[1]
    nearest = squareform(reach) + np.diag(np.full(len(rows), np.inf))
    within = float(np.clip(ALIKE * np.median(nearest.min(axis=1)), *SAME_CLIMATE))
    label = fcluster(linkage(reach, "average"), within, "distance")
    # A handful of odd sensors alike is no climate.
    least = max(3, round(0.015 * len(rows)))
    groups = sorted((rows[label == each] for each in np.unique(label)), key=len, reverse=True)
    kept = [group for group in groups if len(group) >= least][:MOST_CLIMATES]
    return kept or [rows]


def _weather(groups: list[NDArray[np.int64]], filled: Array, blocks: Array) -> list[NDArray[np.int64]]:
    """Without small groups that are no weather: sensors that stand still or hang in a warm place, alike in that."""
    moves = [float(median(filled[group].T).std()) for group in groups]
    level = [float(np.nanmedian(median(blocks[group]))) for group in groups]
    whole = sum(map(len, groups))
    sure = [group is groups[0] or len(group) > LARGE * whole for group in groups]
    known = np.array(level)[sure]
    return [
        group
        for group, move, at, large in zip(groups, moves, level, sure, strict=True)
        if large or (move > ALIVE * moves[0] and np.abs(known - at).min() < NEAR)
    ]


def _typical(outdoor: Array) -> Array:
    """The members' median in every slot; a slot nobody has is interpolated."""
    series = median(np.moveaxis(outdoor, 0, -1))
    flat = series.ravel()
    good = np.flatnonzero(np.isfinite(flat))
    if len(good):
        flat = np.interp(np.arange(len(flat)), good, flat[good]).astype(np.float32)
    return flat.reshape(series.shape)


def _by_height(shapes: Climates, outdoor: Array, blocks: Array, cities: list[str]) -> Climates:
    """The same with a climate of its own for each town that is warmer or colder than its climate.

    One sensor that is off has no town behind it, so that names of towns are needed to tell.
    """
    off = blocks - _blocks(shapes.series)[shapes.of]
    of, series = shapes.of.copy(), [*shapes.series]
    names, town = np.unique(np.array(cities), return_inverse=True)
    order = np.argsort(town, kind="stable")
    for name, rows in zip(names, np.split(order, np.cumsum(np.bincount(town))[:-1]), strict=True):
        height = median(off[rows].T)
        agree = median(np.abs(off[rows] - height)) < AGREE
        if name and mean(np.abs(height)) > APART and agree.sum() >= max(TOWN, AGREEING * len(rows)):
            of[rows] = len(series)
            series.append(_typical(outdoor[rows[agree]]))
    return Climates(np.stack(series), of)


def _settle(of: NDArray[np.int64], odd: NDArray[np.bool_], cities: list[str]) -> NDArray[np.int64]:
    settled = of.copy()
    names = np.array(cities)
    for city in np.unique(names[odd]):
        here = names == city
        voters = of[here & ~odd] if city else of[~odd]
        if len(voters):
            settled[here & odd] = np.bincount(voters).argmax()
        elif (~odd).any():
            settled[here & odd] = np.bincount(of[~odd]).argmax()
    return settled
