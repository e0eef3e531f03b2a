"""`emberwatt-cloud incidents`: group faults and findings, and list what came of it."""

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from agent.domain.errors import BadSetup
from cloud import config
from cloud.clock import make_clock
from cloud.examples import add_examples
from cloud.incidents.desk import Desk
from cloud.incidents.lifecycle import STATES
from cloud.incidents.regroup import regroup
from cloud.incidents.symptoms import FindingRow
from cloud.ports import Clock, Incident
from cloud.store.database import Database
from cloud.store.incidents import SqlIncidents
from cloud.store.jobs import SqlRuns
from cloud.store.reader import SqlFleetReader

JOB = "incidents"
_EXAMPLES = """\
  emberwatt-cloud incidents group --findings findings/findings.csv --out open/ --config cloud.toml
  emberwatt-cloud incidents list --config cloud.toml
"""
_COLUMNS = ("installation", "kind", "fault", "score", "from", "to", "cost_per_day", "why")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud incidents`."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="group|list")
    grouping = parts.add_parser("group", help="bring incidents up to date with faults and findings")
    grouping.add_argument(
        "--findings", type=Path, action="append", default=[], metavar="FILE", help="findings.csv of an analysis"
    )
    grouping.add_argument("--out", type=Path, metavar="DIR", help="write what is open to DIR/incidents.json and .csv")
    listing = parts.add_parser("list", help="incidents, the most urgent first")
    listing.add_argument("--state", action="append", choices=STATES, help="instead of those that are open")
    listing.add_argument("--json", action="store_true", help="for scripts")
    add_examples(parser, parts.choices, _EXAMPLES)
    for each in (grouping, listing):
        each.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="the aggregator's")


def run(args: argparse.Namespace) -> int:
    """0 when it worked, whatever it found."""
    loaded = config.load(args.config)
    clock = make_clock(loaded)
    with Database(loaded.kept_database, clock) as database:
        if args.part == "group":
            return _group(database, clock, args)
        found = Desk(SqlIncidents(database), clock).incidents(args.state or ())
    if args.json:
        print(json.dumps([msgspec.structs.asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        _print(found)
    return 0


def _group(database: Database, clock: Clock, args: argparse.Namespace) -> int:
    findings = [row for path in args.findings for row in read_findings(path)]
    book, reader = SqlIncidents(database), SqlFleetReader(database, clock)
    changes = regroup(reader, book, findings, clock, _looked_ms(database))
    opened = sum(one.what == "opened" for one in changes.entries)
    again = sum(one.what == "reopened" for one in changes.entries)
    found = Desk(book, clock).incidents()
    what = "open incident" if len(found) == 1 else "open incidents"
    print(f"{len(found)} {what}: {opened} new, {again} came back, {len(changes.incidents)} changed")
    if args.out is not None:
        _write(found, args.out)
    return 0


def _looked_ms(database: Database) -> int:
    """When the equipment was looked at before: the newest grouping that ended well."""
    return max((run.started_ms for run in SqlRuns(database).runs(JOB, state="done", limit=1)), default=0)


def read_findings(path: Path) -> list[FindingRow]:
    """The rows of a `findings.csv`. Raises `BadSetup` naming file, line and what was expected."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return list(_rows(csv.DictReader(stream), path))
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadSetup(str(path), f"is not CSV: {error}") from error


def _rows(rows: "csv.DictReader[str]", path: Path) -> Iterator[FindingRow]:
    missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise BadSetup(str(path), f"column {missing[0]!r} is missing; expected {', '.join(_COLUMNS)}")
    for row in rows:
        with _naming(path, rows.line_num):
            yield FindingRow(
                installation=row["installation"],
                kind=row["kind"],
                fault=row["fault"],
                score=float(row["score"]),
                start_ms=_moment(row["from"]),
                end_ms=_moment(row["to"]),
                cost_per_day=float(row["cost_per_day"] or 0),
                why=row["why"] or "",
            )


@contextmanager
def _naming(path: Path, line: int) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError) as error:
        raise BadSetup(f"{path}, line {line}", f"not a finding: {error}") from error


def _moment(text: str) -> int:
    parsed = datetime.fromisoformat(text)
    return round((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp() * 1000)


def _print(found: Sequence[Incident]) -> None:
    for one in found:
        sites = "1 site" if one.active_sites == 1 else f"{one.active_sites} sites"
        where = one.subject if one.kind == "site" else f"{one.subject}, {sites}"
        cost = f"{one.cost_per_day:9.2f} € a day"
        print(f"{one.id}  {one.score:8.1f}  {cost}  {one.action:6}  {one.state:13}  {one.code}: {where}")
    if not found:
        print("nothing is open")


def _write(found: Sequence[Incident], folder: Path) -> None:
    documents: list[dict[str, Any]] = [msgspec.structs.asdict(one) for one in found]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(documents, indent=2, ensure_ascii=False) + "\n"
        (folder / "incidents.json").write_text(text, encoding="utf-8")
        with (folder / "incidents.csv").open("w", newline="", encoding="utf-8") as stream:
            rows = csv.DictWriter(stream, Incident.__struct_fields__, lineterminator="\n")
            rows.writeheader()
            rows.writerows({**one, "codes": " ".join(one["codes"])} for one in documents)
    except OSError as error:
        raise BadSetup(str(folder), f"cannot be written: {error.strerror}") from error
