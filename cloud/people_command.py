"""`emberwatt-cloud people`: who may log in to pages and API."""

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import Final

from agent.domain.errors import BadInput
from cloud.access.people import People, Role
from cloud.access_wiring import people_of
from cloud.config import Loaded, load

_EXAMPLES: Final = """\
example:
  emberwatt-cloud people add anna --config cloud.toml
  emberwatt-cloud people list --json --config cloud.toml
  emberwatt-cloud people remove anna --config cloud.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud people`."""
    parser.epilog = _EXAMPLES
    parts = parser.add_subparsers(dest="part", required=True, metavar="add|list|remove")
    adding = parts.add_parser("add", help="somebody new, or another password or role; asks for the password")
    adding.add_argument("name", metavar="NAME")
    adding.add_argument(
        "--role",
        choices=[str(role) for role in Role],
        default=str(Role.MANAGER),
        help="a viewer changes nothing (manager)",
    )
    parts.add_parser("list", help="everybody").add_argument("--json", action="store_true", help="for scripts")
    parts.add_parser("remove", help="who is logged in is so no longer").add_argument("name", metavar="NAME")
    for name, each in parts.choices.items():
        each.formatter_class = argparse.RawDescriptionHelpFormatter
        each.epilog = f"example:\n{next(line for line in _EXAMPLES.splitlines() if f' {name} ' in line)}"
        each.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="the aggregator's")


def run(args: argparse.Namespace) -> int:
    """Each part writes or shows the file that the aggregator reads again by itself."""
    loaded = load(args.config)
    people = people_of(loaded)
    match args.part:
        case "add":
            _add(args, people, loaded)
        case "list":
            _list(people, as_json=args.json)
        case _:
            people.remove(args.name)
            print(f"{args.name} may no longer log in")
    return 0


def _add(args: argparse.Namespace, people: People, loaded: Loaded) -> None:
    was_there = people.add(args.name, Role(args.role), _password())
    print(f"{args.name}, {args.role}: {'changed' if was_there else 'may log in now'}, in {people.path}")
    if loaded.settings.access is None:
        print("nobody is asked for a name yet: the aggregator's file has no table [access]")


def _password() -> str:
    """Typed twice, or the first line of what is piped in. Raises `BadInput` where the two differ."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise BadInput("the two passwords are not the same")
    return password


def _list(people: People, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([{"name": name, "role": role} for name, role in people.names()], indent=2))
        return
    for name, role in people.names():
        print(f"{name:<24}{role}")
