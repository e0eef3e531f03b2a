"""What was: series, energy, events."""

import csv
import io
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from agent.domain.signals import signal_name, spec_of
from cloud.api.models import EnergyOut, EnergyPoint, EventList, EventOut, Point, Series
from cloud.api.params import DAY_MS, MAX_ROWS, DeviceId, From, Limit, Now, Reader, Until, finite, iso, known, period
from cloud.api.problems import ApiProblem, invalid
from cloud.ports import EnergyRow, SeriesPoint

router = APIRouter(tags=["history"])
STEPS_S = (60, 300, 900, 1800, 3600, 7200, 21_600, 86_400)
AIM_POINTS = 500
MAX_ENERGY_DAYS = 400
_COLUMNS = ("time", "mean", "low", "high", "last", "n", "bad")

Step = Annotated[int | None, Query(ge=1, le=31 * 86_400, description="Seconds; by default chosen by the period")]


@router.get(
    "/devices/{device}/series",
    response_model=Series,
    responses={200: {"content": {"text/csv": {}}}},
    openapi_extra={"x-example": "/devices/{device}/series?signal={signal}&step=3600"},
)
def series(
    device: DeviceId,
    signal: Annotated[str, Query(max_length=64, description="One that /devices/{device}/signals lists")],
    reader: Reader,
    clock: Now,
    start: From = None,
    end: Until = None,
    step: Step = None,
    format: Annotated[Literal["json", "csv"], Query(description="json or csv")] = "json",  # noqa: A002
) -> Any:
    """One signal over a period, joined to steps. By default the last 24 hours."""
    known(reader, device)
    unit = _unit(signal)
    start_ms, end_ms = period(start, end, clock.now_ms())
    step_s = step or _fitting_step(end_ms - start_ms)
    if (end_ms - start_ms) / (step_s * 1000) > MAX_ROWS:
        raise invalid("step", step_s, f"at most {MAX_ROWS} steps in the period: a longer step or a shorter period")
    points = reader.series(device, signal, start_ms, end_ms, step_s)
    if format == "csv":
        return _csv(points, f"{device}-{signal}")
    return Series(
        device=device,
        signal=signal,
        unit=unit,
        start=iso(start_ms),
        end=iso(end_ms),
        step_s=step_s,
        points=[Point.of(point) for point in points],
    )


def _unit(signal: str) -> str:
    try:
        spec = spec_of(signal_name(signal))
    except ValueError as error:
        raise ApiProblem(422, "signal", signal, "a name that the device's signals list", str(error)) from None
    return spec.unit if spec is not None else ""


def _fitting_step(length_ms: int) -> int:
    return next((step for step in STEPS_S if length_ms / (step * 1000) <= AIM_POINTS), STEPS_S[-1])


def _csv(points: Sequence[SeriesPoint], name: str) -> Response:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for point in points:
        values = (point.mean, point.low, point.high, point.last, point.n, point.bad)
        writer.writerow([iso(point.start_ms), *("" if value is None else value for value in values)])
    safe = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_") else "_" for sign in name)
    headers = {"Content-Disposition": f'attachment; filename="{safe}.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/energy", openapi_extra={"x-example": "/energy?device={device}"})
def energy(
    device: Annotated[str, Query(min_length=1, max_length=128, description="Device id")],
    reader: Reader,
    clock: Now,
    start: From = None,
    end: Until = None,
    limit: Limit = 500,
) -> EnergyOut:
    """Lifetime counters over a period and what each gained. By default the last 24 hours."""
    known(reader, device)
    start_ms, end_ms = period(start, end, clock.now_ms())
    if end_ms - start_ms > MAX_ENERGY_DAYS * DAY_MS:
        raise invalid("from", start, f"a period of at most {MAX_ENERGY_DAYS} days")
    rows = reader.energy(device, start_ms, end_ms)
    every = -(-len(rows) // limit) or 1
    return EnergyOut(
        device=device,
        start=iso(start_ms),
        end=iso(end_ms),
        totals=gained(rows),
        thinned=every > 1,
        points=[EnergyPoint.of(row) for row in rows[::every]],
    )


def gained(rows: Sequence[EnergyRow]) -> dict[str, float]:
    """What each counter gained over `rows`, Wh. A counter that falls began again at 0."""
    totals: dict[str, float] = {}
    for before, after in pairwise(rows):
        for name, value in finite(after.counters).items():
            old = before.counters.get(name)
            if old is not None:
                totals[name] = totals.get(name, 0.0) + (value - old if value >= old else value)
    return totals


@router.get("/events", openapi_extra={"x-example": "/events?device={device}&limit=20"})
def events(
    device: Annotated[str, Query(min_length=1, max_length=128, description="Device id")],
    reader: Reader,
    limit: Limit = 100,
) -> EventList:
    """What happened to the device itself, newest first."""
    known(reader, device)
    return EventList(items=[EventOut.of(row) for row in reader.events(device, limit)])
