"""One signal over time as a picture: mean line over its min–max band, gaps left open, fault periods shaded."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from agent.domain.signals import spec_of
from cloud.dashboard import formats, words
from cloud.dashboard.ticks import time_ticks, value_ticks
from cloud.ports import FaultRow, SeriesPoint

WIDTH: Final = 420.0
HEIGHT: Final = 148.0
LEFT: Final = 40.0
RIGHT: Final = WIDTH - 6
TOP: Final = 10.0
BOTTOM: Final = HEIGHT - 20
LONGEST_WINDOW_MS: Final = formats.HOUR_MS
# Without it the noise of a sensor at rest would fill the picture.
_LEAST_SPAN: Final = {"°C": 4.0, "bar": 1.0}


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Shade:
    """A time in which a fault was active."""

    x: float
    width: float
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that the template draws; coordinates in the picture's own units. `points` is JSON for the tooltip."""

    signal: str
    title: str
    unit: str
    last: str
    lines: tuple[str, ...]
    bands: tuple[str, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    zero: float | None
    shades: tuple[Shade, ...]
    start_ms: int
    end_ms: int
    points: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The period shown, on whose clock, and the length of one step."""

    start_ms: int
    end_ms: int
    step_ms: int
    zone: ZoneInfo

    def x(self, at_ms: float) -> float:
        share = (at_ms - self.start_ms) / (self.end_ms - self.start_ms)
        return LEFT + min(max(share, 0.0), 1.0) * (RIGHT - LEFT)


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return BOTTOM - min(max(share, 0.0), 1.0) * (BOTTOM - TOP)


def draw(signal: str, points: Sequence[SeriesPoint], faults: Sequence[FaultRow], frame: Frame) -> Chart:
    """The picture of `signal`; without a good point it has axes and no line."""
    spec = spec_of(signal)
    unit = spec.unit if spec is not None else ""
    ticks = value_ticks(*_extent(points, unit))
    scale = Scale(ticks[0], ticks[-1])
    frame = replace(frame, step_ms=_spacing(points, frame.step_ms))
    runs = [run for run in _runs(points, frame.step_ms) if run]
    factor, shown_unit = _shown_unit(unit, scale)
    last = next((point.last for point in reversed(points) if point.last is not None), None)
    return Chart(
        signal=signal,
        title=words.signal_words(signal),
        unit=shown_unit,
        last=formats.with_unit(signal, last),
        lines=tuple(_line(run, frame, scale) for run in runs),
        bands=tuple(_band(run, frame, scale) for run in runs if len(run) > 1),
        x_ticks=tuple(Tick(frame.x(at), label) for at, label in time_ticks(frame.start_ms, frame.end_ms, frame.zone)),
        y_ticks=tuple(Tick(scale.y(value), _label(value * factor, ticks, factor)) for value in ticks),
        zero=scale.y(0.0) if scale.low < 0 < scale.high else None,
        shades=tuple(_shades(faults, frame)),
        start_ms=frame.start_ms,
        end_ms=frame.end_ms,
        points=_tooltip_points(points, frame, scale, signal),
    )


def _spacing(points: Sequence[SeriesPoint], step_ms: int) -> int:
    """How far apart points usually lie: a device's own windows may be longer than the steps asked for."""
    distances = sorted(b.start_ms - a.start_ms for a, b in pairwise(points))
    usual = distances[len(distances) // 2] if distances else step_ms
    return max(step_ms, min(usual, LONGEST_WINDOW_MS))


def _extent(points: Sequence[SeriesPoint], unit: str) -> tuple[float, float]:
    if unit == "%":
        return 0.0, 100.0
    if unit == "0/1":
        return 0.0, 1.0
    seen = [value for point in points for value in (point.low, point.high, point.mean) if _is_number(value)]
    numbers = [value for value in seen if value is not None]
    if not numbers:
        return 0.0, 1.0
    low, high = min(numbers), max(numbers)
    if unit == "W":
        low, high = min(low, 0.0), max(high, 100.0)
    lacking = max(0.0, _LEAST_SPAN.get(unit, 0.0) - (high - low)) / 2
    return low - lacking, high + lacking


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _runs(points: Sequence[SeriesPoint], step_ms: int) -> Iterator[list[SeriesPoint]]:
    """The points with a good value, broken where one is missing or time jumps."""
    run: list[SeriesPoint] = []
    for point in points:
        jumped = bool(run) and point.start_ms - run[-1].start_ms > 1.5 * step_ms
        if jumped or not _is_number(point.mean):
            yield run
            run = []
        if _is_number(point.mean):
            run.append(point)
    yield run


def _middle(point: SeriesPoint, frame: Frame) -> float:
    return frame.x(point.start_ms + frame.step_ms / 2)


def _line(run: Sequence[SeriesPoint], frame: Frame, scale: Scale) -> str:
    corners = [(_middle(point, frame), scale.y(point.mean or 0.0)) for point in run]
    if len(corners) == 1:
        return f"M{corners[0][0]:.1f} {corners[0][1]:.1f}h.01"
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners)


def _band(run: Sequence[SeriesPoint], frame: Frame, scale: Scale) -> str:
    over = [(_middle(point, frame), scale.y(_or(point.high, point.mean))) for point in run]
    under = [(_middle(point, frame), scale.y(_or(point.low, point.mean))) for point in reversed(run)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in over + under) + "Z"


def _or(value: float | None, other: float | None) -> float:
    if value is not None and math.isfinite(value):
        return value
    return other or 0.0


def _shown_unit(unit: str, scale: Scale) -> tuple[float, str]:
    if unit == "W" and max(abs(scale.low), abs(scale.high)) >= 2000:
        return 0.001, "kW"
    if unit == "0/1":
        return 100.0, "% of the time"
    return 1.0, unit


def _label(value: float, ticks: Sequence[float], factor: float) -> str:
    distance = min((b - a for a, b in pairwise(ticks)), default=1.0) * factor
    decimals = next((places for places in range(4) if abs(distance * 10**places % 1 - 0.5) > 0.499), 3)
    return formats.number(value, decimals)


def _shades(faults: Sequence[FaultRow], frame: Frame) -> Iterator[Shade]:
    for fault in faults:
        end_ms = frame.end_ms if fault.end_ms is None else fault.end_ms
        if fault.start_ms >= frame.end_ms or end_ms <= frame.start_ms:
            continue
        x = frame.x(fault.start_ms)
        since = formats.clock_text(fault.start_ms, frame.zone, frame.end_ms)
        until = "now" if fault.end_ms is None else formats.clock_text(fault.end_ms, frame.zone, frame.end_ms)
        text = f"{words.fault_words(fault.code).label}, {since} to {until}"
        yield Shade(x, max(frame.x(end_ms) - x, 1.5), words.severity_class(fault.severity), text)


def _tooltip_points(points: Sequence[SeriesPoint], frame: Frame, scale: Scale, signal: str) -> str:
    """[x, y, time, mean, low … high] of each good point."""
    rows = []
    for point in points:
        if point.mean is None or not math.isfinite(point.mean):
            continue
        at = formats.clock_text(point.start_ms, frame.zone, frame.end_ms)
        spread = f"{formats.with_unit(signal, point.low)} … {formats.with_unit(signal, point.high)}"
        x, y = round(_middle(point, frame), 1), round(scale.y(point.mean), 1)
        rows.append([x, y, at, formats.with_unit(signal, point.mean), spread])
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
