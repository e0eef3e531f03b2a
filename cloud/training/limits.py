"""Limits that healthy sites of the fleet set: how far the figures of a watch go when nothing is wrong."""

from collections.abc import Sequence
from math import log
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.domain.learned_head import BLOCK_FREE_DAYS, Prior
from agent.domain.learned_plan import Plan, Target
from agent.domain.learned_watch import FIGURES, Limits, SiteWatch, TargetWatch
from cloud.training.priors import OneTarget

Array = npt.NDArray[np.float64]
YEAR_DAYS: Final = 365.0
_EULER: Final = 0.5772156649
_LEAST_OF: Final = (1.0, 1.0, 0.8, 1.0, 0.1)


def figures_of(site: OneTarget, prior: Prior, target: Target, limits: Limits) -> Array:
    """Of each judged day its number and its figures by their limits; everything is learned."""
    watch, rows = TargetWatch(prior, target, limits), []
    for number in range(site.days):
        day = site.day_sums(number, watch.head.weights, target.tau)
        figures = watch.judge(day)
        if figures is not None and watch.head.days >= BLOCK_FREE_DAYS:
            rows.append([float(site.day[site.first[number]]), *figures])
        watch.learn(suspected=False)
    return np.array(rows).reshape(-1, 1 + len(FIGURES))


def limits_of(sites: Sequence[OneTarget], prior: Prior, target: Target, *, targets: int, per_year: float) -> Limits:
    """Limits at which a site has `per_year` false findings over `targets` targets.

    The largest figure of each half year of each site follows a Gumbel distribution (E. J. Gumbel, 1958), fitted by its
    moments; the limit is passed by so few half years that all figures of all targets together keep to `per_year`.
    """
    loose = Limits([1.0] * len(FIGURES), [1.0] * len(FIGURES))
    plain = [figures_of(site, prior, target, loose) for site in sites]
    pooled = np.concatenate(plain)[:, 1:]
    usual = np.sqrt(np.maximum(np.mean(np.minimum(pooled, 9.0) ** 2, axis=0), 0.01))
    again = Limits(usual.tolist(), [1.0] * len(FIGURES))
    half = YEAR_DAYS / 2
    largest = []
    for site in sites:
        rows = figures_of(site, prior, target, again)
        for number in np.unique(rows[:, 0] // half):
            inside = rows[rows[:, 0] // half == number]
            if len(inside) >= half / 4:
                largest.append(inside[:, 1:].max(axis=0))
    peaks = np.array(largest)
    share = per_year / 2.0 / targets / len(FIGURES)
    scale = peaks.std(axis=0) * 6.0**0.5 / np.pi
    limit = peaks.mean(axis=0) - _EULER * scale - scale * log(-log(1.0 - share))
    return Limits(usual.tolist(), np.maximum(limit, _LEAST_OF).tolist())


def watched(
    site: Sequence[OneTarget], plan: Plan, priors: Sequence[Prior], limits: Sequence[Limits], from_day: int
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """A whole site: by day the score, the targets' scores, and whether a finding lasts."""
    watch = SiteWatch([TargetWatch(*each) for each in zip(priors, plan.targets, limits, strict=True)])
    last = max((int(one.day[-1]) for one in site if one.days), default=-1)
    places = [{int(one.day[first]): n for n, first in enumerate(one.first[:-1])} for one in site]
    score, parts, active = np.zeros(last + 1), np.zeros((last + 1, len(site))), np.zeros(last + 1, dtype=np.bool_)
    for day in range(last + 1):
        sums = [
            one.day_sums(place[day], each.head.weights, each.head.tau) if day in place else None
            for one, place, each in zip(site, places, watch.targets, strict=True)
        ]
        told = watch.close(sums, ready=day >= from_day)
        score[day], parts[day], active[day] = told.score, told.targets, watch.active
    return score, parts, active
