"""`emberwatt-agent profiles`: list, show and check device profiles."""

import argparse
import json
from pathlib import Path
from typing import Any

from agent.domain.errors import BadSetup
from agent.domain.signals import SIGNALS
from agent.sources.profile import Profile, signals_of
from agent.sources.profile_file import load_profile, profile_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `profiles`."""
    parser.add_argument("action", choices=["list", "show", "check"])
    parser.add_argument(
        "profile", nargs="?", metavar="NAME|FILE", help="a shipped profile's name, or a file of your own"
    )
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    """Raises `BadSetup` for a profile that is not one, naming the line where it can."""
    if arguments.action == "list":
        profiles = [_summary(name, load_profile(name)) for name in profile_names()]
        _tell(profiles, [f"{entry['name']:24} {entry['maker']} {entry['model']}" for entry in profiles], arguments.json)
        return 0
    if arguments.profile is None:
        raise BadSetup(f"profiles {arguments.action}", "no profile named", hint="emberwatt-agent profiles list")
    path = Path(arguments.profile)
    profile = load_profile(path if path.suffix == ".toml" else arguments.profile)
    told = _summary(arguments.profile, profile)
    lines = [f"{arguments.profile}: good, gives {len(told['signals'])} signals"]
    if arguments.action == "show":
        lines = [f"{told['maker']} {told['model']}", *(f"  {name:24} {_meaning(name)}" for name in told["signals"])]
        lines += [
            f"{key}:" + "".join(f"\n  {text}" for text in told[key])
            for key in ("variants", "sources", "notes")
            if told[key]
        ]
    _tell(told, lines, arguments.json)
    return 0


def _summary(name: str, profile: Profile) -> dict[str, Any]:
    return {
        "name": name,
        "maker": profile.maker,
        "model": profile.model,
        "signals": sorted(signals_of(profile)),
        "variants": [variant.name for variant in profile.variant],
        "sources": list(profile.sources),
        "notes": list(profile.notes),
    }


def _meaning(name: str) -> str:
    spec = next((spec for spec in SIGNALS.values() if spec.name == name), None)
    return f"{spec.unit:5} {spec.meaning}" if spec is not None else ""


def _tell(value: Any, lines: list[str], as_json: bool) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False) if as_json else "\n".join(lines))
