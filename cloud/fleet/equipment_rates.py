"""Failure rates of counted failures over a time under watch, and their intervals.

Counts are Poisson; homes that differ among themselves make a pooled count vary more than that, by the factor
`dispersion` ≥ 1, and counts and exposure are divided by it before an interval is taken (quasi-likelihood; McCullagh &
Nelder, Generalized Linear Models, 1989, § 6.2).
"""

from dataclasses import dataclass

from scipy.special import betainc, betaincinv, gammaincinv

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Mtbf:
    """Mean time between failures in hours with its bounds. `hours` and `high` are None where there was no failure."""

    hours: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Ratio:
    """Rate of the first group over the rate of the second. None where the data set no bound (or no value).

    `p_value` is two-sided: how often equal rates would show a difference at least this large.
    """

    value: float | None
    low: float | None
    high: float | None
    p_value: float


def mtbf(failures: float, exposure_h: float, *, confidence: float = CONFIDENCE, dispersion: float = 1.0) -> Mtbf:
    """MTBF of `failures` in `exposure_h` hours that ended by time, not by a failure.

    Chi-square bounds: 2E/χ²(2k+2) and 2E/χ²(2k), written as gamma quantiles. No failure: only the one-sided lower
    bound.
    """
    if exposure_h <= 0:
        return Mtbf(None, None, None)
    count, exposure = failures / dispersion, exposure_h / dispersion
    if failures == 0:
        return Mtbf(None, exposure / float(gammaincinv(1.0, confidence)), None)
    tail = (1 - confidence) / 2
    low = exposure / float(gammaincinv(count + 1, 1 - tail))
    return Mtbf(exposure_h / failures, low, exposure / float(gammaincinv(count, tail)))


def ratio(
    first: tuple[float, float],
    second: tuple[float, float],
    *,
    confidence: float = CONFIDENCE,
    dispersions: tuple[float, float] = (1.0, 1.0),
) -> Ratio:
    """Ratio of two rates, each given as `(failures, exposure)`.

    Given the sum of both counts the first is binomial: Clopper-Pearson bounds of its share, exact where both
    dispersions are 1 (Przyborowski & Wilenski, Biometrika 31, 1940). The p-value doubles the smaller tail, so that it
    is below 1 - `confidence` exactly where the interval leaves 1 out.
    """
    (k1, e1), (k2, e2) = first, second
    if e1 <= 0 or e2 <= 0:
        return Ratio(None, None, None, 1.0)
    n1, n2 = k1 / dispersions[0], k2 / dispersions[1]
    odds = (e2 / dispersions[1]) / (e1 / dispersions[0])
    tail = (1 - confidence) / 2
    low = _odds(float(betaincinv(n1, n2 + 1, tail))) * odds if n1 > 0 else (0.0 if n2 > 0 else None)
    high = _odds(float(betaincinv(n1 + 1, n2, 1 - tail))) * odds if n2 > 0 else None
    value = (k1 / e1) / (k2 / e2) if k2 > 0 else None
    return Ratio(value, low, high, _p_value(n1, n2, 1 / (1 + odds)))


def _odds(share: float) -> float:
    return share / (1 - share)


def _p_value(n1: float, n2: float, share: float) -> float:
    at_least = float(betainc(n1, n2 + 1, share)) if n1 > 0 else 1.0
    at_most = float(betainc(n2, n1 + 1, 1 - share)) if n2 > 0 else 1.0
    return min(1.0, 2 * min(at_least, at_most))
