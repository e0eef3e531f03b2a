"""A flow temperature that stays where it is while the air goes up and down: the surest sign that it does not follow.

A house warms and cools so slowly that what its room asks for can make up for a kelvin of air, by chance, for an hour
or two; it never does for air of all the temperatures of half a day. So what counts is at how many different ones the
flow was the same.
"""

from collections.abc import Sequence
from typing import Any, Final

from agent.domain.timeline import Move

_QUARTER_MS: Final = 900_000
# K: means of a quarter of an hour that differ by no more are the same.
_SAME_K: Final = 0.4
_STEP_K: Final = 0.5
_LONGEST_BREAK_MS: Final = 6 * 3_600_000
_FRESH: Final[Sequence[Any]] = ([0.0, 0.0, 0.0, 0.0], 0.0, 0.0, [], 0, 0, 0)


class HeldFlow:
    """At how many temperatures of the air the flow was the same, by means of quarters of an hour.

    >>> held = HeldFlow()
    >>> for minute in range(240):
    ...     held.update(minute * 60_000, minute / 60, 45.0)
    >>> held.air_k, held.since_ms
    (4.0, 0)
    """

    __slots__ = ("_high", "_last_ms", "_low", "_steps", "_sums", "quarters", "since_ms")

    def __init__(self) -> None:
        self._sums = [0.0, 0.0, 0.0, 0.0]  # of this quarter: when it began, samples, air, flow
        self._low = self._high = 0.0
        self._steps: list[int] = []  # of half a kelvin of air
        self.since_ms = 0  # since when it is the same
        self.quarters = 0  # and in how many quarters of an hour that was seen
        self._last_ms = 0

    def update(self, at_ms: int, air: float, flow: float) -> None:
        """Take in a sample of water that is as warm as it is asked to be."""
        sums, quarter_ms = self._sums, at_ms - at_ms % _QUARTER_MS
        if sums[0] != quarter_ms:
            self.pause()
            sums[0] = quarter_ms
            if quarter_ms - self._last_ms > _LONGEST_BREAK_MS:
                self._steps = []
        sums[1] += 1.0
        sums[2] += air
        sums[3] += flow

    def pause(self) -> None:
        """What follows does not belong to the same quarter of an hour."""
        sums = self._sums
        if sums[1]:
            self._take(int(sums[0]), sums[2] / sums[1], sums[3] / sums[1])
            sums[1:] = [0.0, 0.0, 0.0]

    def _take(self, at_ms: int, air: float, flow: float) -> None:
        low, high = min(self._low, flow), max(self._high, flow)
        if not self._steps or high - low > _SAME_K or not 0 <= at_ms - self._last_ms <= _LONGEST_BREAK_MS:
            low = high = flow
            self._steps, self.since_ms, self.quarters = [], at_ms, 0
        self.quarters += 1
        self._low, self._high, self._last_ms = low, high, at_ms
        step = int(air // _STEP_K)
        if step not in self._steps:
            self._steps.append(step)

    @property
    def air_k(self) -> float:
        """How many kelvin of air, in steps, it has been the same at."""
        return len(self._steps) * _STEP_K

    @property
    def slope(self) -> float:
        """The most that it can go with the air, in K per K."""
        return (self._high - self._low) / self.air_k if self._steps else 0.0

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._sums[0] = move(int(self._sums[0]))
        self.since_ms, self._last_ms = move(self.since_ms), move(self._last_ms)

    def state(self) -> list[Any]:
        if not self._steps and not self._sums[1]:
            return []
        return [self._sums, self._low, self._high, self._steps, self.quarters, self.since_ms, self._last_ms]

    def restore(self, state: Sequence[Any]) -> None:
        sums, self._low, self._high, steps, self.quarters, self.since_ms, self._last_ms = state or _FRESH
        self._sums, self._steps = list(sums), list(steps)
