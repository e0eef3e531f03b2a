"""Groups of installations that heat alike, under names that stay from night to night.

Ward's tree over at most `SAMPLE` installations gives the groups (all of them up to that size: the exact method); every
installation then joins the nearest centre. Features are scaled by the fleet's median and MAD, which are kept in the
state, so that a week is compared with the last one and not with itself.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from cloud.fleet.curve import Curve
from cloud.fleet.daily import ROOM, Daily
from cloud.fleet.robust import TO_SIGMA, Floats, mean, median

FEATURES = (
    "room level",
    "daily range of the room",
    "flow per degree of cold",
    "response to the weather",
    "swing of flow",
    "weekend setback",
)
SAMPLE = 3000
MOST = 8
CLIP = 4.0
ROUNDS = 60
# Groups under this share of the fleet (or this few) are exceptions, not kinds of building.
TINY_SHARE, TINY = 0.01, 3
SAME_CLUSTER = 1.5
NEARLY, STILL_GOOD = 0.95, 0.7
# Bimodality coefficient from which a feature counts as falling into humps; the weight of one that only scatters.
HUMPS, LEAST_WEIGHT = 0.4, 0.2


@dataclass(frozen=True, slots=True)
class Scale:
    """Median and MAD (as standard deviation) of each feature in the fleet this was learned from.

    `weight`: how much a feature speaks for kinds. One that falls into humps does, one that only scatters hardly does.
    """

    centre: list[float]
    spread: list[float]
    weight: list[float]


@dataclass(frozen=True, slots=True)
class Clusters:
    """`of[i]`: place of installation i's cluster in `names` and `centres` (scaled), −1 where it has too little data.

    `distance`: of each installation to its centre, per feature in standard deviations of the fleet.
    """

    names: list[str]
    centres: Floats
    of: NDArray[np.int64]
    distance: Floats
    scale: Scale
    features: tuple[str, ...] = FEATURES

    def sizes(self) -> list[int]:
        return [int((self.of == place).sum()) for place in range(len(self.names))]

    def tiny(self) -> NDArray[np.bool_]:
        """Which installations stand in a cluster of very few."""
        sizes = np.array([*self.sizes(), 0])
        few = sizes < max(TINY, TINY_SHARE * (self.of >= 0).sum())
        return np.asarray(few[self.of] & (self.of >= 0))


def features(daily: Daily, curve: Curve, start_weekday: int) -> Floats:
    """Installation × feature, in the order of `FEATURES`; NaN where the data cannot tell."""
    day = (np.arange(daily.weather.shape[1]) + start_weekday) % 7
    weekend, week = daily.warm[:, day >= 5], daily.warm[:, day < 5]
    setback = mean(week) - mean(weekend) if weekend.size and week.size else np.zeros(len(daily.warm))
    columns = (
        median(daily.warm),
        np.log(median(daily.deviation[:, :, ROOM]) + 0.1),
        np.log(np.maximum(curve.rise, 0.05)),
        curve.response,
        np.log(median(daily.swing) + 0.3),
        setback,
    )
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def scale_of(table: Floats) -> Scale:
    """The fleet's own median and MAD of each feature."""
    centre = [float(np.nanmedian(column)) if np.isfinite(column).any() else 0.0 for column in table.T]
    spread = [
        max(TO_SIGMA * float(np.nanmedian(np.abs(column - middle))), 1e-3) if np.isfinite(column).any() else 1.0
        for column, middle in zip(table.T, centre, strict=True)
    ]
    scaled = np.clip((table - centre) / spread, -CLIP, CLIP)
    return Scale(centre, spread, [_humps(column[np.isfinite(column)]) for column in scaled.T])


def _humps(column: Floats) -> float:
    """1 where the bimodality coefficient (skewness² + 1) / kurtosis, 1/3 for a normal hump, tells of several humps."""
    away = column - column.mean() if len(column) else column
    variance = float((away**2).mean()) if len(column) else 0.0
    if variance < 1e-9:
        return LEAST_WEIGHT
    skewness, kurtosis = float((away**3).mean()) / variance**1.5, float((away**4).mean()) / variance**2
    return 1.0 if (skewness**2 + 1) / kurtosis > HUMPS else LEAST_WEIGHT


