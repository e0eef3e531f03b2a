"""Is it getting better or worse? Laplace's test and the power law of a repairable system.

Each home is watched from 0 to its `end`; its failures have times in between on the same clock (exposure or calendar).
Sources: Cox & Lewis, The Statistical Analysis of Series of Events (1966), § 3.3; Crow, Reliability Analysis for
Complex, Repairable Systems (1974); MIL-HDBK-189C § 6.2.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import erfc, log, sqrt

from scipy.special import gammaincinv


@dataclass(frozen=True, slots=True)
class Watch:
    """One home: failures at `times`, each in 0 < t ≤ `end`, watched until `end`."""

    times: Sequence[float]
    end: float


@dataclass(frozen=True, slots=True)
class Laplace:
    """`score` is normal where the rate is constant: above 0 failures crowd late (worse), below 0 early (better)."""

    score: float
    p_value: float


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """Expected failures by t are `scale` · t^`shape`. Shape above 1: failures come faster and faster.

    `mtbf_now` is the MTBF of one system at the end of the watch if it is left as it is.
    """

    shape: float
    shape_low: float
    shape_high: float
    scale: float
    mtbf_now: float


def laplace(watches: Iterable[Watch], *, by_failure: bool = False) -> Laplace | None:
    """Laplace's test over several homes; None without a failure. `by_failure`: each watch ended at its last failure."""
    excess, variance = 0.0, 0.0
    for watch in watches:
        times = sorted(watch.times)[:-1] if by_failure else watch.times
        excess += sum(times) - len(times) * watch.end / 2
        variance += len(times) * watch.end**2 / 12
    if variance == 0:
        return None
    score = excess / sqrt(variance)
    return Laplace(score, erfc(abs(score) / sqrt(2)))


def power_law(watches: Sequence[Watch], *, confidence: float = 0.95, by_failure: bool = False) -> PowerLaw | None:
    """Crow-AMSAA fit with one shape for all homes; None with fewer than two failures.

    The shape is most likely given how often each home failed, so homes may differ in level; the scale is their mean.
    The shape's bounds are exact: 2·n·shape/estimate is χ² with 2n degrees of freedom (2n less two per home where each
    watch ended at its last failure).
    """
    count = sum(len(watch.times) for watch in watches)
    free = count - (len([w for w in watches if w.times]) if by_failure else 0)
    logs = sum(log(watch.end / t) for watch in watches for t in watch.times)
    if count < 2 or free < 1 or logs <= 0:
        return None
    shape = count / logs
    tail = (1 - confidence) / 2
    scale = count / sum(watch.end**shape for watch in watches)
    longest = max(watch.end for watch in watches)
    low, high = (shape * float(gammaincinv(free, q)) / count for q in (tail, 1 - tail))
    return PowerLaw(shape, low, high, scale, 1 / (scale * shape * longest ** (shape - 1)))
