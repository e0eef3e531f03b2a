"""`emberwatt-cloud mtbf`: which homes and which equipment fail how often, and how sure that is."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_LONGEST_GAP_S: Final = 86_400
_MOST_WORKERS: Final = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "source", metavar="SOURCE", help="Parquet minutes (file, folder, address), the lake, or the fleet's database"
    )
    parser.add_argument("--by", metavar="ATTRIBUTE", help="pool by it: inverter_model, firmware, installer, age …")
    parser.add_argument("--compare", nargs=2, metavar=("A", "B"), help="failure rate of cohort A over that of cohort B")
    parser.add_argument("--published", action="store_true", help="the published figure, minute by minute")
    parser.add_argument("--from", dest="start", type=_moment, metavar="DATE", help="first moment (UTC)")
    parser.add_argument("--to", dest="end", type=_moment, metavar="DATE", help="first moment after it (UTC)")
    parser.add_argument("--split", type=_moment, metavar="DATE", help="compare before and after this day")
    parser.add_argument("--equipment", type=Path, metavar="FILE", help="CSV or Parquet: device, and what it has")
    parser.add_argument("--timezone", metavar="ZONE", help="of homes that name none (default UTC)")
    parser.add_argument("--kw", action="store_true", help="powers are in kW")
    parser.add_argument("--max-gap", type=_seconds, metavar="S", help="longest gap bridged (default 900)")
    parser.add_argument("--json", metavar="OUT", help="write the result to a file, or to - (standard output)")
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write rankings and cohorts as rows")
    parser.add_argument("--png", type=Path, metavar="OUT", help="draw the ranking: a file that ends in .png")
    parser.add_argument("--engine", choices=["local", "spark"], default="local")
    parser.add_argument("--master", metavar="URL", help="Spark master (default: spark-submit's, else local[*])")
    parser.add_argument(
        "--workers", type=_workers, metavar="N", help="threads of the local engine (default: processors)"
    )


def _moment(text: str) -> int:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a date like 2017-06-04") from error
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _LONGEST_GAP_S:
        raise argparse.ArgumentTypeError(f"{text!r}: expected more than 0 and at most {_LONGEST_GAP_S} seconds")
    return value


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 1 to {_MOST_WORKERS}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Compute, write and print. Raises `BadSetup`."""
    # What only this command needs is loaded with it: the parser of all commands stays quick.
    from cloud import mtbf_command

    return mtbf_command.run(args)
