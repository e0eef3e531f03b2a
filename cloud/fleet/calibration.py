"""From a severity to a probability: how often a healthy installation of this fleet would look at least as bad.

The bulk of a fleet is healthy. Beyond its 90 % quantile the tail is taken as normal, with the width seen between the
75 % and 90 % quantiles: the faulty few lie beyond both and do not bend it.
"""

import numpy as np
from scipy.special import ndtr

from cloud.fleet.robust import Array, Floats

BEST_SCORE = 12.0
# A fleet whose severities hardly differ gives no scale of its own.
LEAST_WIDTH = 0.1
# Quantiles of the standard normal at 75 % and 90 %.
AT_75, AT_90 = 0.6745, 1.2816


def tail(severity: Array, reference: tuple[float, float] | None = None) -> Floats:
    """The probability of at least each severity under the fleet's own bulk, or under a stored one (75 %, 90 %)."""
    inner, outer = reference or bulk(severity)
    width = max((outer - inner) / (AT_90 - AT_75), LEAST_WIDTH)
    away = (severity.astype(np.float64) - outer) / width + AT_90
    return np.asarray(np.maximum(ndtr(-away), 1e-15))


def bulk(severity: Array) -> tuple[float, float]:
    """The 75 % and 90 % quantiles that `tail` starts from."""
    if not len(severity):
        return 0.0, 0.0
    inner, outer = np.quantile(severity, [0.75, 0.9])
    return float(inner), float(outer)


def score(probability: Floats, tests: int) -> Floats:
    """−log10 of the probability that any of `tests` judgements looks so bad on a healthy installation.

    >>> round(float(score(np.array([0.0001]), 10)[0]), 2)
    3.0
    """
    return np.asarray(np.clip(-np.log10(np.minimum(probability * tests, 1.0)), 0.0, BEST_SCORE))
