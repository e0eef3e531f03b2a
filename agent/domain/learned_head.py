"""What one site shows beyond the fleet: Bayesian linear regression on the numbers of a network, day by day.

The fleet gives the prior (mean and spread of the weights over its sites), the site's own days the rest. Samples of one
day hang together, so a day counts as `WORTH` observations however many samples it has. The regression follows an
expectile (W. K. Newey, J. L. Powell, Econometrica 55, 1987): samples above it weigh `tau`, those below 1 − `tau`.
"""

from collections.abc import Sequence
from math import log
from typing import Any, Final

import msgspec

from agent.domain.learned_reach import DayReach

WORTH: Final = 3.0
LEAST_SAMPLES: Final = 4
HALF_LIFE_DAYS: Final = 250.0
BLOCK_FREE_DAYS: Final = 7  # days to have learned before anything is told
_PRIOR_DAYS: Final = 20.0
_NOISE_DAYS: Final = 90.0
_WINSOR: Final = 3.0
_FLOOR: Final = 1e-10
Matrix = list[list[float]]


class Prior(msgspec.Struct, array_like=True, frozen=True):
    """What the fleet knows of a target: the weights (the last is the constant), their precision, and the noise.

    `sample_var` is of a sample around the expectation, `day_var` of a day's mean residual, both in the target's unit
    squared; `spread` and `spread_var` are mean and variance of the log of a day's mean squared residual, `site_var` the
    variance of that mean from site to site.
    """

    weights: list[float]
    precision: list[list[float]]
    sample_var: float
    day_var: float
    spread: float
    spread_var: float
    site_var: float


