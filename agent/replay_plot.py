"""A replay as a picture: the signals by unit, what was found and who said so, and the scores of the detectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from agent.domain.detecting import MODEL, RULE, Detector, spoken_by
from agent.domain.errors import BadSetup
from agent.domain.signals import Kind, Reading, SignalName, spec_of
from agent.domain.wire import Fault

MOST_BINS: Final = 3000
_COLOURS: Final = ("#1f6f8b", "#d1495b", "#edae49", "#3d8b5f", "#6b4e9b", "#8d6a4f", "#5c7080", "#b3589a")
_SPOKE: Final = {RULE: "#c9963b", MODEL: "#8256a8"}
_OTHER: Final = "#2f7f79"
_LABELS: Final = {
    "W": "power, W",
    "Wh": "energy, Wh",
    "°C": "temperature, °C",
    "%": "charge, %",
    "bar": "pressure, bar",
}
_INK: Final = "#3c4650"


class Trace:
    """Means of each signal and of each detector's score over bins of time, at most `MOST_BINS` of them."""

    def __init__(self) -> None:
        self._width_ms = 60_000
        self._bins: dict[int, dict[str, list[float]]] = {}

    def take(self, reading: Reading, detectors: Mapping[str, Detector]) -> None:
        """Take in a reading, and what the detectors say after it."""
        bin_ = self._bins.setdefault(reading.at_ms // self._width_ms, {})
        for name, value in reading.values.items():
            _add(bin_, name, value, 1.0)
        for name, detector in detectors.items():
            tell = getattr(detector, "score", None)
            score = tell() if tell is not None else None
            if score is not None:
                _add(bin_, f"score {name}", score, 1.0)
        if len(self._bins) > MOST_BINS:
            self._halve()

    def _halve(self) -> None:
        self._width_ms *= 2
        joined: dict[int, dict[str, list[float]]] = {}
        for number, bin_ in self._bins.items():
            into = joined.setdefault(number // 2, {})
            for name, (total, n) in bin_.items():
                _add(into, name, total, n)
        self._bins = joined

    def series(self) -> dict[str, tuple[list[datetime], list[float]]]:
        """Times and means by signal; a pause of more than some bins is a gap in the line."""
        found: dict[str, tuple[list[datetime], list[float]]] = {}
        last: dict[str, int] = {}
        for number in sorted(self._bins):
            for name, (total, n) in self._bins[number].items():
                times, values = found.setdefault(name, ([], []))
                at = datetime.fromtimestamp((number + 0.5) * self._width_ms / 1000, UTC)
                if name in last and (number - last[name]) * self._width_ms > max(3 * self._width_ms, 3_600_000):
                    times.append(at)
                    values.append(float("nan"))
                last[name] = number
                times.append(at)
                values.append(total / n)
        return found


def _add(bin_: dict[str, list[float]], name: str, total: float, n: float) -> None:
    kept = bin_.setdefault(name, [0.0, 0.0])
    kept[0] += total
    kept[1] += n


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn besides the lines."""

    title: str
    faults: Sequence[Fault]
    until_ms: int
    zone: tzinfo


def draw(trace: Trace, picture: Picture, path: Path) -> None:
    """Write the picture. Raises `BadSetup` where it cannot be made."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BadSetup("--plot", str(error), hint="pip install 'emberwatt[plot]'") from error
    series = trace.series()
    groups = _groups([name for name in series if not name.startswith("score ")])
    scores = sorted(name for name in series if name.startswith("score "))
    rows = len(groups) + 1 + bool(scores)
    heights = [3.0] * len(groups) + [0.55 + 0.3 * max(1, len(_lanes(picture.faults)))] + [1.8] * bool(scores)
    figure = Figure(figsize=(12, sum(heights) + 0.9), dpi=110, layout="constrained")
    grid: Any = figure.subplots(rows, 1, sharex=True, gridspec_kw={"height_ratios": heights}, squeeze=False)
    axes = list(grid[:, 0])
    for axis, (unit, names) in zip(axes, groups.items(), strict=False):
        _lines(axis, series, names, _LABELS.get(unit, unit))
    _spans(axes[len(groups)], picture, axes[: len(groups)])
    if scores:
        _lines(axes[-1], series, scores, "score, 1 = limit")
        axes[-1].axhline(1.0, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes[-1].set_ylim(bottom=0.0)
    for axis in axes:
        _plain(axis)
    axes[-1].xaxis.set_major_formatter(_dates(axes[-1], picture.zone))
    figure.suptitle(picture.title, x=0.01, ha="left", color=_INK, fontsize=11)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise BadSetup(str(path), f"cannot be written: {error}") from error


def _groups(names: Sequence[str]) -> dict[str, list[str]]:
    """Signals by unit; codes and counters tell nothing in a line."""
    groups: dict[str, list[str]] = {}
    for name in names:
        spec = spec_of(name)
        if spec is not None and spec.kind is Kind.GAUGE:
            groups.setdefault(spec.unit, []).append(name)
        elif spec is not None and spec.kind is Kind.FLAG:
            groups.setdefault("on, share", []).append(name)
    return groups


def _lines(axis: Any, series: Mapping[str, Any], names: Sequence[str], label: str) -> None:
    for place, name in enumerate(names):
        text = str(SignalName(name)).removeprefix("score ").replace("_", " ")
        axis.plot(*series[name], color=_COLOURS[place % len(_COLOURS)], linewidth=0.9, label=text)
    axis.set_ylabel(label, color=_INK)
    axis.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8, labelcolor=_INK)


def _lanes(faults: Sequence[Fault]) -> list[str]:
    lanes: dict[str, None] = {}
    for fault in faults:
        lanes.setdefault(_lane(fault))
    return list(lanes)[:20]


def _lane(fault: Fault) -> str:
    by = spoken_by(fault.component)
    named = fault.component if by != RULE else " ".join(part for part in (fault.code, fault.component) if part)
    return named.removeprefix("detector:").replace("_", " ")


def _spans(axis: Any, picture: Picture, above: Sequence[Any]) -> None:
    """A lane a fault, in the colour of who spoke; the same spans lie faintly over the signals."""
    lanes = _lanes(picture.faults)
    for fault in picture.faults:
        if _lane(fault) not in lanes:
            continue
        start, end = (
            datetime.fromtimestamp(at_ms / 1000, UTC) for at_ms in (fault.start_ms, fault.end_ms or picture.until_ms)
        )
        colour = _SPOKE.get(spoken_by(fault.component), _OTHER)
        axis.barh(lanes.index(_lane(fault)), end - start, left=start, height=0.62, color=colour)
        for each in above:
            each.axvspan(start, end, color=colour, alpha=0.08, linewidth=0)
    axis.set_yticks(range(len(lanes)), lanes, fontsize=8, color=_INK)
    axis.set_ylim(max(1, len(lanes)) - 0.5, -0.5)
    axis.set_ylabel("found", color=_INK)
    if not lanes:
        axis.set_yticks([])
        axis.text(0.01, 0.5, "nothing found", transform=axis.transAxes, va="center", color=_INK, fontsize=9)


def _plain(axis: Any) -> None:
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color("#b8c0c8")
    axis.tick_params(colors=_INK, labelsize=8)
    axis.grid(axis="x", color="#e7eaed", linewidth=0.7)
    axis.set_axisbelow(True)


def _dates(axis: Any, zone: tzinfo) -> Any:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(tz=zone)
    axis.xaxis.set_major_locator(locator)
    return ConciseDateFormatter(locator, tz=zone)
