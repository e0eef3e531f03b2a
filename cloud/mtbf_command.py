"""What `emberwatt-cloud mtbf` does: source → figures → JSON, rows, picture, and a table on the screen."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from agent.domain.errors import BadSetup
from cloud.fleet.equipment import age_of
from cloud.fleet.equipment_attributes import Equipment
from cloud.fleet.equipment_minutes import Period
from cloud.fleet.equipment_report import CSV_COLUMNS, comparison, csv_rows, episodes_report, published_report
from cloud.lake.jobs import Job, Source, run_local, shown
from cloud.lake.spark import SparkEngine
from cloud.mtbf_minutes import Found, Run, Wish, analyse
from cloud.mtbf_states import analyse_states, holds_states, is_database

_AGE = "age"
_SHOWN = 10
_PARTS = ("ranking", "cohorts", "comparison", "fleet")


def run(args: argparse.Namespace) -> int:
    """Compute, write and print. Raises `BadSetup`."""
    if args.start is not None and args.end is not None and args.start >= args.end:
        raise BadSetup("--from, --to", "the period is empty; expected --from before --to")
    _check(args)
    found = _found(args)
    reports = reports_of(found, args.by, args.split, _until(found, args))
    if args.compare is not None:
        _compare(reports, found, args)
    document = {"source": shown(args.source), **_head(args, found), **_by_part(reports), "homes": _homes(reports)}
    if args.json is not None:
        _write_json(document, args.json)
    if args.csv is not None:
        _write_csv(reports, args.csv)
    if args.png is not None:
        if not reports:
            raise BadSetup(str(args.png), "there is nothing to draw: no home was exposed to any fault")
        _draw(reports, args)
    if args.json != "-":
        _print(reports)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse, before anything is computed, what would be left out of account."""
    if args.png is not None and args.png.suffix.lower() != ".png":
        raise BadSetup("--png", f"{args.png}: expected a file that ends in .png")
    source, states, spark = shown(args.source), holds_states(args.source), args.engine == "spark"
    kept = is_database(args.source)
    rows: list[tuple[str, bool, str]] = [
        ("--timezone", args.timezone is not None and states, f"{source} holds episodes; only minutes need a zone"),
        ("--max-gap", args.max_gap is not None and states, f"{source} holds episodes; only minutes have gaps"),
        ("--kw", args.kw and states, f"{source} holds episodes, which have no powers"),
        ("--max-gap", args.max_gap is not None and args.published, "the published figure knows no gaps"),
        (
            "--split",
            args.split is not None and args.published,
            "the published figure is not compared; it needs episodes",
        ),
        ("--workers", args.workers is not None and kept, f"{source} is read by one; only Parquet files are shared out"),
        ("--engine", spark and kept, f"{source} is a database; Spark reads Parquet files"),
        ("--workers", args.workers is not None and spark, "is for the local engine; Spark has --master"),
        ("--master", args.master is not None and not spark, "needs --engine spark"),
    ]
    for option, wrong, why in rows:
        if wrong:
            raise BadSetup(option, why)


def _found(args: argparse.Namespace) -> Found:
    wish = Wish(
        None if args.by == _AGE else args.by,
        args.published,
        Period(args.start, args.end),
        args.timezone or "UTC",
        1000.0 if args.kw else 1.0,
        args.max_gap or Wish.max_gap_s,
        args.equipment,
    )
    with _engine(args) as run_job:
        if holds_states(args.source):
            return analyse_states(args.source, wish, run_job)
        return analyse(args.source, wish, run_job)


@contextmanager
def _engine(args: argparse.Namespace) -> Iterator[Run]:
    if args.engine == "spark":
        with SparkEngine(args.master) as engine:
            yield engine.run
        return

    def here(job: Job, source: Source) -> Any:
        return run_local(job, source, workers=args.workers, progress=_progress if sys.stderr.isatty() else None)

    yield here


def _progress(done: int, of: int) -> None:
    print(f"\r{done} of {of} pieces", end="\n" if done == of else "", file=sys.stderr, flush=True)


def reports_of(found: Found, by: str | None, split_ms: int | None, until: date) -> dict[str, dict[str, Any]]:
    """A report per fault code; cohorts by `by` where it is given. Raises `BadSetup` for what no home has."""
    equipment = _aged(found.equipment, until) if by == _AGE else found.equipment
    if by is not None:
        _expect_known(by, equipment)
    reports: dict[str, dict[str, Any]] = {}
    for code, rows in found.published.items():
        reports[code] = published_report(rows, equipment, by=by)
    for code, tallies in found.tallies.items():
        reports[code] = episodes_report(tallies, equipment, by=by, split_ms=split_ms)
    if found.parts is not None:
        parts = reports_of(found.parts, by, split_ms, until)
        reports = {code: {**report, "cohorts": parts[code]["cohorts"]} for code, report in reports.items()}
    return reports


def _compare(reports: Mapping[str, dict[str, Any]], found: Found, args: argparse.Namespace) -> None:
    """Add the comparison of two cohorts to each report. Raises `BadSetup` for a cohort that is not there."""
    if args.by is None or args.published:
        raise BadSetup(
            "--compare", "needs --by and counts episodes; expected both cohorts to be values of that attribute"
        )
    source = found.parts or found
    equipment = _aged(source.equipment, _until(found, args)) if args.by == _AGE else source.equipment
    for code, tallies in source.tallies.items():
        homes = [tally.home(equipment) for tally in tallies]
        reports[code]["comparison"] = comparison(homes, args.by, args.compare[0], args.compare[1])


