"""`emberwatt-agent score`: how unusual each row of any recording is, without labels and without a look ahead."""

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agent.domain.anomaly import DEFAULT_RATE, DEFAULT_TRAIN_ROWS, RowDetector, Verdict
from agent.domain.errors import BadSetup
from agent.score_table import PEEK, Line, open_table

HEADER: Final = ("time", "score", "alarm", "top_signals")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("file", type=Path, metavar="FILE.csv", help="a recording: a header, then rows of numbers")
    parser.add_argument("--out", type=Path, required=True, metavar="SCORES.csv", help="where the scores go")
    parser.add_argument("--time", metavar="COLUMN", help="the column of times (default: found by name or content)")
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column that is no sensor, as labels are; may be given several times",
    )
    parser.add_argument(
        "--train-rows",
        type=int,
        default=DEFAULT_TRAIN_ROWS,
        metavar="N",
        help="the first N rows are normal and teach what normal is; they score 0 (default: %(default)s)",
    )
    parser.add_argument(
        "--false-alarm-rate",
        type=float,
        default=DEFAULT_RATE,
        metavar="RATE",
        help="share of rows that may alarm while all stays as in training (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="tell the summary as JSON, for scripts")


@dataclass(slots=True)
class Summary:
    """What was found in one file."""

    file: str
    train_rows: int
    false_alarm_rate: float
    columns: list[str] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    alarm_rows: int = 0
    alarms: int = 0
    highest: float = 0.0
    highest_at: str = ""
    signals: Counter[str] = field(default_factory=Counter)

    def add(self, line: Line, verdict: Verdict, began: bool, names: Iterable[str]) -> None:
        self.rows += 1
        self.alarm_rows += verdict.alarm
        self.alarms += began
        self.signals.update(names)
        if verdict.score > self.highest:
            self.highest, self.highest_at = verdict.score, line.text

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "rows": self.rows,
            "columns": self.columns,
            "ignored_columns": self.ignored,
            "train_rows": self.train_rows,
            "false_alarm_rate": self.false_alarm_rate,
            "alarms": self.alarms,
            "alarm_rows": self.alarm_rows,
            "highest_score": round(self.highest, 6),
            "highest_at": self.highest_at,
            "top_signals": [name for name, _ in self.signals.most_common(3)],
        }

    def as_text(self) -> str:
        lines = [f"{self.file}: {self.rows} rows of {', '.join(self.columns)}"]
        lines += [f"  not judged: {name} ({why})" for name, why in self.ignored.items()]
        if self.rows <= self.train_rows:
            lines.append(f"  all rows taught what normal is (--train-rows {self.train_rows}): nothing was judged")
            return "\n".join(lines)
        lines.append(f"  {self.alarms} alarms over {self.alarm_rows} rows; highest score {self.highest:.3f}")
        if self.highest_at:
            lines[-1] += f" at {self.highest_at}"
        if self.signals:
            lines.append("  most often: " + ", ".join(name for name, _ in self.signals.most_common(3)))
        return "\n".join(lines)


def run(args: argparse.Namespace) -> int:
    """Score a file. Raises `BadSetup` and `BadInput`; then the scores' file is as it was before."""
    _check(args)
    summary = Summary(str(args.file), args.train_rows, args.false_alarm_rate)
    with open_table(args.file, args.time, args.ignore) as (layout, lines):
        summary.columns, summary.ignored = layout.names, layout.ignored
        detector = RowDetector(len(layout.sensors), args.train_rows, args.false_alarm_rate)
        _write(args.out, _judged(lines, detector, layout.names, summary))
    text = json.dumps(summary.as_json(), indent=2, ensure_ascii=False) if args.json else summary.as_text()
    sys.stdout.write(text + "\n")
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.train_rows < PEEK:
        raise BadSetup("--train-rows", f"got {args.train_rows}, expected {PEEK} or more")
    if not 0 < args.false_alarm_rate < 1:
        raise BadSetup("--false-alarm-rate", f"got {args.false_alarm_rate:g}, expected above 0 and below 1")
    if args.out.resolve() == args.file.resolve():
        raise BadSetup("--out", f"{args.out} is the recording itself, expected another file")


def _judged(
    lines: Iterable[Line], detector: RowDetector, names: Sequence[str], summary: Summary
) -> Iterator[tuple[str, str, int, str]]:
    before = False
    for line in lines:
        verdict = detector.update(line.at_ms, line.values)
        top = [names[i] for i in verdict.top]
        summary.add(line, verdict, verdict.alarm and not before, top)
        before = verdict.alarm
        yield line.text, f"{verdict.score:.6f}", int(verdict.alarm), "|".join(top)
    if not summary.rows:
        raise BadSetup(summary.file, "has no rows behind the header")


def _write(path: Path, rows: Iterable[tuple[str, str, int, str]]) -> None:
    """The file appears under its name only when it is complete."""
    try:
        if path.exists() and not path.is_file():  # a pipe, a terminal
            _write_rows(path, rows)
            return
        target = path.resolve()
        draft = target.with_name(target.name + ".part")
        try:
            _write_rows(draft, rows)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise BadSetup(str(path), f"cannot be written: {error.strerror}") from error


def _write_rows(path: Path, rows: Iterable[tuple[str, str, int, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)
