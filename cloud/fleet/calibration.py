"""From a severity to a probability: how often a healthy installation of this fleet would look at least as bad.

The bulk of a fleet is healthy. Beyond its 90 % quantile the tail is taken as normal, with the width seen between the
75 % and 90 % quantiles, or between 90 % and 96 % where a larger fleet shows that it falls faster there: the faulty few
lie beyond these and do not bend them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from cloud.fleet.robust import Array, Floats

BEST_SCORE = 12.0
# A fleet whose severities hardly differ gives no width of its own.
LEAST_WIDTH = 0.1
# Fleets from this size on have an outer quantile worth looking at.
LARGE = 150
SHARES = (0.75, 0.90, 0.96)
# Severities of one side only (a distance, an amplitude) have a tail a little longer than their quantiles say.
LONGER = 1.15
# Quantiles of few are uncertain: from 60 the width comes out 30 % too small or too large (standard error 2.4 / √n of a
# normal's), and one too small flags healthy ones more than one too large saves. It grows by this over their number: a
# tenth for 60, nothing to speak of for 2,000.
UNSURE = 6.0


@dataclass(frozen=True, slots=True)
class Bulk:
    """The severity at the fleet's 90 % quantile and the width (as a standard deviation) of the tail beyond it."""

    edge: float
    width: float


def bulk(severity: Array) -> Bulk:
    """The bulk that `tail` starts from."""
    if not len(severity):
        return Bulk(0.0, LEAST_WIDTH)
    inner, edge, outer = (float(value) for value in np.quantile(severity, SHARES))
    at = ndtri(SHARES)
    width = (edge - inner) / (at[1] - at[0])
    if len(severity) >= LARGE:
        width = min(max((outer - edge) / (at[2] - at[1]), 0.5 * width), width)
    return Bulk(edge, max(LONGER * (1 + UNSURE / len(severity)) * float(width), LEAST_WIDTH))


def tail(severity: Array, reference: Bulk | None = None) -> Floats:
    """The probability of at least each severity under the fleet's own bulk, or under a given one."""
    healthy = reference or bulk(severity)
    away = (severity.astype(np.float64) - healthy.edge) / healthy.width + ndtri(SHARES[1])
    return np.asarray(np.maximum(ndtr(-away), 1e-15))


def score(probability: Floats, share: float) -> Floats:
    """−log10 of the probability that a healthy installation looks so bad in any judgement.

    `share` is the part of all false alarms that this judgement may take; the parts add up to 1 (Bonferroni, weighted).

    >>> round(float(score(np.array([0.0001]), 0.1)[0]), 2)
    3.0
    """
    return np.asarray(np.clip(-np.log10(np.clip(probability / share, 1e-30, 1.0)), 0.0, BEST_SCORE))
