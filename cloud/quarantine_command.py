"""`emberwatt-cloud quarantine`: what was put aside and why, and taking it again once it can be read."""

import argparse
import base64
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.errors import BadInput, BadSetup
from cloud.clock import make_clock
from cloud.config import load
from cloud.examples import add_examples
from cloud.ports import QuarantineRow
from cloud.store.database import Database
from cloud.store.quarantine import REFUSED, SqlQuarantine

_SHOWN: Final = 100
_HEAD_BYTES: Final = 256
_LINE_BYTES: Final = 16
_EXAMPLES: Final = """\
  emberwatt-cloud quarantine list --device mill-lane-4 --config cloud.toml
  emberwatt-cloud quarantine show 12 --out message.bin --config cloud.toml
  emberwatt-cloud quarantine replay --device mill-lane-4 --config cloud.toml
  emberwatt-cloud quarantine replay --all --config cloud.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud quarantine`; without a part it lists."""
    _common(parser, None)
    parser.set_defaults(part="list", device=None, limit=_SHOWN, config=None, json=False)
    parts = parser.add_subparsers(dest="part", metavar="list|show|replay")
    listing = parts.add_parser("list", help="newest first: number, device, when, size, reason")
    listing.add_argument("--device", default=None, metavar="ID", help="of this device only")
    listing.add_argument("--limit", type=int, default=_SHOWN, metavar="N", help=f"at most so many ({_SHOWN})")
    showing = parts.add_parser("show", help="one message with its bytes")
    showing.add_argument("number", type=int, metavar="NUMBER")
    showing.add_argument("--out", type=Path, default=None, metavar="FILE", help="write the bytes to a file")
    replaying = parts.add_parser("replay", help="take messages again, for example after an update that can read them")
    replaying.add_argument("numbers", type=int, nargs="*", metavar="NUMBER")
    replaying.add_argument("--device", default=None, metavar="ID", help="all of this device")
    replaying.add_argument("--all", action="store_true", help="everything")
    add_examples(parser, parts.choices, _EXAMPLES)
    for each in (listing, showing, replaying):
        _common(each, argparse.SUPPRESS)


def _common(parser: argparse.ArgumentParser, default: Any) -> None:
    """Before or behind the part; what is not said there must not undo what was said before."""
    parser.add_argument("--config", type=Path, default=default, metavar="CLOUD.toml", help="the aggregator's")
    parser.add_argument("--json", action="store_true", default=default, help="for scripts")


def run(args: argparse.Namespace) -> int:
    """0, or 1 when a replay left something as it was."""
    loaded = load(args.config)
    with Database(loaded.kept_database, make_clock(loaded)) as database:
        quarantine = SqlQuarantine(database)
        if args.part == "show":
            return _show(quarantine, args)
        if args.part == "replay":
            return _replay(quarantine, args)
        return _list(quarantine.list(args.limit, args.device), as_json=bool(args.json))


def _list(rows: Sequence[QuarantineRow], *, as_json: bool) -> int:
    if as_json:
        _json([msgspec.structs.asdict(row) for row in rows])
    elif not rows:
        print("nothing was put aside")
    else:
        for row in rows:
            print(f"{row.id:6} {row.device or '–':40} {_when(row.received_ms)} {row.size:8} bytes  {row.reason}")
    return 0


def _show(quarantine: SqlQuarantine, args: argparse.Namespace) -> int:
    row, payload = quarantine.show(args.number)
    if args.out is not None:
        try:
            args.out.write_bytes(payload)
        except OSError as error:
            raise BadSetup(str(args.out), f"cannot be written: {error.strerror}") from error
    if args.json:
        _json({**msgspec.structs.asdict(row), "payload_base64": base64.b64encode(payload).decode()})
        return 0
    print(f"{row.id}: {row.reason}\n  {row.topic}, {_when(row.received_ms)}, {row.size} bytes")
    for at in range(0, min(len(payload), _HEAD_BYTES), _LINE_BYTES):
        line = payload[at : at + _LINE_BYTES]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)
        print(f"  {at:6} {line.hex(' '):47}  {letters}")
    if len(payload) > _HEAD_BYTES:
        print(f"  … {len(payload) - _HEAD_BYTES} bytes more: --out FILE, then emberwatt-agent decode FILE")
    return 0


def _replay(quarantine: SqlQuarantine, args: argparse.Namespace) -> int:
    outcomes = quarantine.replay(_chosen(quarantine, args))
    if args.json:
        _json([asdict(outcome) for outcome in outcomes])
    else:
        for each in outcomes:
            words = f"{each.outcome}, {each.rows} rows" if each.rows else each.outcome
            print(f"{each.id:6} {each.device or '–':40} {words}{f': {each.detail}' if each.detail else ''}")
        left = sum(each.outcome == REFUSED for each in outcomes)
        print(f"{len(outcomes) - left} of {len(outcomes)} are dealt with, {left} stay as they were")
    return 1 if any(each.outcome == REFUSED for each in outcomes) else 0


def _chosen(quarantine: SqlQuarantine, args: argparse.Namespace) -> Sequence[int]:
    given = [bool(args.numbers), args.device is not None, args.all]
    if sum(given) != 1:
        raise BadInput("quarantine replay: expected either numbers, --device or --all")
    return args.numbers or quarantine.numbers(args.device)


def _json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2)
    print()


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
