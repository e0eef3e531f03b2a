"""Simulated time, which may run faster than life, and the text forms of instants."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class SimClock:
    """Maps wall time to simulated time: `start_ms + (wall - wall_start_ms) * rate`, never before `floor_ms`.

    All in ms since 1970-01-01T00:00:00Z; `rate` is simulated seconds per wall second.
    """

    start_ms: int
    wall_start_ms: int
    rate: float
    floor_ms: int

    def now_ms(self, wall_ms: int) -> int:
        """Simulated instant at wall instant `wall_ms`.

        >>> SimClock(start_ms=1_000_000, wall_start_ms=500, rate=60.0, floor_ms=0).now_ms(1500)
        1060000
        """
        return max(self.floor_ms, self.start_ms + round((wall_ms - self.wall_start_ms) * self.rate))


@dataclass(slots=True)
class StillClock:
    """Simulated time that stands at `at_ms` until somebody sets it."""

    at_ms: int

    def now_ms(self, wall_ms: int) -> int:
        """Simulated instant, whatever the wall says."""
        del wall_ms
        return self.at_ms


def parse_instant(text: str) -> int:
    """ISO 8601 with an offset or Z, as ms since 1970. Raises `ValueError` with what was expected.

    >>> parse_instant("2026-05-01T00:00:00Z")
    1777593600000
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError(f"{text!r} is not an instant; expected ISO 8601 with an offset, like 2026-05-01T00:00:00Z")
    return round((moment - EPOCH) / timedelta(milliseconds=1))


def instant_text(at_ms: int) -> str:
    """ISO 8601 in UTC with Z; milliseconds only where there are any.

    >>> instant_text(1777593600000)
    '2026-05-01T00:00:00Z'
    """
    moment = EPOCH + timedelta(milliseconds=at_ms)
    precision = "milliseconds" if at_ms % 1000 else "seconds"
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
