"""One component against its own training: how far it is from its level at several spans, in units of what was usual."""

from collections.abc import Sequence
from math import sqrt
from operator import truediv
from typing import Any, Final

SPANS: Final = (2.0, 8.0, 32.0)
_CLIP: Final = 8.0
_LEVELS: Final = (1.0, 0.125)
_SLOW: Final = 400.0
_BETTER: Final = 0.8
_FAR: Final = 5
_NOISE: Final = 1.5
_COLOUR: Final = 1.5
_WEIGHT: Final = 6.0


class Track:
    """A level that follows slowly, and smoothed distances from it.

    How fast the level follows is chosen by what predicted the training rows: that of a steady signal moves as slowly
    as it was learned, a drifting one is followed. While it is held (a fault may be on) the tolerance widens as fast as
    the signal drifted in training.

    >>> track = Track.fit([0.1, -0.1] * 50)
    >>> max(map(abs, track.update(0.0, hold=False))) < 1 < max(map(abs, track.update(3.0, hold=False)))
    True
    """

    __slots__ = ("drift", "held", "level", "n", "scales", "smooth", "tau")

    def __init__(self, level: float, tau: float, n: float = 1.0) -> None:
        self.level = level
        self.n = n
        self.tau = tau
        self.smooth = [0.0] * len(SPANS)
        self.scales = [1.0] * len(SPANS)
        self.drift = 0.0
        self.held = 0.0

    def update(self, x: float, *, hold: bool) -> list[float]:
        """Standardised distances of one more sample, per span; the level learns unless it is to `hold`."""
        distance = x - self.level
        wider = self.drift * self.held if self.held > 1 else 0.0
        scales = [sqrt(scale * scale + wider) for scale in self.scales] if wider else self.scales
        reach = _CLIP * scales[0]
        clipped = -reach if distance < -reach else reach if distance > reach else distance
        smooth = [value + (clipped - value) / span for value, span in zip(self.smooth, SPANS, strict=True)]
        self.smooth = smooth
        if hold:
            self.held += 1.0
        else:
            self.n = n = self.n + 1.0
            self.level += clipped / (n if n < self.tau else self.tau)
            self.held -= self.held / self.tau
        return list(map(truediv, smooth, scales))

    def pause(self) -> None:
        """Forget the way here, not the level: rows are missing."""
        self.smooth = [0.0] * len(SPANS)

    @classmethod
    def fit(cls, column: Sequence[float]) -> "Track":
        """Learn from rows that are normal: level, how it drifts, and what distances are usual."""
        tau = max(_SLOW, _LEVELS[0] * len(column))
        error = _forecast_error(column, tau)
        for share in _LEVELS[1:]:
            shorter = max(4.0, share * len(column))
            found = _forecast_error(column, shorter)
            if found < _BETTER * error:
                tau, error = shorter, found
        track = _run(column, tau)[0]
        track.scales = _scales(column, tau)
        track.drift = _drift(column)
        return track

    def state(self) -> list[Any]:
        return [self.level, self.tau, list(self.smooth), list(self.scales), self.drift, self.held, self.n]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Track":
        track = cls(state[0], state[1])
        track.smooth, track.scales = list(state[2]), list(state[3])
        track.drift, track.held, track.n = state[4:]
        return track


def _run(column: Sequence[float], tau: float) -> tuple[Track, list[list[float]]]:
    """Go through the column as if live, the level from its first third; the distances of the rest."""
    head = max(1, len(column) // 3)
    track = Track(sum(column[:head]) / head, tau, head)
    spread = sqrt(sum((x - track.level) ** 2 for x in column[:head]) / head)
    track.scales[0] = max(spread, 1e-9) * 4
    distances = []
    for x in column[head:]:
        track.update(x, hold=False)
        distances.append(list(track.smooth))
    return track, distances


def _forecast_error(column: Sequence[float], tau: float) -> float:
    """Mean square error of a level that is to tell the mean of a block some rows ahead."""
    block = max(4, len(column) // 12)
    level = sum(column[: 2 * block]) / (2 * block)
    squares = []
    for i in range(2 * block, len(column) - 2 * block):
        level += (column[i] - level) / min(tau, i + 1)
        if i % (block // 4 or 1) == 0:
            ahead = column[i + block : i + 2 * block]
            squares.append((sum(ahead) / len(ahead) - level) ** 2)
    return sum(squares) / max(1, len(squares))


def _scales(column: Sequence[float], tau: float) -> list[float]:
    """Usual distance per span, the larger the fewer independent samples stand behind it."""
    _, distances = _run(column, tau)
    n = max(1, len(distances))
    whole = sqrt(sum(x * x for x in column) / len(column))
    scales: list[float] = []
    for i, span in enumerate(SPANS):
        mean_square = sum(row[i] ** 2 for row in distances) / n
        if i:
            # A long span has few independent samples: the shorter one, taken as nearly white noise, speaks too.
            white = scales[-1] ** 2 * SPANS[i - 1] / span * _COLOUR
            mean_square = (mean_square * n / span + white * _WEIGHT) / (n / span + _WEIGHT)
        scales.append(max(sqrt(mean_square * (1 + 3 * span / n)), 0.05 * whole / sqrt(span), 1e-6))
    return scales


def _drift(column: Sequence[float]) -> float:
    """Mean square change per row between blocks far apart, beyond that between neighbours, which is noise mostly."""
    block = max(4, len(column) // 12)
    means = [sum(column[i : i + block]) / block for i in range(0, len(column) - block + 1, block)]
    near, far = _mean_square(means, 1), _mean_square(means, _FAR)
    return max(0.0, far - _NOISE * near) / ((_FAR - _NOISE) * block)


def _mean_square(means: Sequence[float], lag: int) -> float:
    pairs = list(zip(means, means[lag:], strict=False))
    return sum((later - earlier) ** 2 for earlier, later in pairs) / max(1, len(pairs))