def group(
    table: Floats,
    usable: NDArray[np.bool_],
    teachers: NDArray[np.bool_] | None = None,
    scale: Scale | None = None,
    named: tuple[str, ...] = FEATURES,
    known: Floats | None = None,
) -> Clusters:
    """Clusters of the usable rows, largest first, named A, B, C …; only `teachers` shape them (default: all).

    `named` are the table's columns in words, `known` the (scaled) centres of the last night: they are kept unless
    others separate the fleet clearly better.
    """
    teachers = usable if teachers is None or not (teachers & usable).any() else teachers & usable
    scale = scale or scale_of(table[teachers])
    scaled = np.clip((table - scale.centre) / scale.spread, -CLIP, CLIP)
    scaled = np.nan_to_num(scaled)  # an unknown feature speaks neither way
    rows = np.flatnonzero(teachers)
    of = np.full(len(table), -1, dtype=np.int64)
    if len(rows) < 4:
        of[usable] = 0
        centres = np.zeros((1, table.shape[1]))
    else:
        weighted = scaled * scale.weight
        sample = weighted[rows[:: max(1, -(-len(rows) // SAMPLE))]]
        first = _first_centres(sample, None if known is None else known * np.array(scale.weight))
        centres = _settled(weighted[rows], first)
        of[usable] = cdist(weighted[usable], centres).argmin(axis=1)
        centres, of = _by_size(centres, of)
        taught = teachers & (of >= 0)
        centres = np.stack([
            scaled[taught & (of == place)].mean(axis=0) if (taught & (of == place)).any() else centres[place]
            for place in range(len(centres))
        ])  # fmt: skip
    away = np.abs(scaled - centres[np.maximum(of, 0)])
    distance = np.sqrt((away**2).mean(axis=1))
    return Clusters([letters(place) for place in range(len(centres))], centres, of, distance, scale, named)


def _first_centres(sample: Floats, known: Floats | None) -> Floats:
    """Centres of the cut of Ward's tree into 2 to `MOST` groups that separates best (Caliński–Harabasz).

    Of cuts that are nearly as good the finest is taken: a count of kinds must not depend on chance. The known centres,
    as far as anybody is near them, are as good as `STILL_GOOD` of the best.
    """
    tree = linkage(sample, "ward")
    cuts: list[tuple[float, Floats]] = []
    for count in range(2, min(MOST, len(sample) // 2) + 1):
        label = fcluster(tree, count, "maxclust")
        centres = _settled(sample, np.stack([sample[label == each].mean(axis=0) for each in np.unique(label)]))
        cuts.append((_worth(sample, centres), centres))
    best = max(worth for worth, _ in cuts)
    if known is not None and len(known) > 1:
        label = cdist(sample, known).argmin(axis=1)
        centres = _settled(sample, known[np.unique(label)])
        if len(centres) > 1 and _worth(sample, centres) >= STILL_GOOD * best:
            return centres
    return next(centres for worth, centres in reversed(cuts) if worth >= NEARLY * best)


def _worth(sample: Floats, centres: Floats) -> float:
    """What the groups explain over what they leave, each by its degrees of freedom."""
    total = float(((sample - sample.mean(axis=0)) ** 2).sum())
    within = float(cdist(sample, centres, "sqeuclidean").min(axis=1).sum())
    return (total - within) / (len(centres) - 1) / max(within / max(len(sample) - len(centres), 1), 1e-9)


def _settled(scaled: Floats, centres: Floats) -> Floats:
    """Centres moved to the middle of their members until nobody changes (Lloyd)."""
    before = np.full(len(scaled), -1)
    for _ in range(ROUNDS):
        label = cdist(scaled, centres).argmin(axis=1)
        if (label == before).all():
            break
        before = label
        centres = np.stack([
            scaled[label == each].mean(axis=0) if (label == each).any() else centres[each]
            for each in range(len(centres))
        ])  # fmt: skip
    return centres


def _by_size(centres: Floats, of: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
    sizes = np.bincount(of[of >= 0], minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 0]
    place = np.full(len(centres) + 1, -1)
    place[order] = np.arange(len(order))
    return centres[order], np.asarray(place[of])


def letters(number: int) -> str:
    """A, B … Z, AA, AB …

    >>> letters(0), letters(25), letters(26)
    ('A', 'Z', 'AA')
    """
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def renamed(clusters: Clusters, known: dict[str, list[float]]) -> Clusters:
    """The clusters under the names of an earlier night's centres where they are the same; new ones get new letters."""
    names: list[str | None] = [None] * len(clusters.names)
    if known:
        before = np.array(list(known.values()))
        away = cdist(clusters.centres, before) / np.sqrt(before.shape[1])
        for new, old in zip(*linear_sum_assignment(away), strict=True):
            if away[new, old] <= SAME_CLUSTER:
                names[new] = list(known)[old]
    fresh = (letters(number) for number in range(len(known) + len(names) + 1) if letters(number) not in known)
    settled = [name or next(fresh) for name in names]
    return replace(clusters, names=settled)


def moved(clusters: Clusters, installations: list[str], before: dict[str, str]) -> dict[str, str]:
    """Installation → the cluster that it was in before, for those that are in another one now."""
    return {
        name: before[name]
        for name, place in zip(installations, clusters.of.tolist(), strict=True)
        if place >= 0 and before.get(name, clusters.names[place]) != clusters.names[place]
    }


def describe(clusters: Clusters, place: int) -> str:
    """A cluster in words: what is higher or lower in it than in the fleet's middle."""
    centre = clusters.centres[place]
    words = [
        f"{'high' if centre[column] > 0 else 'low'} {clusters.features[column]}"
        for column in np.argsort(-np.abs(centre))[:3].tolist()
        if abs(centre[column]) > 0.6
    ]
    return ", ".join(words) or "like the fleet's middle"
