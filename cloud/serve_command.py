"""`emberwatt-cloud serve`: the aggregator itself."""

import argparse
import asyncio
from pathlib import Path
from typing import Final

from cloud import app, config

_LAST_PORT: Final = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `serve`."""
    parser.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="without it, the defaults hold")
    parser.add_argument(
        "--port", type=_port, default=None, help="instead of http.port of the file; 0 takes any free one"
    )


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r}: expected 0 to {_LAST_PORT}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """`serve`, until it is told to stop."""
    asyncio.run(app.serve(config.load(args.config), port=args.port))
    return 0
