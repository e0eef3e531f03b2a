"""What this house usually does: its flow temperature at an outdoor temperature, its room temperature at an hour.

Both are means that forget slowly, with their mean deviation as uncertainty. A value far off moves them no further than
one at the edge of what is usual, so an episode of a fault leaves them nearly where they were.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from agent.domain.timeline import Move

_HOUR_MS: Final = 3_600_000
_MOST_GAP_MS: Final = 2 * _HOUR_MS
_EDGE: Final = 3.0


class Expected(NamedTuple):
    """A value and how far it is usually off, both in °C."""

    value: float
    deviation: float


class Bins:
    """A slow mean and deviation in each of some bins. `tau_h` is the hours in a bin that it remembers.

    >>> bins = Bins(2, tau_h=10.0, least_h=1.0)
    >>> for quarter in range(40):
    ...     bins.update(1, quarter * 900_000, 40.0)
    >>> bins.value(1), bins.value(0)
    (Expected(value=40.0, deviation=0.0), None)
    """

    __slots__ = ("_bins", "_last_ms", "_least_h", "_tau_h")

    def __init__(self, size: int, tau_h: float, least_h: float) -> None:
        self._bins: list[list[float]] = [[0.0, 0.0, 0.0] for _ in range(size)]  # mean, deviation, hours
        self._tau_h = tau_h
        self._least_h = least_h
        self._last_ms: int | None = None

    def update(self, number: int, at_ms: int, value: float) -> None:
        """Take in a value that held since the last update, in the bin it belongs to."""
        last_ms, self._last_ms = self._last_ms, at_ms
        if last_ms is None or not 0 < at_ms - last_ms <= _MOST_GAP_MS:
            return
        step_h = (at_ms - last_ms) / _HOUR_MS
        bin_ = self._bins[number]
        mean, deviation, hours = bin_
        if not hours:
            bin_[0], bin_[2] = value, step_h
            return
        gain = step_h / (min(hours, self._tau_h) + step_h)
        off = value - mean
        if hours >= self._least_h:
            edge = 0.5 + _EDGE * deviation
            off = max(-edge, min(edge, off))
        bin_[0] = mean + gain * off
        bin_[1] = deviation + gain * (abs(off) - deviation)
        bin_[2] = min(hours + step_h, 10 * self._tau_h)

    def pause(self) -> None:
        """What follows does not continue the last value."""
        self._last_ms = None

    def value(self, number: int) -> Expected | None:
        """None until the bin has seen enough."""
        mean, deviation, hours = self._bins[number]
        return Expected(mean, deviation) if hours >= self._least_h else None

    def between(self, place: float) -> float | None:
        """The mean at `place`, where each bin's own is in its middle; behind the last bin the first comes again.

        Towards a bin that has not seen enough it stays what it is; None in such a bin.

        >>> bins = Bins(3, tau_h=10.0, least_h=1.0)
        >>> for number, quarter in ((0, 0), (0, 1), (0, 6), (1, 7), (1, 12)):
        ...     bins.update(number, quarter * 900_000, 20.0 + number)
        >>> [bins.between(place) for place in (0.25, 0.5, 0.75, 1.0, 1.75, 2.0)]
        [20.0, 20.0, 20.25, 20.5, 21.0, None]
        """
        bins, least_h, number = self._bins, self._least_h, int(place)
        own, off = bins[number], place - number - 0.5
        if own[2] < least_h:
            return None
        next_ = bins[(number + (1 if off > 0.0 else -1)) % len(bins)]
        return own[0] + abs(off) * (next_[0] - own[0]) if next_[2] >= least_h else own[0]

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._last_ms = move.maybe(self._last_ms)

    def state(self) -> list[Any]:
        return [self._last_ms, [[number, *each] for number, each in enumerate(self._bins) if each[2]]]

    def restore(self, state: Sequence[Any]) -> None:
        self._last_ms = state[0]
        for bin_ in self._bins:
            bin_[:] = [0.0, 0.0, 0.0]
        for number, *each in state[1]:
            self._bins[number] = list(each)


class HeatingCurve:
    """Flow temperature by outdoor temperature in steps of 2 K, day and night apart, while the pump runs.

    >>> curve = HeatingCurve()
    >>> for quarter in range(60):
    ...     curve.update(quarter * 900_000, -3.0, 52.0, day=True)
    >>> curve.value(-3.5, day=True)
    Expected(value=52.0, deviation=0.0)
    """

    __slots__ = ("_bins",)

    _LOW: Final = -24.0
    _STEP: Final = 2.0
    _STEPS: Final = 24
    _STEEPEST: Final = 2.0  # K of flow per K of air
    _FAR: Final = 3  # steps

    def __init__(self) -> None:
        self._bins = Bins(2 * self._STEPS, tau_h=48.0, least_h=3.0)

    def _number(self, outdoor: float, *, day: bool) -> int:
        step = int((outdoor - self._LOW) // self._STEP)
        return max(0, min(self._STEPS - 1, step)) + (self._STEPS if day else 0)

    def update(self, at_ms: int, outdoor: float, flow: float, *, day: bool) -> None:
        self._bins.update(self._number(outdoor, day=day), at_ms, flow)

    def value(self, outdoor: float, *, day: bool) -> Expected | None:
        """None where this house was never seen."""
        return self._bins.value(self._number(outdoor, day=day))

    def at_most(self, outdoor: float, *, day: bool) -> float | None:
        """What it is where this house was seen; in colder air than that no more than this. None far from there."""
        number = self._number(outdoor, day=day)
        for warmer in range(min(self._FAR, (self._STEPS - 1) - number % self._STEPS) + 1):
            known = self._bins.value(number + warmer)
            if known is not None:
                colder = self._LOW + (number % self._STEPS + warmer + 0.5) * self._STEP - outdoor if warmer else 0.0
                return known.value + self._STEEPEST * colder
        return None

    def pause(self) -> None:
        """The pump stands or a fault lasts: this teaches nothing."""
        self._bins.pause()

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._bins.move(move)

    def state(self) -> list[Any]:
        return self._bins.state()

    def restore(self, state: Sequence[Any]) -> None:
        self._bins.restore(state)
