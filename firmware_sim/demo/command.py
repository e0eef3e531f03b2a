"""`emberwatt`: the command line of the demo."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from firmware_sim.demo.fleet import DemoFailed, DemoSettings, play
from firmware_sim.errors import BadArgument, SimError

EXAMPLES = """\
examples:
  emberwatt demo                   until Ctrl-C; a second start goes on with the same data
  emberwatt demo --for 120s        ends by itself; status 0 only if every injected fault was found
  emberwatt demo --fresh           forget the data of earlier runs first
"""


def seconds(text: str) -> float:
    """`90`, `90s`, `15m` or `2h` in seconds.

    >>> seconds("2m")
    120.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration, expected 90, 90s, 15m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]


def main(argv: Sequence[str] | None = None) -> None:
    """Leave with 0 when all went well, 1 when an injected fault was missed or a part failed, 2 for bad arguments."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="emberwatt", description="See the whole of it on this machine.", epilog=EXAMPLES, formatter_class=shape
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    purpose = "Simulated homes, their agents, a broker, the aggregator and its pages, all started and stopped together."
    demo = commands.add_parser("demo", help=purpose, description=purpose, epilog=EXAMPLES, formatter_class=shape)
    demo.add_argument("--for", dest="duration", type=seconds, metavar="TIME", help="stop by itself after this long")
    demo.add_argument(
        "--state", type=Path, default=Path(".demo"), metavar="DIR", help="where its data lives (default: .demo)"
    )
    demo.add_argument("--port", type=int, default=8080, help="of the pages; the next free one if taken (default: 8080)")
    demo.add_argument("--rate", type=float, default=60.0, help="simulated seconds per second (default: 60)")
    demo.add_argument("--fresh", action="store_true", help="forget the data of earlier runs first")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.rate <= 3600:
        demo.error(f"--rate {arguments.rate:g}: expected more than 0 and at most 3600")
    if not 0 <= arguments.port <= 65535:
        demo.error(f"--port {arguments.port}: expected 0 to 65535")
    settings = DemoSettings(arguments.state, arguments.port, arguments.rate, arguments.duration, arguments.fresh)
    try:
        play(settings)
    except (DemoFailed, SimError) as error:
        print(f"emberwatt: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, BadArgument) else 1)
    except KeyboardInterrupt:
        print("\nstopped; `emberwatt demo` goes on from here", file=sys.stderr)
