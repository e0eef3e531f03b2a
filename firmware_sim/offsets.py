"""Times of a scenario: `+12d 10:30` is half past ten by the site's own clock, twelve local days after its origin's.

The origin's local date is day 0, so `+0d` may lie before the origin itself.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_FORM: Final = re.compile(r"\+(\d{1,4})d ([01]\d|2[0-3]):([0-5]\d)")
EXPECTED: Final = "expected a local time like '+12d 10:30' (days after the origin's date, then the clock)"


@dataclass(frozen=True, slots=True, order=True)
class Offset:
    """Local days after the origin's local date, and minutes of that day."""

    days: int
    minutes: int

    def at_ms(self, origin_ms: int, zone: ZoneInfo) -> int:
        """The instant it means, for a scenario that begins at `origin_ms`."""
        day = datetime.fromtimestamp(origin_ms / 1000, zone).date() + timedelta(days=self.days)
        hours, minutes = divmod(self.minutes, 60)
        local = datetime(day.year, day.month, day.day, hours, minutes, tzinfo=zone)
        return round(local.astimezone(UTC).timestamp() * 1000)


def parse_offset(text: str) -> Offset:
    """Reads `+12d 10:30`. Raises `ValueError` with what was expected.

    >>> parse_offset("+12d 10:30")
    Offset(days=12, minutes=630)
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time; {EXPECTED}")
    days, hours, minutes = (int(part) for part in match.groups())
    return Offset(days, hours * 60 + minutes)
