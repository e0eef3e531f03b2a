"""`emberwatt-cloud import`: exports of other systems into the fleet's Parquet folder."""

import argparse
import hashlib
import sys
from pathlib import Path

import polars as pl

from agent.domain.errors import BadSetup
from cloud.fleet import samples
from cloud.fleet.export_file import Block, Reading, read
from cloud.fleet.labels import read_labels

# Rows gathered before they are merged: few rewrites of a month's file, and still little memory.
BATCH_ROWS = 4_000_000


def add_reading(parser: argparse.ArgumentParser) -> None:
    """The options that say how a CSV is written; `import` and `analyse` share them."""
    group = parser.add_argument_group("how the CSV is written")
    group.add_argument("--labels", type=Path, metavar="TOML", help="your table of labels and signals, used first")
    group.add_argument("--separator", help="between columns (default: the one the header uses: , ; tab or |)")
    group.add_argument("--encoding", default="utf-8", help="default utf-8")
    group.add_argument("--timezone", default="UTC", help="zone of times without one (default UTC)")
    group.add_argument("--time-format", help="strptime format where it is not 2016-04-01 00:15:00")


def reading(args: argparse.Namespace) -> Reading:
    """The settings of `add_reading`, checked."""
    try:
        "".encode(args.encoding)
    except LookupError as error:
        raise BadSetup("--encoding", f"{args.encoding!r} is not known; expected utf-8, cp1252 or the like") from error
    try:
        pl.Series([0]).cast(pl.Datetime("ms", args.timezone))
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise BadSetup("--timezone", f"{args.timezone!r} is not known; expected a name like Europe/Paris") from error
    separator = args.separator.replace("\\t", "\t") if args.separator else None
    if separator is not None and len(separator) != 1:
        raise BadSetup("--separator", f"{args.separator!r}; expected one character")
    return Reading(read_labels(args.labels), separator, args.encoding, args.timezone, args.time_format)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud import`."""
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="CSV, plain, gzipped or zipped")
    parser.add_argument(
        "--into", type=Path, default=Path("fleet"), metavar="DIR", help="Parquet folder (default fleet)"
    )
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Import every file; 0 when all rows were taken, 1 when some were put aside."""
    how = reading(args)
    bad = sum(import_file(path, args.into, how) for path in args.files)
    twice = samples.conflicts(args.into) if (args.into / "samples").is_dir() else 0
    if twice:
        print(f"{twice} instants have more than one value; all are kept and averaged")
    return 1 if bad else 0


def import_file(path: Path, into: Path, how: Reading) -> int:
    """One file into the folder; how many rows were put aside."""
    rows = added = good = 0
    bad: list[pl.DataFrame] = []
    foreign: dict[str, int] = {}
    waiting: list[Block] = []
    for block in read(path, how):
        rows, good = rows + block.rows, good + len(block.good)
        bad.append(block.bad)
        for label, count in block.foreign.iter_rows():
            foreign[label] = foreign.get(label, 0) + count
        waiting.append(block)
        if sum(len(each.good) for each in waiting) >= BATCH_ROWS:
            added, waiting = added + _merge(into, waiting), []
        progress(f"{path.name}: {block.done:4.0%}, {rows:,} rows")
    added += _merge(into, waiting)
    aside = _put_aside(path, into, bad)
    progress("", last=True)
    print(f"{path}: {rows:,} rows, {good:,} good, {added:,} new")
    for label, count in sorted(foreign.items()):
        print(f"  {count:,} rows of {label!r} left out: the table of labels does not name it")
    if aside is not None:
        print(f"  {sum(map(len, bad)):,} bad rows, with line numbers, in {aside}")
    return sum(map(len, bad))


def progress(text: str, *, last: bool = False) -> None:
    """One line that renews itself on a terminal; nothing where the output is kept."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}" + ("" if not last else "\r"))
        sys.stderr.flush()


def _merge(into: Path, blocks: list[Block]) -> int:
    return samples.merge(into, pl.concat([block.good for block in blocks])) if blocks else 0


def _put_aside(path: Path, into: Path, bad: list[pl.DataFrame]) -> Path | None:
    """Bad rows in a file named by the input's content, so that importing it again writes the same."""
    if not sum(map(len, bad)):
        return None
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()[:12]
    target = into / "bad" / f"{path.name}.{digest}.csv"
    target.parent.mkdir(parents=True, exist_ok=True)
    pl.concat(bad).write_csv(target)
    return target
