"""A power against its own counters: where the balance cannot tell, as a load is worked out from that very power."""

from collections.abc import Sequence
from typing import Any, Final

from agent.domain.timeline import Move

_MS_PER_HOUR: Final = 3_600_000
_MOST_GAP_MS: Final = 900_000
# Energy over which the two are compared, in steps of the counter that are fine enough for it.
_LEAST_WH: Final = 300.0
_LEAST_STEPS: Final = 5
# Of all that went in or out, so much one way; and so near must a wrong factor come.
_ONE_WAY: Final = 0.7
_NEAR: Final = 0.2
_AGREEING: Final = 2
# The fault may be over before the next energy has passed.
_HOLDS_MS: Final = 3_600_000


class CounterCheck:
    """Compares a power, in W, with what a counter of its energy in and one of its energy out say, in Wh.

    >>> check = CounterCheck((-1.0, 0.1))
    >>> for minute in range(90):
    ...     check.follow(minute * 60_000, 6000.0 + minute, minute * 10.0, 0.0)
    >>> check.factor
    0.1
    """

    __slots__ = (
        "_changes",
        "_factors",
        "_from_wh",
        "_last_ms",
        "_power_w",
        "_run",
        "_seen_wh",
        "_steps",
        "_until_ms",
        "_wh",
        "factor",
    )

    def __init__(self, factors: Sequence[float]) -> None:
        self._factors = factors
        self.factor: float | None = None  # what puts the power right, for a while after it showed
        self._until_ms = 0
        self._run: list[float] = []  # factors of the last times, all the same
        self._last_ms: int | None = None
        self._from_wh = self._seen_wh = (0.0, 0.0)
        self._power_w = self._wh = 0.0
        self._steps = self._changes = 0

    def follow(self, at_ms: int, power_w: float, in_wh: float, out_wh: float) -> None:
        """Take in a sample."""
        last_ms, self._last_ms = self._last_ms, at_ms
        if self.factor is not None and at_ms > self._until_ms:
            self.factor = None
        seen_in, seen_out = self._seen_wh
        if last_ms is None or not 0 < at_ms - last_ms <= _MOST_GAP_MS or in_wh < seen_in or out_wh < seen_out:
            self._restart(power_w, in_wh, out_wh)
            return
        self._wh += power_w * (at_ms - last_ms) / _MS_PER_HOUR
        if power_w != self._power_w:
            self._power_w = power_w
            self._changes += 1
        if in_wh == seen_in and out_wh == seen_out:
            return
        self._seen_wh = (in_wh, out_wh)
        self._steps += 1
        if in_wh + out_wh - self._from_wh[0] - self._from_wh[1] >= _LEAST_WH:
            self._compare(at_ms, in_wh - self._from_wh[0], out_wh - self._from_wh[1])
            self._restart(power_w, in_wh, out_wh)

    def _restart(self, power_w: float, in_wh: float, out_wh: float) -> None:
        self._from_wh = self._seen_wh = (in_wh, out_wh)
        self._power_w, self._wh, self._steps, self._changes = power_w, 0.0, 0, 0

    def _compare(self, at_ms: int, in_wh: float, out_wh: float) -> None:
        """A counter of coarse steps, a power that stands, and a to and fro tell nothing."""
        net_wh = in_wh - out_wh
        if min(self._steps, self._changes) < _LEAST_STEPS or abs(net_wh) < _ONE_WAY * (in_wh + out_wh):
            return
        fitting = [factor for factor in self._factors if abs(self._wh * factor / net_wh - 1.0) < _NEAR]
        self._run = [*self._run, fitting[0]][-_AGREEING:] if fitting and set(self._run) <= {fitting[0]} else fitting[:1]
        self.factor, self._until_ms = (self._run[0] if len(self._run) == _AGREEING else None), at_ms + _HOLDS_MS

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._last_ms, self._until_ms = move.maybe(self._last_ms), move(self._until_ms)

    def state(self) -> list[Any]:
        sums = [self._power_w, self._wh, self._steps, self._changes]
        return [self._last_ms, self.factor, self._run, *self._from_wh, *self._seen_wh, *sums, self._until_ms]

    def restore(self, state: Sequence[Any]) -> None:
        self._last_ms, self.factor, run, *totals = state[:7]
        self._run, self._from_wh, self._seen_wh = list(run), (totals[0], totals[1]), (totals[2], totals[3])
        self._power_w, self._wh, self._steps, self._changes, self._until_ms = state[7:12]
