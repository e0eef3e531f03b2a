"""A replay's result as a person reads it on a terminal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from agent.domain.signals import spec_of

_MOST_FAULTS: Final = 40
_NONE: Final = "–"
_WORST: Final = "worst_"


def iso(at_ms: int) -> str:
    """ISO 8601 in UTC, with milliseconds where there are some."""
    instant = datetime.fromtimestamp(at_ms / 1000, UTC)
    return instant.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds").replace("+00:00", "Z")


def table(result: Mapping[str, Any], zone: tzinfo) -> str:
    """The whole result: what was read, the faults, the figures per fault code. Times in `zone`."""
    parts = [_head(result, zone), _faults(result["faults"], zone), _figures(result["reliability"])]
    published = {code: each["published"] for code, each in result["reliability"].items() if "published" in each}
    if published:
        parts.append(_published(published))
    if result["warnings"]:
        parts.append("\n".join(f"warning: {text}" for text in result["warnings"]))
    notes = _notes(result)
    return "\n\n".join([*parts, *([notes] if notes else [])])


def _head(result: Mapping[str, Any], zone: tzinfo) -> str:
    rules = "the published scenarios, minute by minute" if result["mode"] == "published" else "default rules"
    first, last = (_local(result[key], zone) for key in ("from", "to"))
    return f"{result['file']}\n{result['rows']:,} rows, {first} to {last} ({zone}); {rules}"


def _faults(faults: Sequence[Mapping[str, Any]], zone: tzinfo) -> str:
    if not faults:
        return "No faults."
    rows = [_fault_row(fault, zone) for fault in faults[-_MOST_FAULTS:]]
    title = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    if len(faults) > _MOST_FAULTS:
        title += f", the last {_MOST_FAULTS} of them (all with --json)"
    return title + "\n" + _columns(["fault", "start", "end", "failing", "lost", "evidence"], rows, right={3, 4})


def _fault_row(fault: Mapping[str, Any], zone: tzinfo) -> list[str]:
    start = _local(fault["start"], zone)
    end = _local(fault["end"], zone) if fault["end"] else "lasts"
    if end[:10] == start[:10]:
        end = end[11:]
    lost = _NONE if fault["lost_wh"] is None else f"{fault['lost_wh'] / 1000:.2f} kWh"
    name = f"{fault['code']} {fault['component']}".strip()
    return [name, start, end, _duration(fault["failing_minutes"] / 60), lost, _evidence(fault["evidence"])]


def _evidence(evidence: Mapping[str, float]) -> str:
    """What triggered it, and how far it went."""
    texts = []
    for name, value in evidence.items():
        if name.startswith(_WORST):
            continue
        worst = evidence.get(_WORST + name, value)
        spec = spec_of(name)
        unit = f" {spec.unit}" if spec and spec.unit not in ("code", "0/1") else ""
        went_to = f" (worst {worst:g})" if worst != value else ""
        texts.append(f"{name} {value:g}{went_to}{unit}")
    return ", ".join(texts)


def _figures(reliability: Mapping[str, Any]) -> str:
    rows = [[code, *_figure_row(each["episodes"])] for code, each in reliability.items()]
    head = ["reliability", "failures", "exposure", "MTBF (95 %)", "MTTR", "availability (95 %)"]
    return _columns(head, rows, right={1, 2})


def _figure_row(figures: Mapping[str, float]) -> list[str]:
    low, high = figures.get("mtbf_low_hours"), figures.get("mtbf_high_hours")
    mtbf = figures.get("mtbf_hours")
    if mtbf is not None:
        interval = f" ({_duration(low)} to {_duration(high)})" if low is not None and high is not None else ""
        between = _duration(mtbf) + interval
    else:
        between = _NONE if low is None else f"over {_duration(low)}"
    availability = figures.get("availability")
    up = _NONE if availability is None else f"{100 * availability:.2f} %"
    if "availability_low" in figures:
        up += f" ({100 * figures['availability_low']:.2f} to {100 * figures['availability_high']:.2f} %)"
    mttr = figures.get("mttr_hours")
    repair = _NONE if mttr is None else _duration(mttr)
    return [f"{figures['failures']:.0f}", _duration(figures["exposure_hours"]), between, repair, up]


def _published(figures: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        [code, f"{each['failures']}", f"{each['minutes']}", f"{each['mtbf_minutes']:.2f} min"]
        for code, each in figures.items()
    ]
    return _columns(["as published", "failing minutes", "minutes between", "MTBF"], rows, right={1, 2, 3})


def _notes(result: Mapping[str, Any]) -> str:
    lines = [f"not evaluated: {code} (lacks {', '.join(names)})" for code, names in result["not_evaluated"].items()]
    if result["ignored_columns"]:
        lines.append(f"columns not used: {', '.join(result['ignored_columns'])}")
    return "\n".join(lines)


def _local(text: str, zone: tzinfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _duration(hours: float) -> str:
    """In the unit a person would say it in."""
    if hours < 1:
        return f"{hours * 60:.0f} min"
    if hours < 48:
        return f"{hours:.1f} h"
    return f"{hours / 24:,.0f} d" if hours >= 240 else f"{hours / 24:.1f} d"


def _columns(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: set[int]) -> str:
    """A table in columns as wide as they must be; those in `right` stand at the right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, ["─" * width for width in widths], *rows):
        cells = (
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
