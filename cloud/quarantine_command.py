"""`emberwatt-cloud quarantine`: what was put aside, and why."""

import argparse
import json
from pathlib import Path

import msgspec

from cloud.app import make_clock
from cloud.config import load
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `quarantine`."""
    parser.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="without it, the defaults hold")
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(args: argparse.Namespace) -> int:
    """Newest first."""
    loaded = load(args.config)
    clock = make_clock(loaded)
    with Database(loaded.database_url, clock) as database:
        rows = SqlFleetReader(database, clock).quarantined()
    if args.json:
        print(json.dumps([msgspec.structs.asdict(row) for row in rows], indent=2))
    elif not rows:
        print("nothing was put aside")
    else:
        for row in rows:
            print(f"{row.id:6} {row.device or '–':40} {row.size:8} bytes  {row.reason}")
    return 0
