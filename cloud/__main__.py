"""`emberwatt-cloud`: the aggregator and what is done with its data."""

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from agent.domain.errors import EmberwattError, Transient

EXAMPLES = """\
examples:
  emberwatt-cloud serve --config /etc/emberwatt/cloud.toml
  emberwatt-cloud quarantine --config cloud.toml --json
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit status: 0 done, 1 not now, 2 something a person must put right."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        sys.exit(arguments.command(arguments))
    except EmberwattError as error:
        _fail(error)
    except BaseExceptionGroup as group:
        _fail_group(group)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: EmberwattError) -> NoReturn:
    print(f"emberwatt-cloud: {error}", file=sys.stderr)
    if error.hint:
        print(f"  {error.hint}", file=sys.stderr)
    sys.exit(1 if isinstance(error, Transient) else 2)


def _fail_group(group: BaseExceptionGroup[BaseException]) -> NoReturn:
    """What several tasks raised at once: the first that a person can do something about, else all of it."""
    expected, rest = group.split(EmberwattError)
    if expected is None or rest is not None:
        raise group
    leaf: BaseException = expected
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    assert isinstance(leaf, EmberwattError)
    _fail(leaf)


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="emberwatt-cloud",
        description="Gather what the agents report, compare the fleet, serve pages and API.",
        epilog=EXAMPLES,
        formatter_class=shape,
    )
    parser.add_argument("--version", action="version", version=f"emberwatt-cloud {version('emberwatt')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, purpose: str, example: str, action: Any) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=purpose, description=purpose, epilog=f"example:\n  {example}", formatter_class=shape
        )
        sub.set_defaults(command=action)
        sub.add_argument(
            "--config", type=Path, default=None, metavar="CLOUD.toml", help="without it, the defaults hold"
        )
        return sub

    serve = command(
        "serve", "Subscribe, store, and serve pages and API.", "emberwatt-cloud serve --config cloud.toml", _serve
    )
    serve.add_argument("--port", type=int, default=None, help="instead of http.port of the file; 0 takes any free one")
    aside = command(
        "quarantine",
        "List messages that were put aside.",
        "emberwatt-cloud quarantine --config cloud.toml",
        _quarantine,
    )
    aside.add_argument("--json", action="store_true", help="for scripts")
    return parser


def _serve(arguments: argparse.Namespace) -> int:
    from cloud import app, config

    asyncio.run(app.serve(config.load(arguments.config), port=arguments.port))
    return 0


def _quarantine(arguments: argparse.Namespace) -> int:
    import msgspec

    from cloud import app, config
    from cloud.store.database import Database
    from cloud.store.reader import SqlFleetReader

    loaded = config.load(arguments.config)
    clock = app.make_clock(loaded)
    with Database(loaded.database_url, clock) as database:
        rows = SqlFleetReader(database, clock).quarantined()
    if arguments.json:
        print(json.dumps([msgspec.structs.asdict(row) for row in rows], indent=2))
    for row in [] if arguments.json else rows:
        print(f"{row.id:6} {row.device or '–':40} {row.size:8} bytes  {row.reason}")
    if not rows and not arguments.json:
        print("nothing was put aside")
    return 0


if __name__ == "__main__":
    main()
