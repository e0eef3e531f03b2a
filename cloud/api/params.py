"""What the endpoints share: where reader and clock come from, and how times are written and read."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import Field

from cloud.api.problems import invalid, unknown_device
from cloud.ports import BrokerLine, Clock, FleetReader, Site

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_MS = 253_402_300_799_999
MAX_ROWS = 5_000
DAY_MS = 86_400_000
TIME_FORM = "ISO 8601 with Z or an offset, or milliseconds since 1970-01-01T00:00:00Z"


async def _reader(request: Request) -> Any:
    return request.app.state.reader


async def _clock(request: Request) -> Any:
    return request.app.state.clock


async def _broker(request: Request) -> Any:
    return request.app.state.broker


Broker = Annotated[BrokerLine, Depends(_broker)]
Reader = Annotated[FleetReader, Depends(_reader)]
Now = Annotated[Clock, Depends(_clock)]
DeviceId = Annotated[str, Path(description="Device id", min_length=1, max_length=128)]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most this many items")]
Offset = Annotated[int, Query(ge=0, le=100_000, description="Leave out this many items first")]
From = Annotated[str | None, Query(alias="from", max_length=40, description=f"Start of the period: {TIME_FORM}")]
Until = Annotated[str | None, Query(alias="to", max_length=40, description=f"End of the period, excluded: {TIME_FORM}")]


async def _person(request: Request) -> str:
    return str(getattr(request.state, "person", ""))


# Who is logged in; empty where nobody has to be.
Person = Annotated[str, Depends(_person)]
By = Annotated[str | None, Field(min_length=1, max_length=100, description="Who asks; whoever is logged in otherwise")]


def signed(person: str, by: str | None) -> str:
    """Who asks: whoever is logged in, or else whom the request names. Raises `ApiProblem` (422) for nobody."""
    if not person and by is None:
        raise invalid("by", None, 'who asks, {"by": "anna"} in the body, or a login')
    return person or by or ""


def iso(at_ms: int) -> str:
    """UTC, ISO 8601 with milliseconds and Z; what lies outside the calendar is put at its edge.

    >>> iso(1_496_568_540_000)
    '2017-06-04T09:29:00.000Z'
    """
    moment = EPOCH + timedelta(milliseconds=min(max(at_ms, 0), MAX_MS))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso(at_ms)


def read_time(field: str, text: str) -> int:
    """Milliseconds since 1970. Raises `ApiProblem` (422) that names `field`.

    >>> read_time("from", "2017-06-04T09:29:00Z") == read_time("from", "1496568540000")
    True
    """
    if text.isascii() and text.isdigit() and int(text) <= MAX_MS:
        return int(text)
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        raise invalid(field, text, TIME_FORM) from None
    if moment.tzinfo is None or moment < EPOCH:
        raise invalid(field, text, TIME_FORM)
    return (moment - EPOCH) // timedelta(milliseconds=1)


def period(start: str | None, end: str | None, now_ms: int, default_ms: int = DAY_MS) -> tuple[int, int]:
    """The period asked for: by default the `default_ms` before `to`, and `to` is now."""
    end_ms = now_ms if end is None else read_time("to", end)
    start_ms = max(0, end_ms - default_ms) if start is None else read_time("from", start)
    if start_ms >= end_ms:
        raise invalid("from", start, f"a time before `to` ({iso(end_ms)})")
    return start_ms, end_ms


def known(reader: FleetReader, device: str) -> Site:
    """The site of `device`. Raises `ApiProblem` (404)."""
    site = reader.site(device)
    if site is None:
        raise unknown_device(device)
    return site


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """`values` without what JSON cannot carry."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
