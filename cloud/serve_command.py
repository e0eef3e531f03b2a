"""`emberwatt-cloud serve`: the aggregator itself."""

import argparse
import asyncio
from pathlib import Path

from cloud import app, config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `serve`."""
    parser.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="without it, the defaults hold")
    parser.add_argument("--port", type=int, default=None, help="instead of http.port of the file; 0 takes any free one")


def run(args: argparse.Namespace) -> int:
    """`serve`, until it is told to stop."""
    asyncio.run(app.serve(config.load(args.config), port=args.port))
    return 0
