"""`emberwatt-cloud lake seal`: closed days of the fleet's database into Parquet files."""

import argparse
from pathlib import Path

from cloud.clock import make_clock
from cloud.config import load
from cloud.examples import add_examples
from cloud.lake.sealing import SealingSettings, seal_closed_days
from cloud.lake.store import Lake
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `lake`."""
    parts = parser.add_subparsers(dest="part", required=True, metavar="seal")
    seal = parts.add_parser("seal", help="add closed days; late data reseals its day")
    add_examples(parser, parts.choices, "  emberwatt-cloud lake seal --into lake/ --config cloud.toml\n")
    seal.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="the aggregator's")
    seal.add_argument("--into", metavar="DIR|s3://…", help="the lake (default: a folder lake beside the file)")
    seal.add_argument(
        "--days", type=int, default=SealingSettings().again_days, help="closed days to look at (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Says what was sealed, one line per kind."""
    loaded = load(args.config)
    beside = (loaded.path.parent if loaded.path is not None else Path()) / "lake"
    clock = make_clock(loaded)
    with Database(loaded.kept_database, clock) as database:
        reader, lake = SqlFleetReader(database, clock), Lake(args.into or str(beside.resolve()))
        outcomes = seal_closed_days(reader, lake, clock.now_ms(), SealingSettings(again_days=args.days))
    for kind in sorted({kind for kind, _ in outcomes}):
        days = [sealed for name, sealed in outcomes if name == kind]
        print(f"{kind}: {len(days)} days, {sum(sealed.rows for sealed in days)} rows")
    if not outcomes:
        print("no closed day holds anything")
    return 0
