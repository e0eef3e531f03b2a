"""Quantiles of the chi-square and F distributions, which confidence intervals of reliability figures need.

Series and continued fractions: Abramowitz & Stegun, "Handbook of Mathematical Functions", 6.5.29, 6.5.31 (incomplete
gamma) and 26.5.8 (incomplete beta), evaluated by Lentz's method; inverted by bisection, so that no start value can lead
it astray. Relative error about 1e-12.
"""

from collections.abc import Callable
from math import exp, inf, lgamma, log, log1p
from typing import Final

_TINY: Final = 1e-300
_EPSILON: Final = 1e-16
_MAX_TERMS: Final = 100_000


def chi_square_quantile(p: float, degrees_of_freedom: float) -> float:
    """The x that a chi-square variable stays below with probability `p`.

    >>> round(chi_square_quantile(0.95, 2), 6)
    5.991465
    """
    _check(p, degrees_of_freedom)
    half = degrees_of_freedom / 2
    return 2 * _invert(lambda x: _gamma_p(half, x), p)


def f_quantile(p: float, numerator_df: float, denominator_df: float) -> float:
    """The x that an F variable stays below with probability `p`.

    >>> round(f_quantile(0.975, 4, 4), 6)
    9.60453
    """
    _check(p, numerator_df, denominator_df)
    a, b = numerator_df / 2, denominator_df / 2
    return _invert(lambda x: _beta_i(a, b, a * x / (a * x + b)), p)


def _check(p: float, *degrees_of_freedom: float) -> None:
    if not 0 < p < 1:
        raise ValueError(f"probability {p} is not between 0 and 1")
    if min(degrees_of_freedom) <= 0:
        raise ValueError(f"degrees of freedom {min(degrees_of_freedom)} are not above 0")


def _invert(rising: Callable[[float], float], p: float) -> float:
    """The x > 0 at which `rising` reaches `p`: bracketed by powers of two, then halved down to the last digits."""
    low = high = 1.0
    while rising(high) < p and high < inf:
        low, high = high, high * 2
    while rising(low) > p and low > _TINY:
        low, high = low / 2, low
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if rising(middle) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _gamma_p(a: float, x: float) -> float:
    """Regularised lower incomplete gamma function P(a, x)."""
    if x <= 0:
        return 0.0
    front = exp(a * log(x) - x - lgamma(a))
    if x < a + 1:
        return front * _gamma_series(a, x)
    return 1.0 - front * _gamma_fraction(a, x)


def _gamma_series(a: float, x: float) -> float:
    term = total = 1.0 / a
    for n in range(1, _MAX_TERMS):
        term *= x / (a + n)
        total += term
        if term < total * _EPSILON:
            break
    return total


def _gamma_fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c = 1 / _TINY
    d = result = 1 / b
    for n in range(1, _MAX_TERMS):
        factor = -n * (n - a)
        b += 2
        d = 1 / _away_from_zero(factor * d + b)
        c = _away_from_zero(b + factor / c)
        result *= c * d
        if abs(c * d - 1) < _EPSILON:
            break
    return result


def _beta_i(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, 1 - x) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    c = 1.0
    d = result = 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for factor in (even, odd):
            d = 1 / _away_from_zero(1 + factor * d)
            c = _away_from_zero(1 + factor / c)
            result *= c * d
        if abs(c * d - 1) < _EPSILON:
            break
    return result


def _away_from_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
