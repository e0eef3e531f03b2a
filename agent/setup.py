"""`emberwatt-agent setup`: choose, read, prove and write, in the terminal or as a page on a phone."""

import argparse
from pathlib import Path
from typing import Final

_PIN_DIGITS: Final = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `setup`."""
    parser.add_argument(
        "--config", type=Path, default=Path("site.toml"), metavar="SITE.toml", help="site file (default: %(default)s)"
    )
    parser.add_argument("--fresh", action="store_true", help="forget a setup that was begun")
    parser.add_argument(
        "--page", metavar="ADDRESS:PORT", help="as a page for a phone, on this address of the gateway only"
    )
    parser.add_argument("--pin", help=f"of the page, at least {_PIN_DIGITS} digits (default: a new one is shown)")
    parser.add_argument(
        "--for", dest="minutes", type=float, default=30.0, metavar="MIN", help="close the page after (default: 30)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Raises `BadSetup`, and `Stopped` when the person leaves before the site file is written."""
    from agent import commissioning

    return commissioning.commission(arguments)