def _expect_known(by: str, equipment: Equipment) -> None:
    known = sorted({name for values in equipment.values() for name in values})
    if by not in known:
        raise BadSetup("--by", f"no home has {by!r}; known: {', '.join(known) or 'nothing'}")


def _aged(equipment: Equipment, until: date) -> Equipment:
    return {
        device: {**values, _AGE: age_of(values["commissioned"], until)} if values.get("commissioned") else values
        for device, values in equipment.items()
    }


def _until(found: Found, args: argparse.Namespace) -> date:
    last_ms = args.end or found.last_ms
    if last_ms is None:
        return datetime.now(UTC).date()
    return datetime.fromtimestamp(last_ms / 1000, UTC).date()


def _head(args: argparse.Namespace, found: Found) -> dict[str, Any]:
    head: dict[str, Any] = {"mode": "published" if args.published else "episodes", "rows": found.rows}
    for name, at_ms in (("from", args.start), ("to", args.end), ("split", args.split)):
        if at_ms is not None:
            head[name] = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    return head | ({"by": args.by} if args.by else {})


def _by_part(reports: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """`ranking`, `cohorts` and `fleet`, each by fault code."""
    parts = {name: {code: report[name] for code, report in reports.items() if report.get(name)} for name in _PARTS}
    return {name: found for name, found in parts.items() if found or name == "ranking"}


def _homes(reports: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Home by home, with the names that `emberwatt-agent replay` gives the same figures."""
    homes: dict[str, Any] = {}
    for code, report in reports.items():
        for entry in report["ranking"]:
            figures = {name: value for name, value in entry.items() if name not in ("rank", "device", "equipment")}
            mode = "published" if "mtbf_minutes" in entry else "episodes"
            homes.setdefault(entry["device"], {"reliability": {}})["reliability"][code] = {mode: figures}
    return dict(sorted(homes.items()))


def _write_json(document: Mapping[str, Any], where: str) -> None:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if where == "-":
        sys.stdout.write(text)
        return
    try:
        Path(where).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadSetup(where, f"cannot be written: {error.strerror}") from error


def _write_csv(reports: Mapping[str, dict[str, Any]], path: Path) -> None:
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(CSV_COLUMNS)
            writer.writerows(csv_rows(reports))
    except OSError as error:
        raise BadSetup(str(path), f"cannot be written: {error.strerror}") from error


def _draw(reports: Mapping[str, dict[str, Any]], args: argparse.Namespace) -> None:
    days = [datetime.fromtimestamp(ms / 1000, UTC).date().isoformat() for ms in (args.start, args.end) if ms]
    title = "Mean time between failures" + (f", {' to '.join(days)}" if days else "")
    # Only a picture needs matplotlib, which takes longer to load than the figures do.
    from cloud.fleet.equipment_picture import draw

    try:
        draw(reports, title, args.png)
    except OSError as error:
        raise BadSetup(str(args.png), f"cannot be written: {error.strerror}") from error


def _print(reports: Mapping[str, dict[str, Any]]) -> None:
    if not any(report["ranking"] for report in reports.values()):
        print("no home was watched for any fault in this period")
    for code, report in reports.items():
        print(f"{code}")
        for entry in report.get("cohorts", []):
            print(f"  {_line(entry, entry['name'])}  ({entry['homes']} {'home' if entry['homes'] == 1 else 'homes'})")
        if "comparison" in report:
            print(f"  {_compared(report['comparison'])}")
        for entry in report["ranking"][:_SHOWN]:
            print(f"  {_line(entry, entry['device'])}")
        if len(report["ranking"]) > _SHOWN:
            print(f"  … {len(report['ranking']) - _SHOWN} more")


def _compared(entry: Mapping[str, Any]) -> str:
    ratio, low, high = (entry.get(name) for name in ("ratio", "low", "high"))
    told = (
        "no failures to compare"
        if low is None and high is None
        else f"{_ratio(ratio)} ({_ratio(low)} to {_ratio(high)})"
    )
    return f"{entry['first']} over {entry['second']}: {told}"


def _ratio(value: float | None) -> str:
    return "unbounded" if value is None else f"{value:.2f}"


def _line(entry: Mapping[str, Any], name: str) -> str:
    place = "  –" if entry["rank"] is None else f"{entry['rank']:3}"
    start = f"{place}  {name[:32]:32}  {entry['failures']:>7,} failures"
    if "mtbf_minutes" in entry:
        return f"{start}  MTBF {entry['mtbf_minutes']:,.2f} min"
    own = f"{entry['mtbf_hours']:,.1f} h" if "mtbf_hours" in entry else f"> {entry.get('mtbf_low_hours', 0):,.1f} h"
    fleet = f"{entry['shrunk_mtbf_hours']:,.1f} h" if "shrunk_mtbf_hours" in entry else "unknown"
    return f"{start}  MTBF {own}, with the fleet's help {fleet}"
