"""`emberwatt-agent`: what an installer and systemd call."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from agent import __version__
from agent.domain.errors import BadMessage, EmberwattError, Transient, expected_error
from agent.domain.wire import Body, Unknown, decode_batch, decode_body

if TYPE_CHECKING:
    import argparse

Action = Callable[["argparse.Namespace"], int]
Arguments = Callable[["argparse.ArgumentParser"], None]
Part = Callable[[], tuple[Action, Arguments]]

ZONES = "/usr/share/zoneinfo"
EXAMPLES = """\
examples:
  emberwatt-agent run --config /etc/emberwatt/site.toml
  emberwatt-agent read --config site.toml
  emberwatt-agent setup --config site.toml
  emberwatt-agent replay recording.csv --json -
  emberwatt-agent score rig.csv --out scores.csv
  emberwatt-agent profiles check my-inverter.toml
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit status: 0 done, 1 not now, 2 something a person must put right."""
    action = _called(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        sys.exit(action())
    except EmberwattError as error:
        _fail(error)
    except BaseExceptionGroup as group:
        expected = expected_error(group)
        if expected is None:
            raise
        _fail(expected)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _fail(error: EmberwattError) -> NoReturn:
    print(f"emberwatt-agent: {error}", file=sys.stderr)
    if error.hint:
        print(f"  {error.hint}", file=sys.stderr)
    sys.exit(1 if isinstance(error, Transient) else 2)


def _called(argv: Sequence[str]) -> Callable[[], int]:
    """What to do. The line by which services are started is read without the parser, which would stay for years."""
    match list(argv):
        case ["run", "--config", site] if site and not site.startswith("-"):
            return partial(_run_site, Path(site), None, until_drained=False)
    arguments = _parser(argv).parse_args(argv)
    return partial(arguments.command, arguments)


def _parser(argv: Sequence[str]) -> "argparse.ArgumentParser":
    """Only the command that is called is loaded: what runs for years keeps nothing in memory that it does not use."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="emberwatt-agent",
        description="Read a home's devices, find faults, keep MTBF, and bring it to the aggregator.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"emberwatt-agent {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    called = next((word for word in argv if not word.startswith("-")), "")
    for name, purpose, example, part in _commands():
        sub = commands.add_parser(
            name,
            help=purpose,
            description=purpose,
            epilog=f"example:\n  emberwatt-agent {name} {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == called:
            action, arguments = part()
            sub.set_defaults(command=action)
            arguments(sub)
    return parser


def _commands() -> list[tuple[str, str, str, Part]]:
    """Name, purpose, example, and where to find what it does and what may follow it."""
    return [
        (
            "run",
            "Run this site's agent until it is told to stop.",
            "--config site.toml",
            lambda: (_run, _run_arguments),
        ),
        (
            "read",
            "Read every device of the site once and show the values.",
            "--config site.toml",
            lambda: (_read, _look_arguments),
        ),
        ("status", "Show what the journal holds.", "--config site.toml", lambda: (_status, _look_arguments)),
        ("replay", "Run the same diagnosis over a recording.", "day.csv --json -", _replay_part),
        ("decode", "Print a payload of the wire as JSON.", "batch.bin", lambda: (_decode, _decode_arguments)),
        (
            "setup",
            "Connect a site step by step and prove that every value is right.",
            "--config site.toml",
            _setup_part,
        ),
        (
            "scan",
            "Find devices on a range or a serial line that you name; nothing is written.",
            "--tcp 192.168.1.0/28",
            _scan_part,
        ),
        (
            "score",
            "Tell how unusual each row of any recording is.",
            "f.csv --out scores.csv",
            _score_part,
        ),
        (
            "claim",
            "Get this device's certificate with a claim code.",
            "site.toml --token CODE --aggregator https://broker.example.org:8443",
            _claim_part,
        ),
        ("profiles", "List, show and check profiles.", "check my.toml", _profiles_part),
        (
            "doctor",
            "Look at everything the agent needs, and say what to do.",
            "--config site.toml",
            _doctor_part,
        ),
    ]


def _replay_part() -> tuple[Action, Arguments]:
    from agent import replay

    return replay.run, replay.add_arguments


def _claim_part() -> tuple[Action, Arguments]:
    from agent import claim

    return claim.run, claim.add_arguments


def _setup_part() -> tuple[Action, Arguments]:
    from agent import setup

    return setup.run, setup.add_arguments


def _scan_part() -> tuple[Action, Arguments]:
    from agent import scan

    return scan.run, scan.add_arguments


def _score_part() -> tuple[Action, Arguments]:
    from agent import score

    return score.run, score.add_arguments


def _profiles_part() -> tuple[Action, Arguments]:
    from agent import profiles

    return profiles.run, profiles.add_arguments


def _doctor_part() -> tuple[Action, Arguments]:
    from agent import doctor

    return doctor.run, doctor.add_arguments


def _run_arguments(parser: "argparse.ArgumentParser") -> None:
    _config_argument(parser)
    parser.add_argument(
        "--history",
        type=Path,
        metavar="FILE.csv",
        help="judge this recording first; rows judged before are passed over",
    )
    parser.add_argument(
        "--until-drained", action="store_true", help="poll nothing; stop once the history is acknowledged"
    )


def _look_arguments(parser: "argparse.ArgumentParser") -> None:
    _config_argument(parser)
    parser.add_argument("--json", action="store_true", help="for scripts")


def _decode_arguments(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="one message, as it was on the wire")


def _config_argument(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--config", type=Path, default=Path("site.toml"), metavar="SITE.toml", help="site file (default: %(default)s)"
    )


def _run(arguments: "argparse.Namespace") -> int:
    return _run_site(arguments.config, arguments.history, until_drained=arguments.until_drained)


def _run_site(site: Path, history: Path | None, *, until_drained: bool) -> int:
    # Else zoneinfo asks how this Python was built, and all of that long answer stays in memory.
    if Path(ZONES).is_dir():
        os.environ.setdefault("PYTHONTZPATH", ZONES)
    from agent import config, running

    if asyncio.run(running.run(config.load(site), history, until_drained=until_drained)):
        # The same command in the same process: whoever watches it notices a restart, not an end.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return 0


def _read(arguments: "argparse.Namespace") -> int:
    from agent import config, once

    return asyncio.run(once.read(config.load(arguments.config), as_json=arguments.json))


def _status(arguments: "argparse.Namespace") -> int:
    from agent import config, once

    return once.status(config.load(arguments.config), as_json=arguments.json)


def _decode(arguments: "argparse.Namespace") -> int:
    try:
        data = arguments.file.read_bytes()
    except OSError as error:
        raise BadMessage(f"{arguments.file}: cannot be read: {error.strerror}") from error
    if not data.startswith(b"EW"):
        print(json.dumps(_plain_json(arguments.file, data), indent=2))
        return 0
    try:
        batch = decode_batch(data)
        records = [
            {"seq": record.seq, "kind": record.kind, "at_ms": record.at_ms, "clock": record.clock}
            | {"body": _plain(decode_body(record.kind, record.body))}
            for record in batch.records
        ]
    except BadMessage as error:
        raise BadMessage(f"{arguments.file}: {error}", damaged=error.damaged) from error
    head = {"device": batch.device, "epoch": batch.epoch.hex(), "first": batch.first, "last": batch.last}
    print(json.dumps(head | {"records": records}, indent=2))
    return 0


def _plain(body: Body) -> Any:
    """A body with its fields named, as JSON can hold it."""
    if isinstance(body, Unknown):
        return {"raw": body.raw.hex()}
    named = msgspec.structs.asdict(body)
    rows = named.get("signals")
    if rows is not None:
        named["signals"] = [msgspec.structs.asdict(row) for row in rows]
    return named


def _plain_json(path: Path, data: bytes) -> Any:
    """Acknowledgements, status and twin are JSON on the wire already."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadMessage(f"{path}: neither a batch nor JSON: {error}") from error


if __name__ == "__main__":
    main()
