"""The wall clock of a site, cheap enough to be asked for every sample."""

from datetime import datetime, tzinfo
from typing import Final

_QUARTER_MS: Final = 15 * 60_000
_MINUTE_MS: Final = 60_000
MINUTES_PER_DAY: Final = 24 * 60
NOON: Final = 12 * 60


class LocalTime:
    """Minutes of the local day. Offsets change at full quarters of an hour only, so one is good for a quarter."""

    __slots__ = ("_day", "_offset_minutes", "_quarter", "_zone")

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._quarter: int | None = None
        self._offset_minutes = 0
        self._day = 0

    def _look(self, quarter: int) -> None:
        offset = datetime.fromtimestamp(quarter * 900, self._zone).utcoffset()
        self._offset_minutes = int(offset.total_seconds()) // 60 if offset else 0
        self._day = (quarter * 15 + self._offset_minutes) // MINUTES_PER_DAY
        self._quarter = quarter

    def minute_of_day(self, at_ms: int) -> int:
        """0 at local midnight, 720 during the minute that begins at 12:00.

        >>> from zoneinfo import ZoneInfo
        >>> LocalTime(ZoneInfo("Europe/Berlin")).minute_of_day(1_719_050_400_000)  # 2024-06-22T10:00Z
        720
        """
        quarter = at_ms // _QUARTER_MS
        if quarter != self._quarter:
            self._look(quarter)
        return (at_ms // _MINUTE_MS + self._offset_minutes) % MINUTES_PER_DAY

    def day(self, at_ms: int) -> int:
        """Number of the local day; it rises by one at each local midnight."""
        quarter = at_ms // _QUARTER_MS
        if quarter != self._quarter:
            self._look(quarter)
        return self._day
