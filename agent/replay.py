"""`emberwatt-agent replay`: the diagnosis that runs at a site, over a recording of one."""

import argparse
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any, Final

from agent.config import read_toml
from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.rulebook import rules_of
from agent.diagnosis.settings import DiagnosisSettings, settings_from
from agent.domain.detecting import spoken_by
from agent.domain.errors import BadInput, BadSetup
from agent.domain.faults import FaultCode
from agent.domain.reliability import EpisodeReliability
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER, Reading, SignalName
from agent.domain.wire import Fault
from agent.replay_detectors import add_arguments as add_detector_arguments
from agent.replay_detectors import detectors_for
from agent.replay_plot import Picture, Trace, draw
from agent.replay_text import iso, table
from agent.replay_warnings import Impossible, switched_off
from agent.sources.recording import (
    MAPPINGS,
    ColumnMapping,
    RecordingInfo,
    inspect_recording,
    mapping_of,
    read_recording,
)

PUBLISHED_SIGNALS: Final = (PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC)
_MAPPING_HINT: Final = (
    "name columns with --map COLUMN=SIGNAL*FACTOR, or use --columns published for pcons, pbatt, pdc, soc"
)
_PEEK: Final = 200
_PART: Final = 2_000
_SILENT_S: Final = 5.0
_PROGRESS_ROWS: Final = 20_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("file", type=Path, metavar="FILE.csv", help="a recording: column time, and one per signal")
    parser.add_argument(
        "--site", type=Path, metavar="SITE.toml", help="site file: [site], [diagnosis] and [replay.columns]"
    )
    parser.add_argument(
        "--published", action="store_true", help="judge the two published scenarios minute by minute, as published"
    )
    parser.add_argument(
        "--columns", choices=sorted(MAPPINGS), help="what the columns are called: own names, or pcons … in kW"
    )
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="COLUMN=SIGNAL[*FACTOR]",
        help="which column is which signal; may be given several times",
    )
    add_detector_arguments(parser)
    parser.add_argument("--json", metavar="OUT", help="write the result as JSON to a file, or to - (standard output)")


@dataclass(frozen=True, slots=True)
class Result:
    """What a replay found."""

    path: Path
    rows: int
    from_ms: int
    to_ms: int
    info: RecordingInfo
    settings: DiagnosisSettings
    diagnosis: Diagnosis
    faults: Sequence[Fault]
    evaluated: Sequence[FaultCode]
    not_evaluated: Mapping[FaultCode, Sequence[SignalName]]
    impossible: Sequence[str] = ()


def run(args: argparse.Namespace) -> int:
    """Replay a recording and tell what was found; 2 when a detector was switched off. Raises `BadSetup`, `BadInput`."""
    document = read_toml(args.site) if args.site else {}
    settings = _settings(document, args.site, published=args.published)
    settings = dataclasses.replace(settings, detectors=detectors_for(document, args.site, args.detector))
    mapping = _mapping(args, document, settings)
    trace = Trace() if args.plot is not None else None
    result = replay(args.file, settings, mapping, adapt="max_gap_s" not in document.get("diagnosis", {}), trace=trace)
    if trace is not None:
        zone = result.settings.site.zone
        draw(trace, Picture(f"{result.path.name}, {result.rows:,} rows", result.faults, result.to_ms, zone), args.plot)
    if result.info.zoneless:
        why = "[site] timezone says so" if args.site else "no --site says otherwise"
        said = f"times have neither Z nor an offset, taken for {mapping.zone} because {why}"
        print(f"{args.file}: {said}", file=sys.stderr)
    _write(result, args.json)
    return 2 if switched_off(result.diagnosis.detectors.report()) else 0


def _write(result: Result, out: str | None) -> None:
    document = as_json(result)
    if out is None:
        print(table(document, result.settings.site.zone))
        return
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if out == "-":
        sys.stdout.write(text)
        return
    try:
        Path(out).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadSetup(out, f"cannot be written: {error.strerror}") from error


