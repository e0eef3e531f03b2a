"""When a job is due: every so often, daily at a local time, or only by hand. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.domain.errors import BadInput

_UNITS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
_EVERY: Final = re.compile(r"every (\d{1,6}) ?(s|min|h|d)")
_DAILY: Final = re.compile(r"daily (\d{1,2}):(\d{2})(?: (\S+))?")
_FORM: Final = "'every 10 min', 'daily 02:30 Europe/Berlin' or 'by hand'"


@dataclass(frozen=True, slots=True)
class Every:
    seconds: int

    def __str__(self) -> str:
        unit = next(name for name in ("d", "h", "min", "s") if self.seconds % _UNITS[name] == 0)
        return f"every {self.seconds // _UNITS[unit]} {unit}"


@dataclass(frozen=True, slots=True)
class Daily:
    """At a local time of day. One that clocks leave out comes an hour later; one that they show twice comes once."""

    hour: int
    minute: int
    zone: str

    def __str__(self) -> str:
        return f"daily {self.hour:02}:{self.minute:02} {self.zone}"


@dataclass(frozen=True, slots=True)
class ByHand:
    def __str__(self) -> str:
        return "by hand"


Schedule = Every | Daily | ByHand


def parse(text: str, zone: str = "UTC") -> Schedule:
    """The schedule that `text` names; `zone` holds where it names none. Raises `BadInput`.

    >>> str(parse("every 600 s")), str(parse("daily 2:30", "Europe/Paris"))
    ('every 10 min', 'daily 02:30 Europe/Paris')
    """
    if text == "by hand":
        return ByHand()
    every = _EVERY.fullmatch(text)
    if every is not None and int(every[1]) > 0:
        return Every(int(every[1]) * _UNITS[every[2]])
    daily = _DAILY.fullmatch(text)
    if daily is None or int(daily[1]) > 23 or int(daily[2]) > 59:
        raise BadInput(f"schedule {text!r}, expected {_FORM}")
    name = daily[3] or zone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(f"schedule {text!r}: no time zone {name!r}, expected a name like Europe/Berlin") from None
    return Daily(int(daily[1]), int(daily[2]), name)


def due_after(schedule: Schedule, last_ms: int) -> int | None:
    """The first time behind `last_ms` at which it is due, ms UTC; None for one that nobody waits for.

    >>> due_after(Every(60), 1_000)
    61000
    """
    if isinstance(schedule, ByHand):
        return None
    if isinstance(schedule, Every):
        return last_ms + schedule.seconds * 1000
    zone = ZoneInfo(schedule.zone)
    day = datetime.fromtimestamp(last_ms / 1000, UTC).astimezone(zone).date() - timedelta(days=1)
    while True:
        moment = datetime(day.year, day.month, day.day, schedule.hour, schedule.minute, tzinfo=zone)
        due_ms = round(moment.timestamp() * 1000)
        if due_ms > last_ms:
            return due_ms
        day += timedelta(days=1)
