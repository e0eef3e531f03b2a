"""`emberwatt-agent claim`: the device's first certificate, and every one that follows."""

import argparse
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent import config
from agent.claim_text import with_uplink
from agent.config import AgentSettings
from agent.domain.errors import BadInput, BadSetup
from agent.domain.identity import Issued, read_claim_code, read_fingerprint
from agent.identity.files import IdentityFiles, Pair
from agent.onsite.keeping import write_site

_BROKER_PORT: Final = 8883


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What may follow `claim`."""
    parser.add_argument("site", type=Path, nargs="?", default=Path("site.toml"), metavar="SITE.toml", help="site file")
    parser.add_argument(
        "--token", default="", metavar="CODE", help="the claim code; letters may be small, dashes left out"
    )
    parser.add_argument("--aggregator", default="", metavar="URL", help="https://HOST:PORT, as it came with the code")
    parser.add_argument(
        "--ca-fingerprint", default="", metavar="SHA256", help="of its authority, checked as well as the code"
    )
    parser.add_argument(
        "--ca", type=Path, default=None, metavar="CA.pem", help="its authority's certificate, where you have it"
    )
    parser.add_argument(
        "--renew", action="store_true", help="the next certificate now; the running agent does it by itself"
    )
    parser.add_argument("--json", action="store_true", help="for scripts")


def run(args: argparse.Namespace) -> int:
    """Claim or renew, and say what has changed."""
    settings = config.load(args.site)
    if args.renew:
        if args.token:
            raise BadInput("--renew needs no --token: the present certificate vouches for the next one")
        return _renew(args, settings)
    if not args.token or not args.aggregator:
        missing = "--token" if not args.token else "--aggregator"
        hint = "both come from the aggregator: emberwatt-cloud identity claim " + settings.device
        raise BadInput(f"{missing} is missing", hint=hint)
    return _claim(args, settings)


def _claim(args: argparse.Namespace, settings: AgentSettings) -> int:
    from agent.identity.contact import Aggregator
    from agent.identity.obtain import Trust, claim

    code = read_claim_code(args.token)
    print_ = read_fingerprint(args.ca_fingerprint) if args.ca_fingerprint else ""
    aggregator, files = Aggregator(args.aggregator, settings.clock.now_ms()), IdentityFiles(settings.state)
    trust = Trust(code, print_, args.ca)
    pair, issued = claim(files, settings.device, code.token, aggregator, trust, random.Random())
    uplink = _uplink(settings, files, issued, aggregator.host)
    backup = _tell_site_file(settings, uplink)
    if args.json:
        _json(pair, files, {"site_file_changed": backup is not None})
        return 0
    print(f"{settings.device} has a certificate until {_day(pair.about.not_after_ms)}; {_again(pair)}")
    print(f"  {files.device}  certificate and key; the key was made here and never leaves")
    print(f"  {files.ca}  whom this device believes")
    _explain(settings, uplink, backup)
    return 0


def _renew(args: argparse.Namespace, settings: AgentSettings) -> int:
    from agent.identity.obtain import renew

    files = IdentityFiles(settings.state)
    pair = renew(files, args.aggregator, settings.clock.now_ms(), random.Random())
    if args.json:
        _json(pair, files, {})
    else:
        print(f"{settings.device} has a new certificate until {_day(pair.about.not_after_ms)}; {_again(pair)}")
    return 0


def _uplink(settings: AgentSettings, files: IdentityFiles, issued: Issued, host: str) -> dict[str, str | int]:
    """What `[uplink]` must say; file names relative to the site file where they lie below it.

    A way that does not lead to the broker's own port is known already: only the files are told.
    """

    def name(path: Path) -> str:
        folder = settings.path.parent
        return str(path.relative_to(folder) if path.is_relative_to(folder) else path.resolve())

    told: dict[str, str | int] = {"cafile": name(files.ca), "certfile": name(files.device)}
    if settings.uplink is not None and settings.uplink.carrier != "mqtt":
        return told
    return {"host": issued.broker_host or host, "port": issued.broker_port or _BROKER_PORT, **told}


def _tell_site_file(settings: AgentSettings, uplink: dict[str, str | int]) -> Path | None:
    """Change the site file where that is possible; the copy of the earlier one, or None when nothing was changed."""
    text = settings.path.read_text(encoding="utf-8")
    changed = with_uplink(text, uplink)
    if changed is None or changed == text:
        return None
    try:
        return write_site(settings.path, changed, settings.clock.now_ms())
    except BadSetup:
        return None


def _explain(settings: AgentSettings, uplink: dict[str, str | int], backup: Path | None) -> None:
    _say_what_changed(settings, uplink, backup)
    table = settings.uplink
    if table is not None and table.carrier == "mqtt" and (table.host, table.port or _BROKER_PORT) != _told(uplink):
        print(f"  [uplink] names {table.host}:{table.port}, the aggregator says {uplink['host']}:{uplink['port']}")


def _told(uplink: dict[str, str | int]) -> tuple[str | int, str | int]:
    return uplink["host"], uplink["port"]


def _say_what_changed(settings: AgentSettings, uplink: dict[str, str | int], backup: Path | None) -> None:
    if backup is not None:
        print(f"  {settings.path}  its [uplink] uses them now; the earlier file is {backup.name}")
        return
    table = settings.uplink
    if table is not None and (table.cafile, table.certfile) == (uplink["cafile"], uplink["certfile"]):
        print(f"  {settings.path}  its [uplink] uses them already")
        return
    print(f"Write this into {settings.path}:\n\n[uplink]")
    for key, value in uplink.items():
        print(f"{key} = {json.dumps(value)}")


def _again(pair: Pair) -> str:
    return f"the agent renews it by itself from {_day(pair.about.renew_ms)} on"


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def _json(pair: Pair, files: IdentityFiles, more: dict[str, Any]) -> None:
    about = pair.about
    document = {
        "device": about.device,
        "certfile": str(files.device),
        "cafile": str(files.ca),
        "not_after_ms": about.not_after_ms,
        "renew_ms": about.renew_ms,
        **more,
    }
    print(json.dumps(document, indent=2))