def replay(
    path: Path, settings: DiagnosisSettings, mapping: ColumnMapping, *, adapt: bool = True, trace: Trace | None = None
) -> Result:
    """Run the diagnosis over the recording. Raises `BadSetup` and `BadInput`.

    With `adapt`, rows further apart than `max_gap_s` are taken as the recording's own rhythm instead of as gaps.
    """
    try:
        info = inspect_recording(path, mapping, PUBLISHED_SIGNALS if settings.published else ())
    except BadSetup as error:
        hint = error.hint or (_MAPPING_HINT if path.is_file() else "")
        raise BadSetup(error.where, error.problem, hint=hint) from error
    evaluated, not_evaluated = _split_rules(path, settings, info)
    impossible = Impossible()
    readings = impossible.watched(read_recording(path, mapping))
    head = list(islice(readings, _PEEK))
    if not head:
        raise BadInput(f"{path}: no rows behind the header")
    if adapt:
        settings = _with_rhythm(settings, head)
    diagnosis = Diagnosis(settings)
    faults: dict[str, Fault] = {}
    rows, last_ms = 0, 0
    following = _with_progress(chain(head, readings))
    # Who draws wants to see the detectors after each reading; otherwise they are followed stretch by stretch.
    while part := list(islice(following, _PART if trace is None else 1)):
        rows, last_ms = rows + len(part), part[-1].at_ms
        for _, body in diagnosis.update_many(part) if trace is None else diagnosis.update(part[0]):
            if isinstance(body, Fault):
                faults[body.id] = body
        if trace is not None:
            trace.take(part[0], diagnosis.detectors.scores(part[0].at_ms))
    faults.update({fault.id: _at_end(fault, settings) for fault in diagnosis.active_faults()})
    ordered = sorted(faults.values(), key=lambda fault: (fault.start_ms, fault.code))
    found = (ordered, evaluated, not_evaluated, impossible.told())
    return Result(path, rows, head[0].at_ms, last_ms, info, settings, diagnosis, *found)


def _at_end(fault: Fault, settings: DiagnosisSettings) -> Fault:
    """A published minute is over when it is over; any other fault that still lasts has no end."""
    if not settings.published:
        return fault
    start = fault.start_ms - fault.start_ms % 60_000
    return Fault(**{**_fields(fault), "end_ms": start + round(fault.failing_s * 1000)})


def _fields(fault: Fault) -> dict[str, Any]:
    return {name: getattr(fault, name) for name in Fault.__struct_fields__}


def _split_rules(
    path: Path, settings: DiagnosisSettings, info: RecordingInfo
) -> tuple[list[FaultCode], dict[FaultCode, list[SignalName]]]:
    """The rules this recording can feed, and for the others the signals they lack."""
    given = set(info.signals)
    evaluated: list[FaultCode] = []
    lacking: dict[FaultCode, list[SignalName]] = {}
    for code, needs in rules_of(settings).items():
        if any(names <= given for names in needs):
            evaluated.append(code)
        else:
            lacking[code] = min((sorted(names - given) for names in needs), key=len)
    if not evaluated and not settings.detectors:
        wanted = "; ".join(f"{code} lacks {', '.join(names)}" for code, names in lacking.items())
        raise BadSetup(str(path), f"no rule can be evaluated: {wanted}", hint=_MAPPING_HINT)
    return evaluated, lacking


def _with_rhythm(settings: DiagnosisSettings, head: Sequence[Reading]) -> DiagnosisSettings:
    steps = [(later.at_ms - earlier.at_ms) / 1000 for earlier, later in pairwise(head)]
    rhythm_s = statistics.median(steps) if len(steps) >= 10 else 0.0
    return settings.with_max_gap(1.5 * rhythm_s) if rhythm_s > settings.max_gap_s else settings


