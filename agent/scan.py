"""`emberwatt-agent scan`: who is on this network range or serial line."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `scan`."""
    parser.add_argument("--tcp", metavar="RANGE", help="addresses such as 192.168.1.0/28, and no others")
    parser.add_argument("--host", action="append", default=[], metavar="HOST[:PORT]", help="one host; may be repeated")
    parser.add_argument("--port", type=int, default=502, help="of Modbus TCP (default: %(default)s)")
    parser.add_argument("--serial", metavar="DEVICE", help="a serial port, such as /dev/serial/by-id/…")
    parser.add_argument("--baud", type=int, default=9600, help="of the serial line (default: %(default)s)")
    parser.add_argument("--parity", choices=["N", "E", "O"], default="N", help="of the serial line (default: N)")
    parser.add_argument("--units", metavar="LIST", help="unit numbers to ask, such as 1-10,247")
    parser.add_argument("--timeout", type=float, default=None, metavar="S", help="for one answer (1, serial 0.3)")
    parser.add_argument(
        "--everywhere",
        action="store_true",
        help="ask unknown devices at 30000 and above too; some Growatt models restart on that",
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("site.toml"),
        metavar="SITE.toml",
        help="site file, whether or not it exists: your own profiles beside it are looked for as well",
    )
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    """Status 0 when somebody was found, else 1. Raises `BadSetup`."""
    from agent import scanning

    return scanning.scan(arguments)
