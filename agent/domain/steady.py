"""Whether the sky holds still: a level that stands or glides, as the sun moves on, until a cloud makes it jump."""

from collections.abc import Sequence
from typing import Any, Final

from agent.domain.timeline import Move

# As a share of the level: further off is another sky.
_STEADY: Final = 0.06
# More than this in `TAU_MS` is no sun that moves on.
_MOST_DRIFT: Final = 0.25
TAU_MS: Final = 15 * 60_000
# A sky is steady once it has been for so long, and holds for the moment after less.
STEADY_MIN: Final = 25
_STEADY_MS: Final = STEADY_MIN * 60_000
_HOLDS_MS: Final = 5 * 60_000
_STANDS_MS: Final = 10 * 60_000
_MOST_GAP_MS: Final = 65 * 60_000
# Samples further apart are means, which hide the clouds: it takes some of them, and none is worth anything alone.
_FINE_MS: Final = 10 * 60_000
_HOLDS_SAMPLES: Final = 3
_STEADY_SAMPLES: Final = 4


class Sky:
    """Follows one ratio. `mean` is smoothed over everything, `ratio` only over the stretch that still lasts.

    >>> sky = Sky()
    >>> for minute in range(30):
    ...     sky.follow(minute * 60_000, 0.8 + minute * 0.004)
    >>> sky.steady, round(sky.ratio, 2)
    (True, 0.9)
    >>> sky.follow(1_800_000, 0.4)
    >>> sky.steady, sky.ratio
    (False, 0.4)
    """

    __slots__ = ("_from_ms", "_last_ms", "_level", "_samples", "_step_ms", "_stood_ms", "drift", "mean")

    def __init__(self) -> None:
        self.mean = 0.0
        self.drift = 0.0  # change in `TAU_MS`
        self._level = 0.0
        self._from_ms = 0
        self._last_ms: int | None = None
        self._samples = 0
        self._stood_ms = 0
        self._step_ms = 0

    def follow(self, at_ms: int, ratio: float) -> None:
        """Take in a ratio."""
        last_ms, self._last_ms = self._last_ms, at_ms
        if last_ms is None or not 0 < at_ms - last_ms <= _MOST_GAP_MS:
            self.mean, self._step_ms = ratio, 0
            self._restart(at_ms, ratio)
            return
        step_ms = self._step_ms = at_ms - last_ms
        weight = step_ms / (TAU_MS + step_ms)
        self.mean += (ratio - self.mean) * weight
        off, level = ratio - self._level, self._level
        if abs(off - self.drift) > _STEADY * level or abs(self.drift) > _MOST_DRIFT * level:
            self._restart(at_ms, ratio)
            return
        self._level += off * weight
        self.drift += (off - self.drift) * weight
        self._samples += 1
        self._stood_ms = at_ms - self._from_ms

    def _restart(self, at_ms: int, ratio: float) -> None:
        self._level, self.drift, self._from_ms, self._samples, self._stood_ms = ratio, 0.0, at_ms, 1, 0

    def lose(self) -> None:
        """What comes next does not continue what was."""
        self._last_ms = None

    @property
    def ratio(self) -> float:
        """The ratio, without its noise: the level lags by as much as it drifts."""
        return self._level + self.drift

    @property
    def holds(self) -> bool:
        """Whether no cloud has passed for some minutes."""
        return self._stood_ms >= _HOLDS_MS and self._samples >= _HOLDS_SAMPLES

    @property
    def stands(self) -> bool:
        """Whether it has been seen for longer than the edge of a cloud adds to the sun."""
        return self._stood_ms >= _STANDS_MS

    @property
    def steady(self) -> bool:
        """Whether no cloud has passed for long."""
        return self._stood_ms >= _STEADY_MS and self._samples >= _STEADY_SAMPLES

    @property
    def fine(self) -> bool:
        """Whether samples come so often that each shows the sky of a moment."""
        return 0 < self._step_ms <= _FINE_MS

    def part_of(self, span_ms: int) -> float:
        """How much of a span of time one sample stands for."""
        return min(1.0, self._step_ms / span_ms)

    def move(self, move: Move) -> None:
        """The clock was set."""
        self._last_ms, self._from_ms = move.maybe(self._last_ms), move(self._from_ms)

    def state(self) -> list[Any]:
        stretch = [self._level, self.drift, self._stood_ms, self._step_ms]
        return [self._last_ms, self.mean, self._from_ms, self._samples, *stretch]

    def restore(self, state: Sequence[Any]) -> None:
        self._last_ms, self.mean, self._from_ms, self._samples = state[:4]
        # What earlier versions did not remember.
        self._level, self.drift, self._stood_ms, self._step_ms = (
            state[4:8] if len(state) > 4 else (self.mean, 0.0, 0, 0)
        )
