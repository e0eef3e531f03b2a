"""The ranking as a picture: one bar a home or cohort, best on top, with what is known and how well."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

Document = Mapping[str, Any]
_MOST_BARS = 30
_KEY = (
    "Bar: MTBF with what the fleet teaches, its 95 % credible interval, and as a tick what the home shows alone.  "
    "Grey: watched too little for a place.  Orange: getting worse."
)
_INK, _PALE, _BAR, _WARN = "#1f2933", "#9aa5b1", "#2f7d6d", "#c2571a"


def draw(reports: Mapping[str, Document], title: str, path: Path) -> None:
    """Write a PNG of all fault codes: rankings of homes on the left, cohorts, where there are any, on the right."""
    wide = any(report.get("cohorts") for report in reports.values())
    heights = [_height(report) for report in reports.values()]
    figure = Figure(figsize=(15 if wide else 9, sum(heights) + 0.9), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, color=_INK)
    grid = figure.subplots(len(reports), 2 if wide else 1, squeeze=False, height_ratios=heights)
    for row, (code, report) in zip(grid, reports.items(), strict=True):
        _panel(row[0], report["ranking"], "device", f"{_words(code)}: homes", _bars(report))
        if wide:
            _panel(row[1], report.get("cohorts", []), "name", f"{_words(code)}: cohorts", _bars(report))
    if not any("mtbf_minutes" in entry for report in reports.values() for entry in report["ranking"]):
        figure.supxlabel(_KEY, x=0.01, ha="left", fontsize=8, color=_INK)
    figure.savefig(path, dpi=110)


def _bars(report: Document) -> int:
    return max(4, min(_MOST_BARS, max(len(report["ranking"]), len(report.get("cohorts", [])))))


def _height(report: Document) -> float:
    return 1.1 + 0.27 * _bars(report)


def _words(code: str) -> str:
    return code.replace("_", " ")


def _shown(entries: Sequence[Document]) -> list[Document]:
    if len(entries) <= _MOST_BARS:
        return list(entries)
    return [*entries[: _MOST_BARS // 2], *entries[-(_MOST_BARS // 2) :]]


def _panel(axes: Axes, entries: Sequence[Document], name: str, title: str, bars: int) -> None:
    """Both panels of a row are `bars` high, so that a bar is a bar in either."""
    shown = _shown(entries)
    left_out = len(entries) - len(shown)
    axes.set_title(title + (f" ({left_out} in the middle left out)" if left_out else ""), loc="left", fontsize=11)
    published = bool(shown) and "mtbf_minutes" in shown[0]
    for place, entry in enumerate(shown):
        _published_bar(axes, place, entry) if published else _bar(axes, place, entry)
    axes.set_yticks(range(len(shown)), [_label(entry, name) for entry in shown], fontsize=8)
    axes.set_ylim(bars - 0.4, -0.6)
    # Room for the notes behind the bars; without any bar there is no scale to speak of.
    axes.set_xlim(0, max(axes.get_xlim()[1] * 1.1, 1.0))
    axes.set_xlabel("MTBF, minutes, as published" if published else "MTBF, hours of exposure", fontsize=9)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 10 else f"{value:g}"))
    axes.grid(axis="x", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=_INK)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    if not shown:
        axes.text(0.5, 0.5, "nothing to show", ha="center", va="center", color=_PALE, transform=axes.transAxes)


def _label(entry: Document, name: str) -> str:
    place = f"{entry['rank']}." if entry.get("rank") else "–"
    return f"{place}  {entry[name]}"


def _published_bar(axes: Axes, place: int, entry: Document) -> None:
    axes.barh(place, entry["mtbf_minutes"], color=_BAR, height=0.62)
    text = f"{entry['mtbf_minutes']:,.0f} min, {entry['failures']:,} failing" if entry["failures"] else "no failure"
    _note(axes, place, entry["mtbf_minutes"], text)


def _bar(axes: Axes, place: int, entry: Document) -> None:
    """Bar: shrunk MTBF; line: its credible interval; tick: what the home alone shows."""
    value = entry.get("shrunk_mtbf_hours")
    if value is None:
        _note(axes, place, 0, "no exposure")
        return
    worse = entry.get("trend", {}).get("verdict") == "worse"
    axes.barh(place, value, color=_WARN if worse else (_BAR if entry.get("rank") else _PALE), height=0.62)
    low, high = entry.get("shrunk_mtbf_low_hours", value), min(entry.get("shrunk_mtbf_high_hours", value), 3 * value)
    axes.plot([low, high], [place, place], color=_INK, linewidth=1.1)
    if "mtbf_hours" in entry and entry["mtbf_hours"] <= 3 * value:
        axes.plot([entry["mtbf_hours"]], [place], marker="|", color=_INK, markersize=9)
    word = ", getting worse" if worse else ""
    _note(axes, place, high, f"{entry['failures']:,} in {entry['up_hours']:,.0f} h{word}")


def _note(axes: Axes, place: int, at: float, text: str) -> None:
    axes.annotate(text, (at, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=7.5, color=_INK)
