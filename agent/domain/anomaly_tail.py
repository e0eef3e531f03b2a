"""How rare a value is among all that came before, beyond the largest seen included.

Values above a high quantile are taken as excesses over it, one per cluster, and a generalised Pareto tail of fixed
shape is laid through their mean (peaks over threshold: Coles, "An Introduction to Statistical Modeling of Extreme
Values", 2001, chapter 4). The quantile comes from a sorted sample that is thinned by half whenever it is full, so
that memory stays bounded however long the stream is.
"""

from bisect import bisect_right, insort
from collections.abc import Sequence
from math import log10
from typing import Any, Final

_ROOM: Final = 512
_QUANTILE: Final = 0.97
_SHAPE: Final = 0.15
_MEMORY: Final = 40.0
_CAP: Final = 4.0
_APART: Final = 12
_LONGEST: Final = 48
_PRIOR: Final = 4.0
_NORMAL: Final = 0.25


class Tail:
    """Surprise of a value: -log10 of the share of rows in which one this large or larger is expected.

    >>> tail = Tail()
    >>> for x in range(1000):
    ...     _ = tail.update(x % 100 / 100)
    >>> tail.value(0.5) < 0.5 < 3 < tail.value(5.0)
    True
    """

    __slots__ = ("clusters", "excess", "long", "n", "peak", "quiet", "sample", "stride")

    def __init__(self) -> None:
        self.n = 0
        self.stride = 1
        self.sample: list[float] = []
        self.clusters = 0.0
        self.excess = 0.0
        self.peak = 0.0
        self.quiet = _APART
        self.long = 0

    def update(self, x: float) -> float:
        """The surprise of `x` before it was seen; then it is taken in."""
        surprise = self.value(x)
        if self.n % self.stride == 0:
            self._keep(x)
        self.n += 1
        self._follow(x)
        return surprise

    def _keep(self, x: float) -> None:
        insort(self.sample, x)
        if len(self.sample) >= _ROOM:
            self.sample = self.sample[1::2]
            self.stride *= 2

    def _follow(self, x: float) -> None:
        """One excess per cluster: the highest of those that lie less than `_APART` rows apart.

        What comes back every few rows would be one cluster for ever: it is closed, and counts, after `_LONGEST` rows.
        """
        over = x - self.threshold()
        if over > 0:
            self.quiet = 0
            self.peak = max(self.peak, over)
        elif self.quiet < _APART:
            self.quiet += 1
        else:
            return
        self.long += 1
        if self.quiet == _APART or self.long == _LONGEST:
            self._close()

    def _close(self) -> None:
        # A fault must not widen the tail so far that the next one of its kind passes as usual.
        excess = min(self.peak, _CAP * self.excess) if self.clusters >= 3 else self.peak
        self.clusters += 1
        self.excess += (excess - self.excess) / min(self.clusters, _MEMORY)
        self.peak, self.quiet, self.long = 0.0, _APART, 0

    def threshold(self) -> float:
        """The value above which the tail begins."""
        return self.sample[int(_QUANTILE * len(self.sample))] if self.sample else 0.0

    def value(self, x: float) -> float:
        """The surprise of `x` given what was taken in so far; 0 as long as that is nothing."""
        sample = self.sample
        if not sample:
            return 0.0
        start = self.threshold()
        if x <= start:
            above = len(sample) - bisect_right(sample, x)
            return -log10((above + 1) / (len(sample) + 1))
        # Few clusters say little about the tail: it begins as that of a normal distribution is, relative to its body.
        body = _NORMAL * (start - sample[len(sample) // 2])
        scale = (self.excess * self.clusters + body * _PRIOR) / (self.clusters + _PRIOR) + 1e-12
        rate = (self.clusters + 1) / (self.n + 1)
        return max(-log10(1 - _QUANTILE), -log10(min(1.0, rate))) + log10(1 + _SHAPE * (x - start) / scale) / _SHAPE

    def merge(self, later: "Tail") -> None:
        """Take in what `later` saw after this one; quantiles to within the coarser one's sampling."""
        stride = max(self.stride, later.stride)
        both = sorted(self.sample[:: stride // self.stride] + later.sample[:: stride // later.stride])
        while len(both) >= _ROOM:
            both, stride = both[1::2], stride * 2
        clusters = self.clusters + later.clusters
        if clusters:
            self.excess = (self.excess * self.clusters + later.excess * later.clusters) / clusters
        self.sample, self.stride, self.clusters, self.n = both, stride, clusters, self.n + later.n
        self.peak, self.quiet, self.long = later.peak, later.quiet, later.long

    def state(self) -> list[Any]:
        return [self.n, self.stride, list(self.sample), self.clusters, self.excess, self.peak, self.quiet, self.long]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Tail":
        tail = cls()
        tail.n, tail.stride, sample, tail.clusters, tail.excess, tail.peak, tail.quiet, tail.long = state
        tail.sample = list(sample)
        return tail
