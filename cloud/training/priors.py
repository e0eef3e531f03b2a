"""What the fleet knows before a site has shown anything: empirical Bayes over the sites' own regressions."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from agent.domain.learned_head import LEAST_SAMPLES, DaySums, Prior

Array = npt.NDArray[np.float64]
_ROUNDS: Final = 8
_RIDGE: Final = 1e-3
_FLOOR: Final = 1e-10
_LEAST_DAYS: Final = 20


class OneTarget:
    """A site's usable samples of one target: the network's numbers with a 1 behind them, the target, and the frame.

    `side` is from where the sun comes, where that counts. Days have `per_day` frames.
    """

    def __init__(
        self, units: Array, y: Array, frame: npt.NDArray[np.int64], side: Array | None = None, per_day: int = 96
    ) -> None:
        self.x = np.concatenate([units, np.ones((len(units), 1))], axis=1)
        self.y = y
        self.frame = frame
        self.side = side
        self.per_day = per_day
        self.day = frame // per_day
        edges = np.flatnonzero(np.diff(self.day)) + 1
        self.first = np.array([0, *edges.tolist(), len(y)] if len(y) else [0], dtype=np.int64)

    def from_frame(self, frame: int) -> "OneTarget":
        """What lies behind `frame`, which becomes the first."""
        at = int(np.searchsorted(self.frame, frame))
        side = None if self.side is None else self.side[at:]
        return OneTarget(self.x[at:, :-1], self.y[at:], self.frame[at:] - frame, side, self.per_day)

    @property
    def days(self) -> int:
        return len(self.first) - 1

    def fitted(self, tau: float) -> Array:
        """Weights of the expectile, by least squares weighted again and again."""
        weight = np.ones(len(self.y))
        beta: Array = np.zeros(self.x.shape[1])
        for _ in range(1 if tau == 0.5 else _ROUNDS):
            weighted = self.x * weight[:, None]
            ridge = _RIDGE * len(self.y) * np.eye(self.x.shape[1])
            ridge[-1, -1] *= 1e-3
            beta = np.asarray(np.linalg.solve(self.x.T @ weighted + ridge, weighted.T @ self.y), dtype=np.float64)
            weight = np.where(self.y - self.x @ beta > 0.0, tau, 1.0 - tau) * 2.0
        return beta

    def day_sums(self, number: int, weights: Sequence[float], tau: float) -> DaySums:
        """The sums of one day as the device makes them, sample by sample."""
        rows = slice(int(self.first[number]), int(self.first[number + 1]))
        x, y = self.x[rows], self.y[rows]
        residual = y - x @ np.asarray(weights)
        weight = np.where(residual > 0.0, tau, 1.0 - tau) * 2.0
        sums = DaySums(x.shape[1])
        sums.n = len(y)
        sums.w, sums.r, sums.rr = (float(each) for each in (weight.sum(), weight @ residual, weight @ residual**2))
        weighted = x * weight[:, None]
        sums.x, sums.xy = weighted.sum(axis=0).tolist(), (weighted.T @ y).tolist()
        sums.xx = (weighted.T @ x)[np.tril_indices(x.shape[1])].tolist()
        if self.side is not None:
            rows_of = zip(
                self.frame[rows].tolist(), self.side[rows].tolist(), y.tolist(), residual.tolist(), strict=True
            )
            for frame, side, value, over in rows_of:
                sums.reach.add(frame, side, value, value - over)
        return sums


def prior_of(sites: Sequence[OneTarget], tau: float) -> Prior:
    """The prior of one target from the sites that have enough of it."""
    rich = [site for site in sites if site.days >= _LEAST_DAYS]
    weights = np.stack([site.fitted(tau) for site in rich])
    centre = np.median(weights, axis=0)
    apart = weights - centre
    covariance = apart.T @ apart / max(1, len(rich) - 1)
    covariance += np.diag(0.05 * np.diag(covariance) + 1e-6)
    sample, day, spread, spread_var = [], [], [], []
    for site, beta in zip(rich, weights, strict=True):
        residual = site.y - site.x @ beta
        weight = np.where(residual > 0.0, tau, 1.0 - tau) * 2.0
        counts = np.diff(site.first)
        kept = counts >= LEAST_SAMPLES
        means = np.add.reduceat(weight * residual, site.first[:-1])[kept] / counts[kept]
        squares = np.log(np.add.reduceat(weight * residual**2, site.first[:-1])[kept] / counts[kept] + _FLOOR)
        sample.append(float(np.mean(weight * residual**2)))
        day.append(float(np.mean(means**2)))
        spread.append(float(np.mean(squares)))
        spread_var.append(float(np.var(squares)))
    return Prior(
        weights=centre.tolist(),
        precision=np.linalg.inv(covariance).tolist(),
        sample_var=max(float(np.median(sample)), _FLOOR),
        day_var=max(float(np.quantile(day, 0.6)), _FLOOR),
        spread=float(np.mean(spread)),
        spread_var=max(float(np.median(spread_var)), 1e-4),
        site_var=float(np.var(spread)),
    )
