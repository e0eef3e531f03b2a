"""The nights in which local clocks are put forward or back: what begins there on many sites has that one cause."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cloud.incidents.places import Place
from cloud.incidents.symptoms import DAY_MS, HOUR_MS, Symptom

_BEFORE_MS: Final = HOUR_MS
_AFTER_MS: Final = 4 * HOUR_MS
_LEAST_SITES: Final = 3
# As many times the sites of an average night.
_RATIO: Final = 3.0


@cache
def changes(timezone: str, year: int) -> tuple[int, ...]:
    """When this zone's clocks change in a year, ms UTC; empty for a zone that is not known.

    >>> [datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in changes("Europe/Berlin", 2026)]
    ['2026-03-29T01:00:00+00:00', '2026-10-25T01:00:00+00:00']
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ()
    moment, found = datetime(year, 1, 1, tzinfo=UTC), []
    offset = moment.astimezone(zone).utcoffset()
    while moment.year == year:
        moment += timedelta(hours=1)
        now = moment.astimezone(zone).utcoffset()
        if now != offset:
            found.append(round(moment.timestamp() * 1000))
            offset = now
    return tuple(found)


def night_of(start_ms: int, timezone: str) -> tuple[str, int] | None:
    """The change that `start_ms` lies around: its local date, and its time in ms UTC."""
    year = datetime.fromtimestamp(start_ms / 1000, UTC).year
    for change_ms in changes(timezone, year):
        if change_ms - _BEFORE_MS <= start_ms < change_ms + _AFTER_MS:
            return datetime.fromtimestamp(change_ms / 1000, ZoneInfo(timezone)).date().isoformat(), change_ms
    return None


def clock_nights(
    symptoms: Sequence[Symptom], numbers: Sequence[int], fleet: Mapping[str, Place]
) -> list[tuple[str, list[int]]]:
    """Date and indices of what began around a change of clocks, where that is more than a night brings."""
    nights: dict[str, list[int]] = defaultdict(list)
    times: dict[str, int] = {}
    for n in numbers:
        one = symptoms[n]
        night = night_of(one.start_ms, fleet[one.device].timezone) if one.sudden and one.device in fleet else None
        if night is not None:
            nights[night[0]].append(n)
            times.setdefault(*night)
    found = []
    for date, members in sorted(nights.items()):
        devices = {symptoms[n].device for n in members}
        usual = _usual(symptoms, numbers, members, times[date])
        if len(devices) >= _LEAST_SITES and len(devices) >= _RATIO * usual:
            found.append((date, members))
    return found


def _usual(symptoms: Sequence[Symptom], numbers: Sequence[int], members: Sequence[int], change_ms: int) -> float:
    """How many of these codes begin in the same hours of an average other day."""
    codes, inside = {symptoms[n].code for n in members}, set(members)
    starts = [symptoms[n].start_ms for n in numbers if n not in inside and symptoms[n].code in codes]
    if not starts:
        return 0.0
    days = max(1, len({start_ms // DAY_MS for start_ms in starts}))
    hours = [start_ms for start_ms in starts if (start_ms - change_ms + _BEFORE_MS) % DAY_MS < _BEFORE_MS + _AFTER_MS]
    return len(hours) / days
