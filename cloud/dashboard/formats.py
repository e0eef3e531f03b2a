"""Numbers, durations and times as the pages write them. What is not known is written "–", never 0."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.domain import signals as sg
from agent.domain.signals import InverterAlarm, InverterState, spec_of
from cloud.dashboard import words

UNKNOWN: Final = "–"
MINUS: Final = "−"
THIN: Final = "\u202f"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_MS: Final = 253_370_764_799_999
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
_LENGTHS_MS: Final = {"s": 1000, "min": MINUTE_MS, "h": HOUR_MS}


def zone_of(name: str) -> ZoneInfo:
    """The time zone `name`; UTC when there is none of that name.

    >>> zone_of("Mars/Olympus").key
    'UTC'
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local(at_ms: int, zone: ZoneInfo) -> datetime:
    """The instant on the site's clock; what lies outside the calendar is put at its edge."""
    return (EPOCH + timedelta(milliseconds=min(max(at_ms, DAY_MS), _MAX_MS))).astimezone(zone)


def clock_text(at_ms: int, zone: ZoneInfo, now_ms: int) -> str:
    """Local time as short as it can be told: today's without its date, this year's without its year."""
    moment, now = local(at_ms, zone), local(now_ms, zone)
    if moment.date() == now.date():
        return moment.strftime("%H:%M")
    if moment.year == now.year:
        return f"{moment.day} {moment.strftime('%b %H:%M')}"
    return f"{moment.day} {moment.strftime('%b %Y %H:%M')}"


def full_time(at_ms: int, zone: ZoneInfo) -> str:
    """Local time in full, with its zone named."""
    moment = local(at_ms, zone)
    return f"{moment.strftime('%Y-%m-%d %H:%M:%S')} {moment.tzname()} ({zone.key})"


def number(value: float | None, decimals: int = 0) -> str:
    """A number with thin spaces between thousands and a real minus sign.

    >>> number(-1234.6).replace(THIN, "'")
    "−1'235"
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{abs(value):,.{decimals}f}".replace(",", THIN)
    negative = value < 0 and any(sign in "123456789" for sign in text)
    return (MINUS if negative else "") + text


def watts(value: float | None) -> str:
    """A power's size, W below 10 kW, then kW.

    >>> watts(950), watts(12_345)
    ('950 W', '12.3 kW')
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) < 9_999.5:
        return f"{number(value)} W"
    return f"{number(value / 1000, 1)} kW"


def energy(wh: float | None) -> str:
    """
    >>> energy(12_345.0)
    '12.3 kWh'
    """
    if wh is None or not math.isfinite(wh):
        return UNKNOWN
    if abs(wh) < 1000:
        return f"{number(wh)} Wh"
    if abs(wh) < 999_950:
        return f"{number(wh / 1000, 1)} kWh"
    return f"{number(wh / 1e6, 2)} MWh"


_CODES: Final[dict[str, type[InverterState] | type[InverterAlarm]]] = {
    sg.INVERTER_STATE: InverterState,
    sg.INVERTER_ALARM: InverterAlarm,
}


def with_unit(name: str, value: float | None) -> str:
    """A signal's value, the worst or expected one of an episode, or another number of its evidence, with its unit.

    In as many decimals as a signal travels with; a code of the common sets in words.
    """
    if value is None:
        return UNKNOWN
    if name in words.EVIDENCE_WORDS:
        return _measured(value, words.EVIDENCE_WORDS[name].unit, 1)
    spec = spec_of(name.removeprefix("worst_").removeprefix("expected_"))
    if spec is None:
        return number(value, 2)
    if spec.unit == "code":
        kind = _CODES.get(name)
        return words.plain(kind(int(value)).name.lower()) if kind is not None and value in set(kind) else number(value)
    if spec.unit == "0/1":
        return {0.0: "off", 1.0: "on"}.get(value) or percent(value)
    return _measured(value, spec.unit, spec.decimals)


def _measured(value: float, unit: str, decimals: int) -> str:
    if unit == "W":
        return watts(value)
    if unit == "Wh":
        return energy(value)
    if unit in _LENGTHS_MS and math.isfinite(value):
        return (MINUS if value < 0 else "") + duration(abs(value) * _LENGTHS_MS[unit])
    return f"{number(value, decimals)} {unit}" if unit else number(value, 2)


def celsius(value: float | None) -> str:
    return UNKNOWN if value is None else f"{number(value, 1)} °C"


def percent(share: float | None, decimals: int = 0) -> str:
    """A share of 1 as percent; never rounded up to a full 100."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    full = 100 * share
    if full < 100:
        full = min(full, 100 - 10**-decimals)
    return f"{number(full, decimals)} %"


def hours(value: float | None) -> str:
    """Hours, with a decimal while they are few."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{number(value, 1 if abs(value) < 10 else 0)} h"


def mtbf(value: float | None, low: float | None, high: float | None = None) -> str:
    """MTBF with its bound or interval. Without a failure only the bound can be told.

    >>> mtbf(None, 120.4), mtbf(61.5, 29.8), mtbf(None, None)
    ('> 120 h, no failure yet', '62 h (> 30 h)', '–')
    """
    if value is None:
        return UNKNOWN if low is None else f"> {hours(low)}, no failure yet"
    if low is None:
        return hours(value)
    if high is None:
        return f"{hours(value)} (> {hours(low)})"
    return f"{hours(value)} ({hours(low).removesuffix(' h')} … {hours(high)})"


def duration(ms: float | None) -> str:
    """A length of time in its two largest units.

    >>> duration(90 * 60_000), duration(45_000), duration(26 * 3_600_000)
    ('1 h 30 min', '45 s', '1 d 2 h')
    """
    if ms is None or not math.isfinite(ms):
        return UNKNOWN
    ms = max(0, int(ms))
    if ms < MINUTE_MS:
        return f"{ms // 1000} s"
    units = ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"))
    place = next(index for index, (size, _) in enumerate(units) if ms >= size)
    first, unit = units[place]
    text = f"{number(ms // first)} {unit}"
    if place + 1 < len(units) and (rest := ms % first // units[place + 1][0]):
        text += f" {rest} {units[place + 1][1]}"
    return text


def ago(at_ms: int, now_ms: int) -> str:
    """How long since `at_ms`, in one unit."""
    age = now_ms - at_ms
    if age < -MINUTE_MS:
        return "in the future"
    if age < 10_000:
        return "now"
    for size, unit in ((DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "min"), (1000, "s")):
        if age >= size:
            return f"{number(age // size)} {unit} ago"
    return "now"
