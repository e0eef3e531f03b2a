"""Lifetime counters into energy by day, week, month and year of the site's own clock.

A local day has 23, 24 or 25 hours. What was counted between two looks at the counters is spread evenly over the time
in between, so a look at each local midnight makes a day exact, and a device that was away leaves no hole.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise

Look = tuple[int, Mapping[str, float]]


class Span(StrEnum):
    """How long a period is; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    LIFETIME = "lifetime"


def bounds(span: Span, zone: tzinfo, from_ms: int, to_ms: int) -> list[int]:
    """Where the periods that touch `from_ms` … `to_ms` begin, and where the last one ends.

    >>> from zoneinfo import ZoneInfo
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> day = [ms / 3_600_000 for ms in bounds(Span.DAY, berlin, 1_711_839_600_000, 1_711_839_600_001)]
    >>> day[1] - day[0]  # 2024-03-31: summer time begins
    23.0
    """
    if span is Span.LIFETIME:
        return [from_ms, max(from_ms, to_ms)]
    day = _first(span, datetime.fromtimestamp(from_ms / 1000, zone).date())
    found = [_midnight(day, zone)]
    while found[-1] < to_ms:
        day = _next(span, day)
        found.append(_midnight(day, zone))
    return found


def _midnight(day: date, zone: tzinfo) -> int:
    """The instant at which a local day begins; where its midnight is left out, the first that there is."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return round(local.astimezone(UTC).timestamp() * 1000)


def _first(span: Span, day: date) -> date:
    match span:
        case Span.WEEK:
            return day - timedelta(days=day.weekday())
        case Span.MONTH:
            return day.replace(day=1)
        case Span.YEAR:
            return day.replace(month=1, day=1)
    return day


def _next(span: Span, day: date) -> date:
    match span:
        case Span.WEEK:
            return day + timedelta(days=7)
        case Span.MONTH:
            return (day + timedelta(days=32)).replace(day=1)
        case Span.YEAR:
            return day.replace(year=day.year + 1)
    return day + timedelta(days=1)


def by_period(looks: Iterable[Look], edges: Sequence[int]) -> list[dict[str, float]]:
    """Wh of each counter in each period, of looks in the order of time.

    A counter that fell was replaced or began again at 0. A period in which nothing was seen has none.
    """
    periods: list[dict[str, float]] = [{} for _ in edges[1:]]
    last: dict[str, tuple[int, float]] = {}
    for at_ms, counters in looks:
        for name, value in counters.items():
            before = last.get(name)
            if before is not None and at_ms > before[0]:
                gained = value - before[1] if value >= before[1] else value
                _spread(periods, edges, name, gained, before[0], at_ms)
            last[name] = (at_ms, value)
    return periods


def _spread(
    periods: list[dict[str, float]], edges: Sequence[int], name: str, gained: float, from_ms: int, to_ms: int
) -> None:
    for number, (start_ms, end_ms) in enumerate(pairwise(edges)):
        shared_ms = min(to_ms, end_ms) - max(from_ms, start_ms)
        if shared_ms > 0:
            share = gained * shared_ms / (to_ms - from_ms)
            periods[number][name] = periods[number].get(name, 0.0) + share
