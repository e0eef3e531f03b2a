"""A slope within groups of samples, in bounded memory: pure."""

from collections.abc import Sequence


class Regression:
    """The slope of straight lines through groups of samples, one slope for all, each group at its own level.

    A level that somebody changes between two groups is no slope. Older samples fade by 1/`memory` per sample.

    >>> line = Regression(50)
    >>> for level in (30, 45):
    ...     line.begin()
    ...     for x in range(10):
    ...         line.update(x, level - 1.5 * x)
    >>> round(line.slope(), 6)
    -1.5
    """

    __slots__ = ("_group", "_keep", "_mean_x", "_mean_y", "_sxx", "_sxy", "weight")

    def __init__(self, memory: float) -> None:
        self._keep = 1.0 - 1.0 / memory
        self._group = self.weight = self._mean_x = self._mean_y = self._sxx = self._sxy = 0.0

    def begin(self) -> None:
        """The next sample is the first of another group."""
        self._group = self._mean_x = self._mean_y = 0.0

    def update(self, x: float, y: float) -> None:
        self.weight = self.weight * self._keep + 1.0
        self._group = self._group * self._keep + 1.0
        dx = x - self._mean_x
        self._mean_x += dx / self._group
        self._mean_y += (y - self._mean_y) / self._group
        self._sxx = self._sxx * self._keep + dx * (x - self._mean_x)
        self._sxy = self._sxy * self._keep + dx * (y - self._mean_y)

    def slope(self) -> float:
        """Of y per x; 0 where x never changed."""
        return self._sxy / self._sxx if self._sxx > 0.0 else 0.0

    def spread(self) -> float:
        """Standard deviation of x within the groups."""
        return float((self._sxx / self.weight) ** 0.5) if self.weight else 0.0

    def state(self) -> list[float]:
        return [self.weight, self._group, self._mean_x, self._mean_y, self._sxx, self._sxy]

    def restore(self, state: Sequence[float]) -> None:
        self.weight, self._group, self._mean_x, self._mean_y, self._sxx, self._sxy = state
