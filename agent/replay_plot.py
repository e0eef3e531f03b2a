"""A replay as a picture: the signals by unit, what was found and who said so, and the scores of the detectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from agent.domain.detecting import MODEL, RULE, spoken_by
from agent.domain.errors import BadSetup
from agent.domain.signals import Kind, Reading, spec_of
from agent.domain.wire import Fault

MOST_BINS: Final = 3000
SCORE: Final = "score "
HIGHEST_SCORE: Final = 4.0
_DAY_MS: Final = 86_400_000
_MONTH_MS: Final = 31 * _DAY_MS
_FLAG: Final = "on, share"
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


@dataclass(slots=True)
class Line:
    """Times in UTC with mean, lowest and highest value of each bin; a pause is a NaN."""

    times: list[datetime] = field(default_factory=list)
    means: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)

    def add(self, at_ms: float, mean: float, low: float, high: float) -> None:
        self.times.append(datetime.fromtimestamp(at_ms / 1000, UTC))
        self.means.append(mean)
        self.lows.append(low)
        self.highs.append(high)


class Trace:
    """Each signal and each detector's score over bins of time, at most `MOST_BINS` of them."""

    def __init__(self) -> None:
        self._width_ms = 60_000
        self._bins: dict[int, dict[str, list[float]]] = {}

    def take(self, reading: Reading, scores: Mapping[str, float]) -> None:
        """Take in a reading, and the scores of the detectors after it."""
        bin_ = self._bins.setdefault(reading.at_ms // self._width_ms, {})
        for signal, value in reading.values.items():
            _add(bin_, signal, (value, 1.0, value, value))
        for name, score in scores.items():
            _add(bin_, SCORE + name, (score, 1.0, score, score))
        if len(self._bins) > MOST_BINS:
            self._widen(2)

    def _widen(self, times: int) -> None:
        joined: dict[int, dict[str, list[float]]] = {}
        for number, bin_ in self._bins.items():
            into = joined.setdefault(number // times, {})
            for name, kept in bin_.items():
                _add(into, name, kept)
        self._bins, self._width_ms = joined, self._width_ms * times

    def lines(self) -> dict[str, Line]:
        """By signal; over more than a month a bin is a day or longer, so that days do not hide the weeks."""
        if not self._bins:
            return {}
        span_ms = (max(self._bins) - min(self._bins) + 1) * self._width_ms
        if span_ms > _MONTH_MS:
            self._widen(max(1, round(_DAY_MS / self._width_ms)))
        found: dict[str, Line] = {}
        last: dict[str, int] = {}
        pause = max(3, 3_600_000 // self._width_ms)
        for number in sorted(self._bins):
            for name, (total, n, low, high) in self._bins[number].items():
                line = found.setdefault(name, Line())
                at_ms = (number + 0.5) * self._width_ms
                if number - last.get(name, number) > pause:
                    line.add(at_ms, *(float("nan"),) * 3)
                last[name] = number
                line.add(at_ms, total / n, low, high)
        return found


def _add(bin_: dict[str, list[float]], name: str, more: Sequence[float]) -> None:
    kept = bin_.get(name)
    if kept is None:
        bin_[name] = list(more)
    else:
        bin_[name] = [kept[0] + more[0], kept[1] + more[1], min(kept[2], more[2]), max(kept[3], more[3])]


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
    lines = trace.lines()
    groups = _groups([name for name in lines if not name.startswith(SCORE)])
    scores = sorted(name for name in lines if name.startswith(SCORE))
    found = 0.5 + 0.3 * max(1, len(_lanes(picture.faults)))
    heights = [1.1 if unit == _FLAG else 2.9 for unit in groups] + [found] + [1.7] * bool(scores)
    figure = Figure(figsize=(12, sum(heights) + 0.9), dpi=110, layout="constrained")
    grid: Any = figure.subplots(len(heights), 1, sharex=True, gridspec_kw={"height_ratios": heights}, squeeze=False)
    axes = list(grid[:, 0])
    for axis, (unit, names) in zip(axes, groups.items(), strict=False):
        _draw_lines(axis, lines, names, _LABELS.get(unit, unit))
    _spans(axes[len(groups)], picture, axes[: len(groups)])
    if scores:
        _draw_lines(axes[-1], lines, scores, "score, 1 = limit")
        axes[-1].axhline(1.0, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
        highest = max(max(line.highs) for line in (lines[name] for name in scores))
        axes[-1].set_ylim(0.0, max(1.5, min(HIGHEST_SCORE, 1.05 * highest)))
    for axis in axes:
        _plain(axis)
        axis.margins(x=0.005)
    axes[-1].xaxis.set_major_formatter(_dates(axes[-1], picture.zone))
    figure.align_ylabels(axes)
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
            groups.setdefault(_FLAG, []).append(name)
    return groups


def _draw_lines(axis: Any, lines: Mapping[str, Line], names: Sequence[str], label: str) -> None:
    """Means as lines; what lies between lowest and highest as a faint band."""
    for place, name in enumerate(names):
        line, colour = lines[name], _COLOURS[place % len(_COLOURS)]
        text = name.removeprefix(SCORE).replace("_", " ")
        axis.fill_between(line.times, line.lows, line.highs, color=colour, alpha=0.14, linewidth=0)
        axis.plot(line.times, line.means, color=colour, linewidth=1.1, label=text)
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
            each.axvspan(start, end, color=colour, alpha=0.07, linewidth=0)
    _key(axis, picture.faults)
    axis.set_yticks(range(len(lanes)), lanes, fontsize=8, color=_INK)
    axis.set_ylim(max(1, len(lanes)) - 0.5, -0.5)
    axis.set_ylabel("found", color=_INK)
    if not lanes:
        axis.set_yticks([])
        axis.text(0.01, 0.5, "nothing found", transform=axis.transAxes, va="center", color=_INK, fontsize=9)


def _key(axis: Any, faults: Sequence[Fault]) -> None:
    """Which colour is whose."""
    from matplotlib.patches import Patch

    spoke = dict.fromkeys(spoken_by(fault.component) for fault in faults)
    patches = [Patch(color=_SPOKE.get(by, _OTHER), label=f"by {'a ' if by in _SPOKE else ''}{by}") for by in spoke]
    if patches:
        axis.legend(
            handles=patches, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8, labelcolor=_INK
        )


def _plain(axis: Any) -> None:
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axis.spines[side].set_color("#b8c0c8")
    axis.tick_params(colors=_INK, labelsize=8)
    axis.grid(axis="x", color="#e7eaed", linewidth=0.7)
    axis.set_axisbelow(True)


def _dates(axis: Any, zone: tzinfo) -> Any:
    from matplotlib import dates

    library: Any = dates
    locator = library.AutoDateLocator(tz=zone)
    axis.xaxis.set_major_locator(locator)
    return library.ConciseDateFormatter(locator, tz=zone)
