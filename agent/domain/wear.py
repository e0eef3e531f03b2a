"""Trends that end in a fault, carried on until they reach its limit, with an interval.

A straight line by least squares through at most `_MOST` samples; its slope and level have standard errors, and where
the line crosses the limit lies between what the two edges of both give. A trend that is not clearly there, or that
leads away from the limit, is none.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

import msgspec

_MOST: Final = 60
_LEAST: Final = 7
_CLEAR: Final = 4.0  # standard errors that the slope must be away from 0
_WIDTH: Final = 2.0  # of the interval, in standard errors
_STEP: Final = 6.0  # standard deviations by which a sample breaks with the line: somebody refilled or repaired


class Forecast(msgspec.Struct, frozen=True):
    """The line's value now, its change per day, and in how many days it will be at the limit."""

    value: float
    per_day: float
    days_low: float
    days_high: float


class Fading:
    """One quantity over days. `limit` is where the fault begins, from above or, if it rises, from below.

    `resolution` is what a sample may be off by itself.

    >>> pressure = Fading(limit=0.8, resolution=0.01)
    >>> for day in range(20):
    ...     pressure.update(day, 1.6 - 0.03 * day)
    >>> told = pressure.value()
    >>> round(told.per_day, 3), round(told.days_low), round(told.days_high)
    (-0.03, 8, 8)
    """

    __slots__ = ("_points", "_resolution", "_rises", "limit")

    def __init__(self, limit: float, resolution: float, *, rises: bool = False) -> None:
        self.limit = limit
        self._resolution = resolution
        self._rises = rises
        self._points: list[tuple[float, float]] = []

    def update(self, day: float, value: float) -> None:
        """Take in a day's sample; one that breaks with the line begins a new one."""
        line = _fit(self._points, self._resolution)
        if line is not None and abs(value - line.at(day)) > _STEP * line.scatter + 5 * self._resolution:
            self._points.clear()
        self._points.append((day, value))
        del self._points[:-_MOST]

    def value(self) -> Forecast | None:
        """None while no trend towards the limit is clear."""
        line = _fit(self._points, self._resolution)
        if line is None or abs(line.slope) < _CLEAR * line.slope_error:
            return None
        level = line.at(self._points[-1][0])
        room = self.limit - level
        if (room > 0.0) != self._rises or (line.slope > 0.0) != self._rises or not room:
            return None
        slow, fast = (abs(line.slope) + edge * _WIDTH * line.slope_error for edge in (-1, 1))
        margin = _WIDTH * line.level_error
        return Forecast(level, line.slope, max(0.0, abs(room) - margin) / fast, (abs(room) + margin) / slow)

    def state(self) -> list[Any]:
        return [number for point in self._points for number in point]

    def restore(self, state: Sequence[Any]) -> None:
        self._points = list(zip(state[::2], state[1::2], strict=True))


class _Line(msgspec.Struct, frozen=True):
    mean_x: float
    mean_y: float
    slope: float
    slope_error: float
    level_error: float
    scatter: float

    def at(self, x: float) -> float:
        return self.mean_y + self.slope * (x - self.mean_x)


def _fit(points: Sequence[tuple[float, float]], resolution: float) -> _Line | None:
    count = len(points)
    if count < _LEAST:
        return None
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    sxx = sum((x - mean_x) ** 2 for x, _ in points)
    if sxx <= 0.0:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sxx
    rest = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    scatter = sqrt(rest / (count - 2) + resolution**2 / 12)
    last = points[-1][0] - mean_x
    return _Line(mean_x, mean_y, slope, scatter / sqrt(sxx), scatter * sqrt(1 / count + last**2 / sxx), scatter)
