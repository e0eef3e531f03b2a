"""`emberwatt-sim`: lists scenarios, serves one as a Modbus device, writes its past, tells what is broken in it."""

import argparse
import sys
from collections.abc import Sequence
from typing import TypeAlias

from firmware_sim.bus.framing import Framing
from firmware_sim.commands import show_history, show_scenarios, show_truth
from firmware_sim.errors import SimError
from firmware_sim.families.command import show_families
from firmware_sim.serve import serve

_SHAPE = argparse.RawDescriptionHelpFormatter
_SCENARIO = "name of a shipped scenario, or path of a .toml file"
_ORIGIN = "instant at which the site's life begins, ISO 8601 with Z or an offset"


_EXAMPLES = """\
examples:
  emberwatt-sim scenarios
  emberwatt-sim serve home-healthy --port 5020 --origin 2026-05-01T09:00:00Z --rate 60
  emberwatt-sim history home-no-solar --origin 2026-05-01T09:00:00Z --out past.csv
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emberwatt-sim", description=__doc__, epilog=_EXAMPLES, formatter_class=_SHAPE
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_scenarios(commands)
    _add_serve(commands)
    _add_families(commands)
    _add_history(commands)
    _add_truth(commands)
    return parser


_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _command(commands: _Commands, name: str, purpose: str, example: str) -> argparse.ArgumentParser:
    epilog = f"example:\n  {example}"
    return commands.add_parser(name, help=purpose, description=purpose, epilog=epilog, formatter_class=_SHAPE)


def _add_scenarios(commands: _Commands) -> None:
    parser = _command(commands, "scenarios", "List the shipped scenarios.", "emberwatt-sim scenarios --json")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=show_scenarios)


def _add_serve(commands: _Commands) -> None:
    example = "emberwatt-sim serve home-healthy --port 5020 --origin 2026-05-01T09:00:00Z --rate 60"
    parser = _command(commands, "serve", "Serve a scenario as a Modbus device until stopped.", example)
    parser.add_argument("scenario", metavar="SCENARIO", help=_SCENARIO)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one, which is printed (default: 0)")
    parser.add_argument("--origin", required=True, metavar="ISO", help=_ORIGIN)
    parser.add_argument(
        "--live-start", "--at", dest="live_start", metavar="ISO", help="simulated instant at --wall-start (the origin)"
    )
    parser.add_argument("--wall-start", type=int, metavar="MS", help="wall clock at --live-start, ms since 1970 (now)")
    parser.add_argument("--rate", type=float, default=1.0, metavar="N", help="simulated seconds per second (1)")
    parser.add_argument("--json", action="store_true", help="print the line with the address as JSON")
    parser.add_argument("--as", dest="speaks", metavar="FAMILY", help="speak as a device of this family (families)")
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="a choice of the family; may be repeated"
    )
    _add_line(parser)
    parser.set_defaults(run=serve)


def _add_line(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--framing", choices=[*Framing], default=Framing.MBAP, help="frames over TCP (default: %(default)s)"
    )
    parser.add_argument("--serial", action="store_true", help="serve RTU on a pty instead, whose name is printed")
    parser.add_argument("--serial-settings", metavar="9600N1", help="baud, parity, stop bits (the family's own)")
    parser.add_argument("--serial-dir", metavar="DIR", help="where the names of the pty are made (a new folder)")
    parser.add_argument("--control", metavar="PATH", help="a socket that takes orders, one JSON object a line")


def _add_families(commands: _Commands) -> None:
    purpose = "List the families of devices that a scenario can be served as."
    parser = _command(commands, "families", purpose, "emberwatt-sim families --json")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=show_families)


def _add_history(commands: _Commands) -> None:
    example = "emberwatt-sim history home-no-solar --origin 2026-05-01T09:00:00Z --days 30 --out past.csv"
    parser = _command(commands, "history", "Write a scenario's past as a CSV recording.", example)
    parser.add_argument("scenario", metavar="SCENARIO", help=_SCENARIO)
    parser.add_argument("--origin", required=True, metavar="ISO", help=_ORIGIN)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--days", type=float, default=30.0, help="length in days of 24 h (default: 30)")
    length.add_argument("--until", metavar="ISO", help="end instead of --days; not itself included")
    parser.add_argument("--step", type=int, default=60, metavar="S", help="seconds between rows (default: 60)")
    parser.add_argument("--out", required=True, metavar="FILE", help="CSV to write; replaced when complete")
    parser.set_defaults(run=show_history)


def _add_truth(commands: _Commands) -> None:
    example = "emberwatt-sim truth home-no-solar --origin 2026-05-01T09:00:00Z --json"
    parser = _command(commands, "truth", "Tell what is broken in a scenario and what must be found.", example)
    parser.add_argument("scenario", metavar="SCENARIO", help=_SCENARIO)
    parser.add_argument("--origin", required=True, metavar="ISO", help=_ORIGIN)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=show_truth)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; 0, or 2 with one line on stderr when something must be put right by a person."""
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
    except SimError as error:
        print(f"emberwatt-sim: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
