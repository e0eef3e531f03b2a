"""When a departure is an episode: the last rows against the rows of some minutes before, on a logarithmic scale.

Seismology finds the onset of an earthquake by the ratio of a short and a long average of the signal (Allen, "Automatic
earthquake recognition and timing from single traces", Bull. Seism. Soc. Am. 68, 1978). So here: what is twice as far as
it has lately been is news, whatever the training rows said of how far is usual. A signal that drifts slowly away raises
the long average with the short one and stays quiet; the aftermath of a large departure is small beside it.
"""

from collections.abc import Iterable, Sequence
from math import exp, log, log1p
from typing import Any, Final

_SPANS: Final = (4.0, 32.0, 256.0)
_QUICK: Final = 0.375
_MARGIN: Final = 0.22
_USUAL_RATE: Final = 0.05
_PER_RATE: Final = 0.065
_LEAST: Final = 0.02
_HALF: Final = 2.0
_LASTING: Final = log1p(6.0)
_STEEP: Final = 4.0


class Episode:
    """Alarm and score from one departure per row: 0 or less is usual, some units are not.

    A departure that stays large (more than twelve) stays an alarm however long it lasts; a smaller one that lasts is,
    after some hundred rows, how things are now.

    >>> episode = Episode()
    >>> episode.learn([0.0, 0.5] * 100)
    >>> episode.update(0.5) < 0.5 < max(episode.update(4.0) for _ in range(20))
    True
    >>> episode.alarm
    True
    """

    __slots__ = ("alarm", "margin", "means", "n")

    def __init__(self, rate: float = _USUAL_RATE) -> None:
        # Measured on independent noise: each e-fold fewer alarms asks for this much more.
        self.margin = max(_LEAST, _MARGIN + _PER_RATE * log(_USUAL_RATE / rate))
        self.means = [0.0] * len(_SPANS)
        self.n = 0
        self.alarm = False

    def learn(self, departures: Iterable[float]) -> None:
        """Begin with what normal rows gave."""
        for departure in departures:
            self._smooth(_far(departure))

    def _smooth(self, far: float) -> list[float]:
        """The means with one more row; the first rows count as in a plain mean."""
        self.n = n = self.n + 1
        self.means = [
            mean + (far - mean) / (span if span < n else n) for mean, span in zip(self.means, _SPANS, strict=True)
        ]
        return self.means

    def update(self, departure: float) -> float:
        """The row's score, 0 … 1; above 0.5 is an alarm."""
        quick, short, long = self._smooth(_far(departure))
        news = _QUICK * (quick - long) + (1 - _QUICK) * (short - long) - self.margin
        excess = max(news, short - _LASTING)
        self.alarm = excess > 0
        return 1 / (1 + exp(-_STEEP * excess))

    def state(self) -> list[Any]:
        return [self.margin, list(self.means), self.n, self.alarm]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Episode":
        episode = cls()
        episode.margin, means, episode.n, episode.alarm = state
        episode.means = list(means)
        return episode


def _far(departure: float) -> float:
    return log1p(departure / _HALF) if departure > 0 else 0.0
