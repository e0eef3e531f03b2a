"""`emberwatt-cloud analyse`: which installations need a visit, why, and what it costs."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from agent.domain.errors import BadSetup
from cloud.fleet import published, published_files, samples
from cloud.importer import add_reading, reading


def moment(text: str) -> int:
    """A date or a date and time, UTC where it names no zone, as ms since 1970. Raises `argparse.ArgumentTypeError`.

    >>> moment("2016-12-15") == moment("2016-12-15T01:00+01:00")
    True
    """
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a date like 2016-12-15") from error
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud analyse`."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="heating|power")
    heating = subjects.add_parser("heating", help="outdoor, room and flow temperatures of heating installations")
    heating.add_argument("--method", choices=["emberwatt", "engie-pacf"], default="emberwatt")
    for each in (heating,):
        each.add_argument("source", type=Path, metavar="SOURCE", help="a CSV, or the folder that import fills")
        each.add_argument("--from", dest="start", type=moment, metavar="DATE", help="first day (UTC)")
        each.add_argument("--to", dest="end", type=moment, metavar="DATE", help="first day after it (UTC)")
        each.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
        add_reading(each)


def run(args: argparse.Namespace) -> int:
    """Analyse and write; 0 when it worked, whatever it found."""
    if args.start is not None and args.end is not None and args.start >= args.end:
        raise BadSetup("--from, --to", "the period is empty; expected --from before --to")
    return _published(args)


def _published(args: argparse.Namespace) -> int:
    source = samples.open_source(args.source, reading(args))
    result = published.analyse(samples.within(source.samples, args.start, args.end))
    for path in published_files.write(result, args.out):
        print(path)
    _put_bad_aside(source, args.out)
    print(f"{len(result.labels)} installations, {len(result.anomalies)} above height {published.THRESHOLD:g}")
    return 0


def _put_bad_aside(source: samples.Source, folder: Path) -> None:
    if len(source.bad):
        path = folder / "bad_rows.csv"
        source.bad.write_csv(path)
        print(f"{len(source.bad):,} bad rows, with line numbers, in {path}")
