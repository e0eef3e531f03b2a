"""Gamma-Poisson shrinkage: what a fleet teaches about a home that has shown little yet.

Failures of home i are Poisson with mean rate_i × exposure_i, and the rates are Gamma(shape, exposure) over the fleet.
Both numbers come from the data by marginal likelihood (empirical Bayes; Gaver & O'Muircheartaigh, Technometrics 29,
1987).
"""

from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar
from scipy.special import gammaincinv

Floats = NDArray[np.float64]
_LEAST_SHAPE = 1e-3


@dataclass(frozen=True, slots=True)
class Prior:
    """Gamma distribution of rates: as if `shape` failures had been seen in `exposure` hours before."""

    shape: float
    exposure: float

    def posterior(self, failures: float, exposure: float) -> "Prior":
        """What is known of one home after its own `failures` in its own `exposure`."""
        return Prior(self.shape + failures, self.exposure + exposure)

    @property
    def mtbf(self) -> float | None:
        """Exposure over failures at the mean rate; None where nothing at all is known."""
        return self.exposure / self.shape if self.exposure > 0 else None

    def bounds(self, confidence: float) -> tuple[float | None, float | None]:
        """Credible interval of the MTBF."""
        if self.exposure <= 0:
            return None, None
        tail = (1 - confidence) / 2
        return (
            self.exposure / float(gammaincinv(self.shape, 1 - tail)),
            self.exposure / max(float(gammaincinv(self.shape, tail)), 1e-300),
        )


def fit_prior(failures: Floats, exposures: Floats) -> Prior:
    """The gamma distribution under which these counts are most likely.

    A fleet cannot teach more than it has seen: `shape` is at most all failures + ½, which is what is known of one
    common rate (Jeffreys), and is reached where the homes do not differ. Fewer than two homes under watch teach
    nothing: ½ in 0.
    """
    watched = exposures > 0
    counts, hours = failures[watched], exposures[watched]
    if len(counts) < 2:
        return Prior(0.5, 0.0)
    total, together = float(counts.sum()), float(hours.sum())
    if total == 0:
        return Prior(0.5, together)
    most = total + 0.5
    kinds, repeats = np.unique(counts, return_counts=True)
    sample = _Sample(counts, hours, kinds, repeats)
    found = minimize_scalar(
        lambda x: -sample.likelihood(exp(x)), bounds=(log(_LEAST_SHAPE), log(most)), method="bounded"
    )
    shape = exp(float(found.x))
    if sample.likelihood(most) >= sample.likelihood(shape):
        shape = most
    return Prior(shape, sample.best_exposure(shape))


@dataclass(frozen=True, slots=True)
class _Sample:
    counts: Floats
    hours: Floats
    kinds: Floats
    repeats: NDArray[np.int64]

    def best_exposure(self, shape: float) -> float:
        """The most likely prior exposure for this shape: where the slope, falling in b, is zero."""

        def slope(b: float) -> float:
            return float(len(self.counts) * shape / b - ((shape + self.counts) / (b + self.hours)).sum())

        guess = shape * float(self.hours.sum()) / float(self.counts.sum())
        low, high = guess, guess
        while slope(low) < 0:
            low /= 4
        while slope(high) > 0:
            high *= 4
        return float(brentq(slope, low, high, xtol=1e-12 * guess, rtol=1e-14)) if low < high else guess

    def likelihood(self, shape: float) -> float:
        """Log-likelihood of the negative binomial, up to what does not depend on the prior, at its best exposure."""
        b = self.best_exposure(shape)
        rises = sum(
            n * (lgamma(shape + k) - lgamma(shape))
            for k, n in zip(self.kinds.tolist(), self.repeats.tolist(), strict=True)
        )
        return float(rises - (shape * np.log1p(self.hours / b) + self.counts * np.log(b + self.hours)).sum())