class DaySums:
    """One day of one target, summed up sample by sample."""

    __slots__ = ("n", "r", "reach", "rr", "w", "x", "xx", "xy")

    def __init__(self, size: int) -> None:
        self.n = 0
        self.w = 0.0
        self.r = 0.0
        self.rr = 0.0
        self.x = [0.0] * size
        self.xy = [0.0] * size
        self.xx = [0.0] * (size * (size + 1) // 2)
        self.reach = DayReach()

    def add(self, x: Sequence[float], y: float, residual: float, weight: float) -> None:
        """Take in a sample; `x` ends with 1."""
        self.n += 1
        self.w += weight
        self.r += weight * residual
        self.rr += weight * residual * residual
        total, place, products = self.x, 0, self.xx
        weighted_y = weight * y
        for i, each in enumerate(x):
            weighted = weight * each
            total[i] += weighted
            self.xy[i] += weighted_y * each
            for other in x[: i + 1]:
                products[place] += weighted * other
                place += 1

    def take(self, other: "DaySums", share: float) -> None:
        """Add `share` of what `other` holds."""
        self.n += other.n
        self.w += share * other.w
        self.r += share * other.r
        self.rr += share * other.rr
        for mine, theirs in ((self.x, other.x), (self.xy, other.xy), (self.xx, other.xx)):
            for place, value in enumerate(theirs):
                mine[place] += share * value

    def state(self) -> list[Any]:
        return [self.n, self.w, self.r, self.rr, self.x, self.xy, self.xx, self.reach.state()]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "DaySums":
        sums = cls(len(state[4]))
        sums.n, sums.w, sums.r, sums.rr = state[:4]
        sums.x, sums.xy, sums.xx = list(state[4]), list(state[5]), list(state[6])
        sums.reach = DayReach.from_state(state[7])
        return sums


class DayVerdict(msgspec.Struct, array_like=True, frozen=True):
    """How far a day lay from what was expected, in standard deviations: its mean, and its spread."""

    mean: float
    spread: float


class Block:
    """Days that were judged and wait to be learned: each counts as `WORTH` observations, an odd one as less.

    `figures` is room for sums that whoever judges the days keeps with them.
    """

    __slots__ = ("days", "figures", "mean_squares", "spreads", "sums")

    def __init__(self, size: int) -> None:
        self.sums = DaySums(size)
        self.days = 0
        self.mean_squares = 0.0
        self.spreads = 0.0
        self.figures: list[float] = []

    def take(self, day: DaySums, verdict: DayVerdict) -> None:
        """Add a day."""
        trust = min(1.0, _WINSOR / max(abs(verdict.mean), 1e-9)) ** 2
        self.sums.take(day, trust * WORTH / max(day.w, 1e-9))
        self.days += 1
        self.mean_squares += min(abs(verdict.mean), _WINSOR) ** 2
        self.spreads += max(-_WINSOR, min(_WINSOR, verdict.spread))

    def state(self) -> list[Any]:
        return [self.sums.state(), self.days, self.mean_squares, self.spreads, self.figures]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Block":
        block = cls(len(state[0][4]))
        block.sums = DaySums.from_state(state[0])
        block.days, block.mean_squares, block.spreads = state[1:4]
        block.figures = list(state[4])
        return block


class Head:
    """The expectation of one target at one site."""

    __slots__ = ("_prior", "day_var", "days", "precision", "shift", "spread", "tau", "weights")

    def __init__(self, prior: Prior, tau: float) -> None:
        self._prior = prior
        self.tau = tau
        self.weights = list(prior.weights)
        self.precision: Matrix = [list(row) for row in prior.precision]
        self.shift = _times(self.precision, self.weights)
        self.day_var = prior.day_var
        self.spread = prior.spread
        self.days = 0

    def residual(self, x: Sequence[float], y: float) -> tuple[float, float]:
        """`(residual, weight)` of a sample; `x` ends with 1. The weights of a mean are all 1."""
        residual = y
        for weight, each in zip(self.weights, x, strict=True):
            residual -= weight * each
        return residual, 2.0 * (self.tau if residual > 0.0 else 1.0 - self.tau)

    def judge(self, day: DaySums) -> DayVerdict | None:
        """How a day lay; None where it has too few samples."""
        if day.n < LEAST_SAMPLES:
            return None
        centre = [each / day.n for each in day.x]
        variance = self.day_var + self._uncertainty(centre)
        log_square = log(day.rr / day.n + _FLOOR)
        known = self.days / (self.days + _PRIOR_DAYS)
        spread_var = self._prior.spread_var + self._prior.site_var * (1.0 - known)
        # Where the weights are not known yet, large residuals are no news.
        unknown = log(1.0 + variance / (self.day_var or _FLOOR)) - log(2.0)
        above = log_square - self.spread
        above -= min(max(above, 0.0), unknown)
        return DayVerdict(day.r / day.n / variance**0.5, above / spread_var**0.5)

    def _uncertainty(self, x: Sequence[float]) -> float:
        """Variance of the expectation at `x` that the weights leave open."""
        solved = solve(self.precision, x)
        return max(0.0, sum(a * b for a, b in zip(x, solved, strict=True)))

    def learn(self, block: Block) -> None:
        """Take in days that were judged healthy; what the site said long ago fades, what the fleet says does not."""
        if not block.days:
            return
        prior, fade = self._prior, 0.5 ** (block.days / HALF_LIFE_DAYS)
        place, gain = 0, 1.0 / prior.sample_var
        for i, row in enumerate(self.precision):
            for j in range(i + 1):
                fresh = fade * row[j] + (1.0 - fade) * prior.precision[i][j] + gain * block.sums.xx[place]
                row[j] = self.precision[j][i] = fresh
                place += 1
        pull = _times(prior.precision, prior.weights)
        self.shift = [
            fade * kept + (1.0 - fade) * back + gain * xy
            for kept, back, xy in zip(self.shift, pull, block.sums.xy, strict=True)
        ]
        self.weights = solve(self.precision, self.shift)
        self._learn_noise(block)

    def _learn_noise(self, block: Block) -> None:
        rate = min(0.5, block.days / min(self.days + _PRIOR_DAYS, _NOISE_DAYS))
        self.day_var *= 1.0 + rate * (block.mean_squares / block.days - 1.0)
        self.spread += rate * block.spreads / block.days * self._prior.spread_var**0.5
        self.days += block.days

    def state(self) -> list[Any]:
        rows = [row[: i + 1] for i, row in enumerate(self.precision)]
        return [self.weights, rows, self.shift, self.day_var, self.spread, self.days]

    def restore(self, state: Sequence[Any]) -> None:
        self.weights, self.shift = list(state[0]), list(state[2])
        for i, row in enumerate(state[1]):
            for j, value in enumerate(row):
                self.precision[i][j] = self.precision[j][i] = value
        self.day_var, self.spread, self.days = state[3:6]


def _times(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def solve(matrix: Matrix, vector: Sequence[float]) -> list[float]:
    """x of `matrix` x = `vector` for a symmetric positive definite matrix, by Cholesky's factors.

    >>> solve([[4.0, 2.0], [2.0, 5.0]], [2.0, 9.0])
    [-0.5, 2.0]
    """
    size = len(vector)
    factor: Matrix = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(a * b for a, b in zip(factor[i][:j], factor[j][:j], strict=True))
            factor[i][j] = max(rest, 1e-12) ** 0.5 if i == j else rest / factor[j][j]
    forward: list[float] = []
    for i in range(size):
        known = sum(a * b for a, b in zip(factor[i][:i], forward, strict=True))
        forward.append((vector[i] - known) / factor[i][i])
    solution = [0.0] * size
    for i in reversed(range(size)):
        known = sum(factor[k][i] * solution[k] for k in range(i + 1, size))
        solution[i] = (forward[i] - known) / factor[i][i]
    return solution
