"""How much of what the sun offers is reached in good moments, apart for morning, noon and afternoon.

Clouds take from any day, but in two weeks there are clear moments at most places; a lost string, or a tree, takes
from all of them. So of each day the best three frames in a row are kept for each part of the sky, and the best of those
over the last days is judged.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

SECTORS: Final = 3
IN_A_ROW: Final = 3
LEAST_EXPECTED: Final = 0.12
LAST_DAYS: Final = 15
LEAST_DAYS: Final = 8
_MOST: Final = 2.0
_NONE: Final = -1.0


def sector_of(side: float) -> int:
    """0 for a sun in the east, 1 between, 2 in the west; `side` is the sine of its azimuth."""
    return 0 if side > 0.5 else 2 if side < -0.5 else 1


class DayReach:
    """One day's best, by sector; `ratios` are those of the last frames in a row."""

    __slots__ = ("best", "frame", "ratios")

    def __init__(self) -> None:
        self.best = [_NONE] * SECTORS
        self.ratios: list[float] = []
        self.frame = 0

    def add(self, frame: int, side: float, y: float, expected: float) -> None:
        """Take in frame number `frame`; what is expected to be next to nothing tells nothing."""
        if expected < LEAST_EXPECTED or frame != self.frame + 1:
            self.ratios = []
        self.frame = frame
        if expected < LEAST_EXPECTED:
            return
        self.ratios = [*self.ratios, min(_MOST, y / expected)][-IN_A_ROW:]
        if len(self.ratios) == IN_A_ROW:
            sector = sector_of(side)
            self.best[sector] = max(self.best[sector], min(self.ratios))

    def state(self) -> list[Any]:
        return [self.best, self.ratios, self.frame]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "DayReach":
        reach = cls()
        reach.best, reach.ratios, reach.frame = list(state[0]), list(state[1]), state[2]
        return reach


class Reach:
    """The best of the last days, by sector."""

    __slots__ = ("days",)

    def __init__(self) -> None:
        self.days: deque[list[float]] = deque(maxlen=LAST_DAYS)

    def update(self, day: DayReach) -> float:
        """Take in a day; returns what is missing in the worst sector: 0 where all is reached, 1 where nothing is."""
        self.days.append(list(day.best))
        missing = 0.0
        for sector in range(SECTORS):
            known = [best[sector] for best in self.days if best[sector] > _NONE]
            if len(known) >= LEAST_DAYS:
                missing = max(missing, 1.0 - max(known))
        return missing
