"""Small charts as SVG: an installation's curve over its cluster's band, and its flow over outdoor temperature."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from cloud.fleet.cube import DAY_MS
from cloud.fleet.robust import Array

WIDTH, LEFT, RIGHT = 760, 40, 8
PANEL, GAP, TOP, BOTTOM = 92, 22, 16, 22
SIDE = 300


@dataclass(frozen=True, slots=True)
class Panel:
    """One signal over time. `band`: the lower, middle and upper of the cluster at each time. Unit as in `title`."""

    title: str
    own: Array
    band: tuple[Array, Array, Array]


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from `low` to `high`.

    >>> ticks(3, 21)
    [5.0, 10.0, 15.0, 20.0]
    """
    span = max(high - low, 1e-6)
    raw = span / about
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(float(m * power) for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = np.ceil(low / step - 1e-9)
    return [float(round(k * step, 6)) for k in range(int(first), int(np.floor(high / step + 1e-9)) + 1)]


def bounds(*series: Array) -> tuple[float, float]:
    """The range that shows all values with a little air; wild single values do not flatten the rest."""
    values = np.concatenate([each[np.isfinite(each)] for each in series])
    if not len(values):
        return 0.0, 1.0
    low, high = (float(value) for value in np.quantile(values, [0.002, 0.998]))
    air = 0.06 * (high - low) if high - low > 0.1 else 0.5
    return low - air, high + air


def path(x: Array, y: Array) -> str:
    """An SVG path through the points; a gap where y is NaN."""
    parts, pen = [], "M"
    for a, b in zip(x.tolist(), y.tolist(), strict=True):
        if b != b:
            pen = "M"
            continue
        parts.append(f"{pen}{a:.1f} {b:.1f}")
        pen = "L"
    return "".join(parts)


def area(x: Array, low: Array, high: Array) -> str:
    """An SVG path around a band; slots without a band are bridged."""
    good = np.isfinite(low) & np.isfinite(high)
    x, low, high = x[good], low[good], high[good]
    if not len(x):
        return ""
    there = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), high.tolist(), strict=True))
    back = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x[::-1].tolist(), low[::-1].tolist(), strict=True))
    return f"M{there}L{back}Z"


def over_time(panels: list[Panel], start_ms: int, step_ms: int, shaded: tuple[int, int], label: str) -> str:
    """The panels under each other on one time axis, the days of the fault shaded."""
    count = len(panels[0].own)
    end_ms = start_ms + count * step_ms
    scale = (WIDTH - LEFT - RIGHT) / (end_ms - start_ms)
    x = (LEFT + np.arange(count) * step_ms * scale).astype(np.float32)
    height = TOP + len(panels) * (PANEL + GAP) - GAP + BOTTOM
    first, last = (LEFT + (min(max(at, start_ms), end_ms) - start_ms) * scale for at in shaded)
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">']
    for number, panel in enumerate(panels):
        top = TOP + number * (PANEL + GAP)
        parts.append(
            f'<rect class="shade" x="{first:.1f}" y="{top}" width="{max(last - first, 1):.1f}" height="{PANEL}"/>'
        )
        parts.append(_panel(panel, x, top))
    parts += [_days(start_ms, end_ms, scale, height), "</svg>"]
    return "".join(parts)


def _panel(panel: Panel, x: Array, top: float) -> str:
    low, high = bounds(panel.own, *panel.band)

    def y(values: Array) -> Array:
        at = top + PANEL * (high - values) / (high - low)
        return np.asarray(np.clip(at, top - 2, top + PANEL + 2), dtype=np.float32)

    parts = [f'<text class="title" x="{LEFT}" y="{top - 5}">{panel.title}</text>']
    for tick in ticks(low, high):
        at = float(top + PANEL * (high - tick) / (high - low))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    lower, middle, upper = (y(each) for each in panel.band)
    parts.append(f'<path class="band" d="{area(x, lower, upper)}"/><path class="middle" d="{path(x, middle)}"/>')
    parts.append(f'<path class="own" d="{path(x, y(panel.own))}"/>')
    return "".join(parts)


def _days(start_ms: int, end_ms: int, scale: float, height: float) -> str:
    days = max(1, (end_ms - start_ms) // DAY_MS)
    every = next(step for step in (1, 2, 3, 7, 14, 28, 61, 122, 400) if days / step <= 11 or step == 400)
    first = -(-start_ms // DAY_MS) * DAY_MS
    parts = []
    for at in range(first, end_ms, every * DAY_MS):
        x = LEFT + (at - start_ms) * scale
        day = datetime.fromtimestamp(at / 1000, UTC)
        parts.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{day.day} {day:%b}</text>')
    return "".join(parts)


def scatter(
    own: tuple[Array, Array], peers: tuple[Array, Array], names: tuple[str, str], label: str, panels: int
) -> str:
    """Points of the installation over those of its cluster: x, y of each, names of both axes; as high as `panels`."""
    height = TOP + panels * (PANEL + GAP) - GAP + BOTTOM
    left, right, top, bottom = 34, 8, TOP, 34
    x_low, x_high = bounds(own[0], peers[0])
    y_low, y_high = bounds(own[1], peers[1])

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            left + (SIDE - left - right) * (x - x_low) / (x_high - x_low),
            top + (height - top - bottom) * (y_high - y) / (y_high - y_low),
        )

    parts = [f'<svg viewBox="0 0 {SIDE} {height}" role="img" aria-label="{label}">']
    for tick in ticks(y_low, y_high, 6):
        y = place(x_low, tick)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{SIDE - right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 5}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in ticks(x_low, x_high):
        x = place(tick, y_low)[0]
        parts.append(f'<text x="{x:.1f}" y="{height - bottom + 15}" text-anchor="middle">{tick:g}</text>')
    for points, kind, size in ((peers, "peer", 1.6), (own, "dot", 2.0)):
        for a, b in zip(points[0].tolist(), points[1].tolist(), strict=True):
            if a == a and b == b and x_low <= a <= x_high and y_low <= b <= y_high:
                x, y = place(a, b)
                parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size}"/>')
    parts.append(f'<text class="title" x="{left}" y="{top - 5}">{names[1]}</text>')
    parts.append(f'<text x="{SIDE - right}" y="{height - 4}" text-anchor="end">{names[0]}</text></svg>')
    return "".join(parts)
