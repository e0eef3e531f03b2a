"""`emberwatt-cloud`: the aggregator and what is done with its data."""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final, NoReturn, Protocol

from agent.domain.errors import EmberwattError, Transient, expected_error

EXAMPLES = """\
examples:
  emberwatt-cloud serve --config /etc/emberwatt/cloud.toml
  emberwatt-cloud analyse heating export.csv --out findings/
  emberwatt-cloud mtbf minutes/ --by inverter_model --json -
"""


class Program(Protocol):
    """What a command's module offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


# Name, purpose, example.
COMMANDS: Final = (
    ("serve", "Subscribe, store, and serve pages and API.", "--config cloud.toml"),
    ("quarantine", "Show messages that were put aside, and take them again.", "replay --all --config cloud.toml"),
    ("import", "Take over an export of heating measurements.", "export.csv --into samples/"),
    ("analyse", "Compare the installations of a fleet.", "heating samples/ --out findings/"),
    ("mtbf", "MTBF of a fleet, by equipment.", "minutes/ --by inverter_model --json -"),
    ("incidents", "Group faults and findings into incidents.", "list --config cloud.toml"),
    ("lake", "Seal closed days into Parquet files.", "seal --config cloud.toml"),
    ("jobs", "List, run and show nightly jobs.", "list --config cloud.toml"),
    ("train", "A small model for the gateways, from recordings.", "recordings/ --plan home --out home.ewm --key k.pem"),
    ("models", "Models that speak at the sites, and which to train again.", "--config cloud.toml"),
    ("command", "Ask a device to do something.", "DEVICE read-now --config cloud.toml"),
    ("people", "Who may log in to pages and API.", "add anna --config cloud.toml"),
    ("identity", "Certificates of devices: claim, list, revoke.", "claim mill-lane-4 --config cloud.toml"),
)


def program(name: str) -> Program:
    """The module of a command; only the one that is asked for is loaded, because some stand on large libraries."""
    match name:
        case "serve":
            from cloud import serve_command

            return serve_command
        case "quarantine":
            from cloud import quarantine_command

            return quarantine_command
        case "incidents":
            from cloud import incidents_command

            return incidents_command
        case "people":
            from cloud import people_command

            return people_command
        case "identity":
            from cloud import identity_command

            return identity_command
        case "command":
            from cloud import commands_command

            return commands_command
        case "jobs":
            from cloud import jobs_command

            return jobs_command
        case _:
            return _with_data(name)


def _with_data(name: str) -> Program:
    """Of the commands that work on data which may come from elsewhere."""
    match name:
        case "import":
            from cloud import importer

            return importer
        case "analyse":
            from cloud import analyse

            return analyse
        case "mtbf":
            from cloud import mtbf

            return mtbf
        case "lake":
            from cloud import lake_command

            return lake_command
        case "models":
            from cloud import models_command

            return models_command
        case _:
            from cloud import train_command

            return train_command


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit status: 0 done, 1 not now, 2 something a person must put right."""
    words = sys.argv[1:] if argv is None else list(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        arguments = _parser(words).parse_args(words)
        sys.exit(arguments.command(arguments))
    except EmberwattError as error:
        _fail(error)
    except BaseExceptionGroup as group:
        expected = expected_error(group)
        if expected is None:
            raise
        _fail(expected)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: EmberwattError) -> NoReturn:
    print(f"emberwatt-cloud: {error}", file=sys.stderr)
    if error.hint:
        print(f"  {error.hint}", file=sys.stderr)
    sys.exit(1 if isinstance(error, Transient) else 2)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the arguments of the command that `words` name; the others stay unloaded."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="emberwatt-cloud",
        description="Gather what the agents report, compare the fleet, serve pages and API.",
        epilog=EXAMPLES,
        formatter_class=shape,
    )
    parser.add_argument("--version", action="version", version=f"emberwatt-cloud {version('emberwatt')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, purpose, example in COMMANDS:
        sub = commands.add_parser(
            name,
            help=purpose,
            description=purpose,
            epilog=f"example:\n  emberwatt-cloud {name} {example}",
            formatter_class=shape,
        )
        if name in words[:1]:
            chosen = program(name)
            chosen.add_arguments(sub)
            sub.set_defaults(command=chosen.run)
    return parser


if __name__ == "__main__":
    main()
