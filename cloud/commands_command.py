"""`emberwatt-cloud command`: ask a device to do something, and wait for what comes of it."""

import argparse
import getpass
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.commands import CommandName, Outcome
from agent.domain.errors import BadInput
from cloud.clock import make_clock
from cloud.commands.desk import LIFE_S, Desk
from cloud.config import load
from cloud.examples import add_examples
from cloud.ports import CommandRow
from cloud.store.commands import SqlCommands
from cloud.store.database import Database

_EXAMPLES: Final = """\
  emberwatt-cloud command mill-lane-4 read-now --config cloud.toml
  emberwatt-cloud command mill-lane-4 interval 5 --for 600 --config cloud.toml
  emberwatt-cloud command mill-lane-4 resend 2026-05-01T00:00Z 2026-05-02T00:00Z --config cloud.toml
  emberwatt-cloud command mill-lane-4 logs --lines 500 --json --config cloud.toml
  emberwatt-cloud command mill-lane-4 restart --wait 0 --expires 3600 --config cloud.toml
  emberwatt-cloud command mill-lane-4 identify --config cloud.toml
  emberwatt-cloud command mill-lane-4 update --config cloud.toml
  emberwatt-cloud command mill-lane-4 list --config cloud.toml
"""
_LIST: Final = "list"
_LOOK_S: Final = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud command`."""
    parser.add_argument("device", metavar="DEVICE", help="its id")
    parts = parser.add_subparsers(dest="part", required=True, metavar="|".join([*CommandName, _LIST]))
    reading = parts.add_parser(CommandName.READ_NOW, help="read its devices now")
    reading.add_argument("--source", default=None, metavar="NAME", help="only this one")
    again = parts.add_parser(CommandName.RESEND, help="send what its journal holds of a period once more")
    again.add_argument("start", type=_time, metavar="FROM", help="ISO 8601 with Z, or ms since 1970")
    again.add_argument("end", type=_time, metavar="TO")
    interval = parts.add_parser(CommandName.INTERVAL, help="read at another interval for a while")
    interval.add_argument("seconds", type=float, metavar="SECONDS")
    interval.add_argument("--for", type=float, dest="for_s", default=600.0, metavar="SECONDS", help="%(default)g")
    logs = parts.add_parser(CommandName.LOGS, help="the newest lines of its log, and its twin as it is now")
    logs.add_argument("--lines", type=int, default=200, help="(default: %(default)s)")
    parts.add_parser(CommandName.RESTART, help="stop in order and begin again")
    parts.add_parser(CommandName.IDENTIFY, help="who it is, and what its devices say they are")
    parts.add_parser(CommandName.UPDATE, help="not supported by devices yet")
    parts.add_parser(_LIST, help="what it was asked before")
    add_examples(parser, parts.choices, _EXAMPLES)
    for name, each in parts.choices.items():
        each.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="the aggregator's")
        each.add_argument("--json", action="store_true", help="for scripts")
        if name != _LIST:
            each.add_argument("--expires", type=float, default=LIFE_S, metavar="SECONDS", help="(default: a day)")
            each.add_argument("--wait", type=float, default=60.0, metavar="SECONDS", help="for its reply; 0: do not")


def run(args: argparse.Namespace) -> int:
    """0 when it was done, or kept for later with --wait 0; 1 when it ended otherwise, or no reply came in time."""
    loaded = load(args.config)
    clock = make_clock(loaded)
    with Database(loaded.kept_database, clock) as database:
        desk = Desk(SqlCommands(database), clock)
        if args.part == _LIST:
            return _list(desk, args)
        row = desk.order(args.device, args.part, _arguments(args), getpass.getuser(), args.expires)
        row = _awaited(desk, row, args.wait)
    if args.json:
        print(json.dumps(msgspec.structs.asdict(row), indent=2, ensure_ascii=False))
    else:
        print("\n".join([_line(row), *_result(row.result)]))
    return 0 if row.state == Outcome.DONE or args.wait == 0 else 1


def _arguments(args: argparse.Namespace) -> dict[str, Any]:
    match args.part:
        case CommandName.READ_NOW:
            return {} if args.source is None else {"source": args.source}
        case CommandName.RESEND:
            return {"from_ms": args.start, "to_ms": args.end}
        case CommandName.INTERVAL:
            return {"interval_s": args.seconds, "for_s": args.for_s}
        case CommandName.LOGS:
            return {"lines": args.lines}
        case _:
            return {}


def _awaited(desk: Desk, row: CommandRow, wait_s: float) -> CommandRow:
    """The command once it has ended, or as it stands after `wait_s`. The running aggregator sends it."""
    until = time.monotonic() + wait_s
    while row.ended_ms is None and time.monotonic() < until:
        time.sleep(_LOOK_S)
        row = desk.command(row.id) or row
    return row


def _list(desk: Desk, args: argparse.Namespace) -> int:
    rows = desk.commands(args.device, limit=50)
    if args.json:
        print(json.dumps([msgspec.structs.asdict(row) for row in rows], indent=2, ensure_ascii=False))
    else:
        print("\n".join(_line(row) for row in rows) or f"{args.device} was never asked anything")
    return 0


def _line(row: CommandRow) -> str:
    asked = datetime.fromtimestamp(row.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    waits = {"queued": ": it goes out when the device is there", "sent": ": no reply yet"}
    why = f": {row.reason}" if row.reason else waits.get(row.state, "")
    return f"{row.id} {asked} {row.who} {row.name} {row.state}{why}"


def _result(result: Mapping[str, Any]) -> list[str]:
    log = result.get("log", [])
    rest = {key: value for key, value in result.items() if key != "log"}
    return [*log, *([json.dumps(rest, indent=2, ensure_ascii=False)] if rest else [])]


def _time(text: str) -> int:
    """Milliseconds since 1970."""
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"time {text!r}, expected ISO 8601 such as 2026-05-01T00:00Z, or ms since 1970") from None
    if moment.tzinfo is None:
        raise BadInput(f"time {text!r} has no zone, expected for example {text}Z")
    return round(moment.timestamp() * 1000)
