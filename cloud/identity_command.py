"""`emberwatt-cloud identity`: the authority, claim codes, certificates, revocation, and what the broker must know."""

import argparse
import getpass
import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from agent.domain.errors import BadInput
from agent.domain.identity import fingerprint
from cloud.clock import make_clock
from cloud.config import Loaded, load
from cloud.devices.settings import DevicesTable
from cloud.identity import authority as ca
from cloud.identity.desk import Desk, Invitation
from cloud.identity.folder import certificate_in, check_hosts
from cloud.identity.mosquitto import PORT, listener
from cloud.identity_wiring import folder_of, open_desk
from cloud.ports import CertificateRow, ClaimRow, Clock, IdentityBook
from cloud.store.database import Database
from cloud.store.identity import SqlIdentities

_EXAMPLES: Final = """\
example:
  emberwatt-cloud identity init --host broker.example.org --config cloud.toml
  emberwatt-cloud identity claim mill-lane-4 --config cloud.toml
  emberwatt-cloud identity reclaim mill-lane-4 --config cloud.toml
  emberwatt-cloud identity list --json --config cloud.toml
  emberwatt-cloud identity revoke mill-lane-4 --reason stolen --config cloud.toml
  emberwatt-cloud identity broker-config --config cloud.toml > /etc/mosquitto/conf.d/emberwatt.conf
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `emberwatt-cloud identity`."""
    parser.epilog = _EXAMPLES
    parts = parser.add_subparsers(dest="part", required=True, metavar="init|claim|reclaim|list|revoke|broker-config")
    _init_arguments(parts.add_parser("init", help="make the authority and the certificates of broker and aggregator"))
    claiming = parts.add_parser("claim", help="a code with which a new device gets its certificate, once")
    claiming.add_argument("device", nargs="?", metavar="DEVICE", help="its id, as in the site file")
    claiming.add_argument("--any", action="store_true", help="for whichever new device uses it first")
    again = parts.add_parser("reclaim", help="the same for a device that had a certificate, which the new one replaces")
    again.add_argument("device", metavar="DEVICE")
    for each in (claiming, again):
        each.add_argument("--hours", type=_positive, default=None, help="how long it is good, instead of a week")
    parts.add_parser("list", help="every device's certificate, and codes that are not used yet")
    revoking = parts.add_parser("revoke", help="from now on a device is nobody any more")
    revoking.add_argument("device", metavar="DEVICE")
    revoking.add_argument("--reason", default="", help="for those who read the list later")
    brokers = parts.add_parser("broker-config", help="print what Mosquitto must be told")
    brokers.add_argument("--listen", type=int, default=PORT, metavar="PORT", help="(default: %(default)s)")
    for name, each in parts.choices.items():
        each.formatter_class = argparse.RawDescriptionHelpFormatter
        each.epilog = f"example:\n{next(line for line in _EXAMPLES.splitlines() if f' {name} ' in line)}"
        each.add_argument("--config", type=Path, default=None, metavar="CLOUD.toml", help="the aggregator's")
    for name in ("init", "claim", "reclaim", "list", "revoke"):
        parts.choices[name].add_argument("--json", action="store_true", help="for scripts")


def _init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME|ADDRESS",
        help="under which devices reach broker and aggregator; may be given several times",
    )
    parser.add_argument("--group", default="", help="the broker's, so that it can read its key: mosquitto")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r}: expected more than 0")
    return number


def run(args: argparse.Namespace) -> int:
    """Each part is one function; the authority is only made by `init`."""
    loaded = load(args.config)
    if args.part == "broker-config":
        folder_of(loaded).load()
        print(listener(folder_of(loaded).path.resolve(), args.listen), end="")
        return 0
    clock = make_clock(loaded)
    dropped = _make(args, loaded, clock) if args.part == "init" else []
    with Database(loaded.database_url if args.part == "init" else loaded.kept_database, clock) as database:
        desk, book = open_desk(loaded, database, clock), SqlIdentities(database)
        parts: dict[str, Callable[[], None]] = {
            "init": lambda: _made(args, loaded, desk, dropped),
            "claim": lambda: _invite(args, loaded, desk),
            "reclaim": lambda: _invite(args, loaded, desk),
            "list": lambda: _list(args, book, clock.now_ms()),
            "revoke": lambda: _revoke(args, desk),
        }
        parts[args.part]()
    return 0


def _make(args: argparse.Namespace, loaded: Loaded, clock: Clock) -> list[str]:
    """Names and addresses under which devices reached broker and aggregator, and do so no longer."""
    folder = folder_of(loaded)
    check_hosts(args.host)
    before = [] if certificate_in(folder.server) is None else _hosts(loaded)
    authority = folder.create(clock.now_ms())
    folder.refresh(authority, clock.now_ms(), args.host, args.group)
    return [host for host in before if host not in _hosts(loaded)]


