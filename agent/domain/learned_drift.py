"""Whether what a model sees has moved away from what it was trained on.

The population stability index compares shares of bins: Σ (p − q) ln(p / q) (N. Siddiqi, "Credit Risk Scorecards", 2006;
the usual reading: below 0.1 no change, above 0.25 a large one). It is symmetric, and a bin without samples counts as
half a sample.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import log
from typing import Any, Final

from agent.domain.learned_artifact import Reference

LARGE: Final = 0.25
LEAST_SAMPLES: Final = 400.0
_FADE: Final = 0.5 ** (1.0 / 2880.0)  # half of the weight is of the last 30 days at four samples an hour


def stability_index(shares: Sequence[float], counts: Sequence[float]) -> float:
    """PSI of `counts` against `shares`.

    >>> stability_index([0.5, 0.5], [10, 10])
    0.0
    """
    total = sum(counts)
    if total <= 0.0:
        return 0.0
    index = 0.0
    for share, count in zip(shares, counts, strict=True):
        p, q = max(share, 1e-4), max(count, 0.5) / total
        index += (q - p) * log(q / p)
    return index


class Drift:
    """Fading histograms of some values, each against its reference."""

    __slots__ = ("_counts", "_references", "_weight")

    def __init__(self, references: Sequence[Reference]) -> None:
        self._references = references
        self._counts = [[0.0] * len(each.shares) for each in references]
        self._weight = 1.0

    def update(self, values: Sequence[float | None]) -> None:
        """Take in one value of each. Older ones fade; the fading is done by letting the new ones weigh more."""
        self._weight /= _FADE
        for reference, counts, value in zip(self._references, self._counts, values, strict=True):
            if value is not None:
                counts[bisect_right(reference.edges, value)] += self._weight
        if self._weight > 1e6:
            self._counts = [[count / self._weight for count in counts] for counts in self._counts]
            self._weight = 1.0

    def indices(self) -> list[float | None]:
        """PSI of each; None where there are too few samples."""
        found: list[float | None] = []
        for reference, counts in zip(self._references, self._counts, strict=True):
            scaled = [count / self._weight for count in counts]
            enough = sum(scaled) >= LEAST_SAMPLES
            found.append(round(stability_index(reference.shares, scaled), 3) if enough else None)
        return found

    def moved(self) -> list[int]:
        """Places of the values that lie further from the training than seasons take a healthy site."""
        told = zip(self.indices(), self._references, strict=True)
        return [
            place for place, (index, each) in enumerate(told) if index is not None and index > max(LARGE, each.usual)
        ]

    def state(self) -> list[Any]:
        return [[list(counts) for counts in self._counts], self._weight]

    def restore(self, state: Sequence[Any]) -> None:
        counts, self._weight = state
        if [len(each) for each in counts] == [len(each) for each in self._counts]:
            self._counts = [list(each) for each in counts]
