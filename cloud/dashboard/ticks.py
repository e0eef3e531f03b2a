"""Where a chart's axes are marked: round values, and round times on the site's own clock."""

import math
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cloud.dashboard.formats import DAY_MS, EPOCH, HOUR_MS, local

_AIM: Final = 4
_MAX_MARKS: Final = 12


def value_ticks(low: float, high: float) -> list[float]:
    """Round values from at or below `low` to at or above `high`: steps of 1, 2, 2.5 or 5 times a power of ten.

    >>> value_ticks(0, 5200)
    [0.0, 2000.0, 4000.0, 6000.0]
    """
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / _AIM
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def time_ticks(start_ms: int, end_ms: int, zone: ZoneInfo) -> list[tuple[int, str]]:
    """Instant and label of each mark: every few hours within two days, then local midnights."""
    length = end_ms - start_ms
    if length <= 2 * DAY_MS:
        return _hours(start_ms, end_ms, zone, 4 if length > 12 * HOUR_MS else 1)
    days = length / DAY_MS
    return _days(start_ms, end_ms, zone, max(1, math.ceil(days / 7)), weekday=days <= 8)


def _hours(start_ms: int, end_ms: int, zone: ZoneInfo, every: int) -> list[tuple[int, str]]:
    """Full local hours that `every` divides. Going by UTC hours keeps a change of clocks right."""
    first = -(-start_ms // HOUR_MS) * HOUR_MS
    # Some zones are off by a quarter of an hour.
    offset = local(first, zone).minute * 60_000
    marks = []
    for at_ms in range(first - offset, end_ms, HOUR_MS):
        moment = local(at_ms, zone)
        if at_ms >= start_ms and moment.hour % every == 0:
            marks.append((at_ms, moment.strftime("%H:%M")))
    return marks


def _days(start_ms: int, end_ms: int, zone: ZoneInfo, every: int, *, weekday: bool) -> list[tuple[int, str]]:
    """Local midnights, `every` so many days."""
    day = local(start_ms, zone).date() + timedelta(days=1)
    marks: list[tuple[int, str]] = []
    while len(marks) < _MAX_MARKS:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        at_ms = (midnight - EPOCH) // timedelta(milliseconds=1)
        if at_ms >= end_ms:
            break
        marks.append((at_ms, f"{day:%a} {day.day}" if weekday else f"{day.day} {day:%b}"))
        day += timedelta(days=every)
    return marks