def _made(args: argparse.Namespace, loaded: Loaded, desk: Desk, dropped: list[str]) -> None:
    desk.write_list()
    folder = folder_of(loaded)
    print_ = fingerprint(folder.load().der)
    hosts = _hosts(loaded)
    if args.json:
        _json({"folder": str(folder.path), "fingerprint": print_, "hosts": hosts, "dropped": dropped})
        return
    print(f"authority    {folder.ca_key}  (its key: keep a copy of this file in a safe place, and nowhere else)")
    print(f"fingerprint  {print_}")
    print(f"hosts        {', '.join(hosts)}")
    if dropped:
        print(f"dropped      {', '.join(dropped)}: no longer in the certificate: whoever comes that way is not let in.")
        print("             To keep what there was, name all of it:")
        print(f"             {_command(args, 'init', *(f'--host {host}' for host in [*hosts, *dropped]))}")
    print("\nIn the aggregator's file:\n")
    relative = loaded.settings.identity.folder
    print(f'[broker]\nhost = "{hosts[0]}"\nport = {PORT}')
    print(f'cafile = "{relative}/{folder.ca.name}"\ncertfile = "{relative}/{folder.aggregator.name}"')
    devices = loaded.settings.devices or DevicesTable()
    print(f'\n[devices]\nhost = "{devices.host}"\nport = {devices.port}')
    print("\nThe broker, which must be reloaded if it runs already:\n")
    print(f"{_command(args, 'broker-config')} > /etc/mosquitto/conf.d/emberwatt.conf")


def _command(args: argparse.Namespace, *words: str) -> str:
    """A command over the same file, as it can be typed."""
    config = [] if args.config is None else ["--config", shlex.quote(str(args.config))]
    return " ".join(["emberwatt-cloud identity", *words, *config])


def _invite(args: argparse.Namespace, loaded: Loaded, desk: Desk) -> None:
    again = args.part == "reclaim"
    free = not again and args.any
    if not again and bool(args.device) == free:
        raise BadInput("expected a device id or --any", hint="emberwatt-cloud identity claim mill-lane-4")
    made = desk.invite(args.device or "", getpass.getuser(), args.hours, again=again)
    if args.json:
        _json(
            {
                "device": made.device,
                "code": made.code,
                "expires_ms": made.expires_ms,
                "fingerprint": made.fingerprint,
                "aggregator": _address(loaded),
            }
        )
        return
    _show(made, _address(loaded))
    if again:
        print(f"\nWhat {made.device} has now stays good until the code is used; if it is stolen, revoke it first.")


def _show(made: Invitation, address: str) -> None:
    print(f"Claim code for {made.device or 'any new device'}, good once, until {_time(made.expires_ms)}:\n")
    print(f"  {made.code}\n")
    print("On the device:\n")
    print(f"  emberwatt-agent claim site.toml --token {made.code} --aggregator {address}")


def _list(args: argparse.Namespace, book: IdentityBook, now_ms: int) -> None:
    rows = book.certificates()
    open_ones = [row for row in book.invitations() if row.used_ms is None and row.expires_ms > now_ms]
    if args.json:
        certificates = [{**_plain(row), "state": _state(row, now_ms)} for row in rows]
        _json({"certificates": certificates, "invitations": [_plain(row) for row in open_ones]})
        return
    for row in sorted(rows, key=lambda each: (each.device, -each.issued_ms)):
        _line(row.device, _state(row, now_ms), row.not_after_ms, f"by {row.via}  {row.reason}")
    for invited in open_ones:
        _line(invited.device or "(any)", "invited", invited.expires_ms, f"by {invited.who}")
    if not rows and not open_ones:
        print(f"no device has a certificate yet: {_command(args, 'claim', 'DEVICE')}")


def _line(device: str, state: str, until_ms: int, more: str) -> None:
    print(f"{device:40} {state:10} until {_time(until_ms)}  {more}".rstrip())


def _state(row: CertificateRow, now_ms: int) -> str:
    if row.revoked_ms is not None:
        return "revoked"
    if row.not_after_ms < now_ms:
        return "expired"
    return "good" if row.replaced_ms is None else "replaced"


def _plain(row: CertificateRow | ClaimRow) -> dict[str, Any]:
    hidden = {"pem", "key", "token"}
    return {name: getattr(row, name) for name in row.__struct_fields__ if name not in hidden}


def _revoke(args: argparse.Namespace, desk: Desk) -> None:
    rows = desk.revoke(args.device, args.reason)
    if args.json:
        _json([_plain(row) for row in rows])
        return
    print(f"{args.device}: {len(rows)} certificate{'' if len(rows) == 1 else 's'} revoked, open claim codes withdrawn")
    if not desk.tells_broker:
        print("  identity.reload and identity.reload_pid are not set: let the broker read its files again yourself,")
        print("  for example with systemctl reload mosquitto")


def _hosts(loaded: Loaded) -> list[str]:
    certificate = certificate_in(folder_of(loaded).server)
    return ["localhost"] if certificate is None else ca.hosts_of(certificate)


def _address(loaded: Loaded) -> str:
    host = _hosts(loaded)[0]
    port = (loaded.settings.devices or DevicesTable()).port
    return f"https://{f'[{host}]' if ':' in host else host}:{port}"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _json(document: object) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))