def _with_progress(readings: Iterable[Reading]) -> Iterator[Reading]:
    """A line on standard error about every 5 s, on a terminal one line that changes every second."""
    terminal = sys.stderr.isatty()
    every_s = 1.0 if terminal else _SILENT_S
    started = told = time.monotonic()
    shown = False
    for number, reading in enumerate(readings, 1):
        if number % _PROGRESS_ROWS == 0 and time.monotonic() - told >= every_s:
            told = time.monotonic()
            line = f"{number:,} rows, at {iso(reading.at_ms)[:10]}, {number / (told - started):,.0f} rows/s"
            print(f"\r{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
            shown = True
        yield reading
    if shown and terminal:
        print(file=sys.stderr)


def _settings(document: Mapping[str, Any], path: Path | None, *, published: bool) -> DiagnosisSettings:
    try:
        return settings_from(document, published=published)
    except BadSetup as error:
        raise BadSetup(f"{path}: {error.where}", error.problem, hint=error.hint) from error


def _mapping(args: argparse.Namespace, document: Mapping[str, Any], settings: DiagnosisSettings) -> ColumnMapping:
    """`--columns`, or `[replay.columns]` of the site file, with `--map` on top; times without zone are the site's."""
    columns: dict[str, tuple[str, float]] = {}
    if args.columns is not None:
        columns.update(MAPPINGS[args.columns].columns)
    else:
        columns.update(_site_columns(document, args.site))
    for text in args.map:
        column, equals, target = text.rpartition("=")
        if not equals or not column:
            raise BadSetup(f"--map {text}", "expected COLUMN=SIGNAL or COLUMN=SIGNAL*FACTOR")
        columns[column] = _target(target, f"--map {text}")
    mapping = mapping_of(columns)
    return dataclasses.replace(mapping, zone=settings.site.timezone)


def _site_columns(document: Mapping[str, Any], path: Path | None) -> dict[str, tuple[str, float]]:
    replay_table = document.get("replay", {})
    columns = replay_table.get("columns", {}) if isinstance(replay_table, Mapping) else replay_table
    if not isinstance(columns, Mapping):
        raise BadSetup(f"{path}: replay.columns", f'got {columns!r}, expected a table of column = "signal*factor"')
    return {name: _target(target, f"{path}: replay.columns.{name}") for name, target in columns.items()}


def _target(text: Any, where: str) -> tuple[str, float]:
    """`signal` or `signal*factor`."""
    signal, star, factor = str(text).partition("*")
    try:
        return signal.strip(), float(factor) if star else 1.0
    except ValueError:
        raise BadSetup(where, f"got factor {factor!r}, expected a number") from None


def as_json(result: Result) -> dict[str, Any]:
    """The result as plain data; times in ISO 8601, UTC."""
    figures = result.diagnosis.reliability()
    published = result.diagnosis.published()
    detectors = result.diagnosis.detectors.report()
    reliability: dict[str, Any] = {}
    for code in result.evaluated:
        entry: dict[str, Any] = {}
        if code in published:
            entry["published"] = published[code].report()
        entry["episodes"] = figures.get(code, EpisodeReliability()).report()
        reliability[str(code)] = entry
    return {
        "file": str(result.path),
        "mode": "published" if result.settings.published else "default",
        "rows": result.rows,
        "from": iso(result.from_ms),
        "to": iso(result.to_ms),
        "max_gap_s": result.settings.max_gap_s,
        "ignored_columns": list(result.info.ignored),
        "not_evaluated": {str(code): list(names) for code, names in result.not_evaluated.items()},
        "reliability": reliability,
        "faults": [_fault_json(fault) for fault in result.faults],
        "warnings": [*result.impossible, *switched_off(detectors)],
        **detectors,
    }


def _fault_json(fault: Fault) -> dict[str, Any]:
    return {
        "code": str(fault.code),
        "start": iso(fault.start_ms),
        "end": None if fault.end_ms is None else iso(fault.end_ms),
        "severity": str(fault.severity),
        "component": fault.component,
        "by": spoken_by(fault.component),
        "failing_minutes": fault.failing_s / 60,
        "evidence": fault.evidence,
        "lost_wh": fault.lost_wh,
    }
