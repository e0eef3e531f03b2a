"""MTBF by equipment: homes ranked, homes pooled by what they have in common, pools compared.

Everything here is computed from one row per home: failures counted, hours in which they could have happened. A home
with little exposure is pulled towards its fleet, and its place in the ranking is what it has proved, not what it
promises.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from cloud.fleet.equipment_rates import CONFIDENCE, Mtbf, Ratio, mtbf, ratio
from cloud.fleet.equipment_shrinkage import Prior, fit_prior

UNKNOWN = "unknown"
# A home watched for less than this part of the longest watch has no place in the ranking, whatever it shows.
LEAST_PART = 1 / 20
_AGES = ((1, "under 1 year"), (2, "1 to 2 years"), (5, "2 to 5 years"), (10, "5 to 10 years"))


@dataclass(frozen=True, slots=True)
class Home:
    """What one home showed of one fault code.

    `exposure_h`: hours in which the failure could have begun, those failing left out; `failing_h`: hours failing;
    `observed_h`: hours with data. `equipment` is attribute → value, as `inverter_model` → "X1".
    """

    device: str
    failures: int
    exposure_h: float
    failing_h: float
    observed_h: float
    equipment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """A home in the ranking. `rank` is None where its watch was too short for a place (`LEAST_PART`).

    `shrunk` is the MTBF with what the fleet teaches, with its credible interval. Hours; None where there is none.
    """

    rank: int | None
    home: Home
    mtbf: Mtbf
    shrunk: Mtbf
    mttr_h: float | None
    availability: float | None


@dataclass(frozen=True, slots=True)
class Cohort:
    """Homes with one thing in common, pooled: failures and hours added up, so a home weighs what it was watched.

    `rank` is None where all together were watched too little for a place.

    `dispersion` is how much more the pooled count varies than a Poisson count, because homes differ; the intervals
    allow for it. `to_rest` is this cohort's failure rate over that of all other homes; `p_adjusted` is its p-value
    after Holm's correction for looking at all cohorts.
    """

    rank: int | None
    name: str
    homes: int
    failures: int
    exposure_h: float
    dispersion: float
    mtbf: Mtbf
    shrunk: Mtbf
    mttr_h: float | None
    availability: float | None
    to_rest: Ratio
    p_adjusted: float


def age_of(commissioned: str, today: date) -> str:
    """Cohort of an installation by its commissioning date (YYYY-MM-DD) on the day of the analysis."""
    try:
        since = date.fromisoformat(commissioned[:10])
    except ValueError:
        return UNKNOWN
    years = today.year - since.year - ((today.month, today.day) < (since.month, since.day))
    if years < 0:
        return UNKNOWN
    return next((name for limit, name in _AGES if years < limit), "10 years and more")


def rank_homes(homes: Sequence[Home], *, confidence: float = CONFIDENCE) -> list[Standing]:
    """Best first: by the lower credible bound of the shrunk MTBF, then those without a place, by the same order."""
    prior = _prior_of(homes)
    longest = max((home.exposure_h for home in homes), default=0.0)
    seen = max((home.observed_h for home in homes), default=0.0)
    rows = sorted((_row(home, prior, confidence) for home in homes), key=_order)
    placed = [row for row in rows if _has_place(row[0], longest, seen)]
    others = [row for row in rows if not _has_place(row[0], longest, seen)]
    return [_standing(i, row, confidence) for i, row in enumerate(placed, 1)] + [
        _standing(None, row, confidence) for row in others
    ]


_Row = tuple[Home, Mtbf]


def _row(home: Home, prior: Prior, confidence: float) -> _Row:
    return home, _shrunk(prior.posterior(home.failures, home.exposure_h), confidence)


def _order(row: _Row) -> tuple[float, float, str]:
    home, shrunk = row
    return -(shrunk.low or 0.0), -home.exposure_h, home.device


def _has_place(home: Home, longest: float, seen: float) -> bool:
    watched = home.exposure_h > 0 and home.exposure_h >= LEAST_PART * longest
    return watched and home.observed_h >= LEAST_PART * seen


def _standing(rank: int | None, row: _Row, confidence: float) -> Standing:
    home, shrunk = row
    own = mtbf(home.failures, home.exposure_h, confidence=confidence)
    return Standing(rank, home, own, shrunk, _mttr([home]), _availability([home]))


def _shrunk(known: Prior, confidence: float) -> Mtbf:
    return Mtbf(known.mtbf, *known.bounds(confidence))


def _prior_of(homes: Sequence[Home]) -> Prior:
    counts = np.array([home.failures for home in homes], dtype=np.float64)
    return fit_prior(counts, np.array([home.exposure_h for home in homes], dtype=np.float64))


def _mttr(homes: Iterable[Home]) -> float | None:
    together = list(homes)
    failures = sum(home.failures for home in together)
    return sum(home.failing_h for home in together) / failures if failures else None


def _availability(homes: Iterable[Home]) -> float | None:
    together = list(homes)
    up, down = sum(home.exposure_h for home in together), sum(home.failing_h for home in together)
    return up / (up + down) if up + down > 0 else None


def pool(homes: Sequence[Home], by: str, *, confidence: float = CONFIDENCE) -> list[Cohort]:
    """Cohorts by the attribute `by`, best first by the lower credible bound; homes without it are "unknown"."""
    groups: dict[str, list[Home]] = {}
    for home in homes:
        groups.setdefault(home.equipment.get(by) or UNKNOWN, []).append(home)
    wide = spread(list(groups.values()))
    pooled = {name: _pooled(group, wide) for name, group in groups.items()}
    prior = fit_prior(
        np.array([count for count, _, _ in pooled.values()]), np.array([hours for _, hours, _ in pooled.values()])
    )
    ratios = {name: _to_rest(name, pooled, confidence) for name in groups}
    adjusted = holm({name: found.p_value for name, found in ratios.items()})
    rows = [(name, _shrunk(prior.posterior(count, hours), confidence)) for name, (count, hours, _) in pooled.items()]
    hours = {name: sum(home.exposure_h for home in group) for name, group in groups.items()}
    placed = {name for name in groups if hours[name] > 0 and hours[name] >= LEAST_PART * max(hours.values())}
    rows.sort(key=lambda row: (row[0] not in placed, -(row[1].low or 0.0), row[0]))
    return [
        _cohort(
            rank if name in placed else None,
            name,
            groups[name],
            pooled[name][2],
            shrunk,
            ratios[name],
            adjusted[name],
            confidence,
        )
        for rank, (name, shrunk) in enumerate(rows, 1)
    ]


def _cohort(
    rank: int | None,
    name: str,
    group: Sequence[Home],
    dispersion: float,
    shrunk: Mtbf,
    to_rest: Ratio,
    p_adjusted: float,
    confidence: float,
) -> Cohort:
    failures, hours = sum(home.failures for home in group), sum(home.exposure_h for home in group)
    own = mtbf(failures, hours, confidence=confidence, dispersion=dispersion)
    mttr, up = _mttr(group), _availability(group)
    return Cohort(rank, name, len(group), failures, hours, dispersion, own, shrunk, mttr, up, to_rest, p_adjusted)


_Pooled = tuple[float, float, float]


def _pooled(group: Sequence[Home], wide: float) -> _Pooled:
    """Effective failures and hours of a group, and its dispersion."""
    by = dispersion(group, wide)
    return sum(home.failures for home in group) / by, sum(home.exposure_h for home in group) / by, by


def _to_rest(name: str, pooled: Mapping[str, _Pooled], confidence: float) -> Ratio:
    rest = [row for other, row in pooled.items() if other != name]
    return ratio(pooled[name][:2], (sum(row[0] for row in rest), sum(row[1] for row in rest)), confidence=confidence)


def spread(groups: Sequence[Sequence[Home]]) -> float:
    """Variance of the homes' rates around their group's, relative to its square: 1 / shape of the gamma-Poisson fit."""
    counts: list[float] = []
    expected: list[float] = []
    for group in groups:
        hours = sum(home.exposure_h for home in group)
        rate = sum(home.failures for home in group) / hours if hours > 0 else 0.0
        if len(group) > 1 and rate > 0:
            counts += [float(home.failures) for home in group]
            expected += [rate * home.exposure_h for home in group]
    if len(counts) < 2:
        return 0.0
    prior = fit_prior(np.array(counts), np.array(expected))
    return 1 / prior.shape if prior.shape < sum(counts) + 0.5 else 0.0


def dispersion(group: Sequence[Home], wide: float) -> float:
    """Variance of the group's failure count over its mean, ≥ 1, where the homes' rates spread by `wide`."""
    failures, hours = sum(home.failures for home in group), sum(home.exposure_h for home in group)
    squares = sum(home.exposure_h**2 for home in group)
    return 1.0 + wide * failures * squares / hours**2 if hours > 0 else 1.0


def compare(first: Sequence[Home], second: Sequence[Home], *, confidence: float = CONFIDENCE) -> Ratio:
    """Failure rate of the first cohort over the second's, with an interval that allows for homes that differ."""
    wide = spread([first, second])
    (k1, e1, _), (k2, e2, _) = _pooled(first, wide), _pooled(second, wide)
    return ratio((k1, e1), (k2, e2), confidence=confidence)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """p-values corrected for their number (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    adjusted, worst = {}, 0.0
    for i, name in enumerate(sorted(p_values, key=lambda name: (p_values[name], name))):
        worst = max(worst, min(1.0, p_values[name] * (len(p_values) - i)))
        adjusted[name] = worst
    return adjusted
