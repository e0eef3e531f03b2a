"""Scanning a network range or a serial line that a person named, and telling what was found."""

import argparse
import asyncio
import ipaddress
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from agent.domain.errors import BadSetup
from agent.sources.bus import Bus
from agent.sources.fingerprints import TCP_UNITS, Probe, probes_from
from agent.sources.line import SerialPort
from agent.sources.links import RtuLink
from agent.sources.profile_file import ProfileShelf
from agent.sources.scan import Found, ScanRules, scan_link
from agent.sources.serial_settings import SerialSettings
from agent.sources.tcp_client import TcpLink

Progress = Callable[[str], None]

_MOST_HOSTS: Final = 1024
_AT_ONCE: Final = 8
_NOBODY: Final = "nobody answered: is Modbus switched on in the device's menu, and nobody else connected?"
_LATE_S: Final = 0.2
_LAST_UNIT: Final = 247
_LAST_PORT: Final = 65_535


def scan(arguments: argparse.Namespace) -> int:
    """Status 0 when somebody was found, else 1. Raises `BadSetup`."""
    found = asyncio.run(_scan(arguments))
    if arguments.json:
        print(json.dumps([plain(each) for each in found], indent=2, ensure_ascii=False))
    else:
        print("\n".join(lines(found)) if found else _NOBODY)
    return 0 if found else 1


async def _scan(arguments: argparse.Namespace) -> list[Found]:
    hosts = hosts_of(arguments.tcp, arguments.host, arguments.port)
    units = units_of(arguments.units)
    if not hosts and arguments.serial is None:
        raise BadSetup("scan", "nothing to scan, expected --tcp RANGE, --host HOST or --serial DEVICE")
    profiles, faults = ProfileShelf.beside(arguments.config).sound()
    for fault in faults:
        print(fault, file=sys.stderr)
    probes = probes_from(profiles)
    found = await scan_tcp(hosts, units or TCP_UNITS, probes, _rules(arguments, 1.0))
    if arguments.serial is not None:
        settings = SerialSettings(arguments.serial, arguments.baud, parity=arguments.parity)
        everybody = tuple(range(1, _LAST_UNIT + 1))
        found += await scan_serial(settings, units or everybody, probes, _rules(arguments, 0.3))
    _say("")
    return found


async def scan_serial(
    settings: SerialSettings,
    units: Sequence[int],
    probes: Sequence[Probe],
    rules: ScanRules,
    progress: Progress | None = None,
) -> list[Found]:
    """Every unit on a line, one after the other. Raises `BadSetup` when the port cannot be opened."""
    tell = progress or _say
    link = RtuLink(Bus(SerialPort(settings)), late_s=_LATE_S)
    await _check_port(link)
    return await scan_link(
        link, units, probes, rules, first_only=False, progress=lambda unit: tell(f"{link}: unit {unit}")
    )


async def _check_port(link: RtuLink) -> None:
    """Raises `BadSetup` when the port cannot be opened: silence would look like an empty line."""
    user = object()
    if await link.join(user, 1.0) is None:
        raise BadSetup("serial port", str(link))
    link.bus.leave(user)


def _rules(arguments: argparse.Namespace, timeout_s: float) -> ScanRules:
    return ScanRules(arguments.timeout or timeout_s, everywhere=arguments.everywhere)


async def scan_tcp(
    hosts: Sequence[tuple[str, int]],
    units: Sequence[int],
    probes: Sequence[Probe],
    rules: ScanRules,
    progress: Progress | None = None,
) -> list[Found]:
    """Some hosts at a time, each asked one thing after the other. Raises `BadSetup` for a name that is none."""
    await asyncio.gather(*(_check_name(host) for host, _ in hosts if not _is_address(host)))
    room, done = asyncio.Semaphore(_AT_ONCE), 0

    async def one(host: str, port: int) -> list[Found]:
        nonlocal done
        async with room:
            found = await scan_link(TcpLink(host, port), units, probes, rules, first_only=True, progress=lambda _: None)
        done += 1
        (progress or _say)(f"{done} of {len(hosts)} addresses")
        return found

    return [each for found in await asyncio.gather(*(one(*host) for host in hosts)) for each in found]


async def _check_name(host: str) -> None:
    """Raises `BadSetup`: silence would look like a device that is switched off."""
    try:
        await asyncio.get_running_loop().getaddrinfo(host, None)
    except (OSError, UnicodeError) as error:
        why = f" ({error.strerror})" if isinstance(error, OSError) else ""
        hint = "check the spelling, or name the device by its address"
        raise BadSetup(host, f"no such name{why}", hint=hint) from error


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _say(text: str) -> None:
    """Progress on a line of its own, and only where somebody can see it."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def hosts_of(network: str | None, hosts: Sequence[str], port: int) -> list[tuple[str, int]]:
    """Addresses and ports. Raises `BadSetup`.

    >>> hosts_of("192.0.2.8/30", ["inverter:1502"], 502)
    [('192.0.2.9', 502), ('192.0.2.10', 502), ('inverter', 1502)]
    """
    found: list[tuple[str, int]] = []
    if network is not None:
        try:
            addresses = ipaddress.ip_network(network, strict=False)
        except ValueError as error:
            raise BadSetup("--tcp", f"{error}, expected a range such as 192.168.1.0/28") from None
        if addresses.num_addresses > _MOST_HOSTS:
            raise BadSetup(
                "--tcp", f"{network} has {addresses.num_addresses} addresses, expected at most {_MOST_HOSTS}"
            )
        found += [(str(address), port) for address in addresses.hosts()]
    for text in hosts:
        host, colon, own = text.rpartition(":")
        if colon and not own.isdigit():
            raise BadSetup("--host", f"got {text!r}, expected HOST or HOST:PORT")
        found.append((host, int(own)) if colon else (text, port))
    for host, at in found:
        if not host.strip() or not 1 <= at <= _LAST_PORT:
            raise BadSetup("--host", f"got {f'{host}:{at}'!r}, expected a host and a port from 1 to {_LAST_PORT}")
    return found


def units_of(text: str | None) -> tuple[int, ...]:
    """Unit numbers of a list of numbers and ranges. Raises `BadSetup`.

    >>> units_of("1-3,247")
    (1, 2, 3, 247)
    """
    units: list[int] = []
    for part in (text or "").split(",") if text else []:
        first, _, last = part.partition("-")
        if not first.isdigit() or (last and not last.isdigit()) or int(last or first) > 255:
            raise BadSetup("--units", f"got {part!r}, expected numbers up to 255 such as 1-10,{_LAST_UNIT}")
        units += range(int(first), int(last or first) + 1)
    return tuple(units)


def plain(found: Found) -> dict[str, Any]:
    """As JSON can hold it; what is not known is left out."""
    told = {key: value for key, value in asdict(found.identity).items() if value}
    return {"where": found.where, "unit": found.unit, **told}


def lines(found: Sequence[Found]) -> list[str]:
    """One device a line, its note behind it."""
    rows = []
    for each in found:
        who = each.identity
        name = " ".join(part for part in (who.maker, who.model) if part) or "answers, but is not known"
        more = [f"serial {who.serial}" if who.serial else "", f"firmware {who.firmware}" if who.firmware else ""]
        rows.append(f"{each.where} unit {each.unit:<3} {name} {' '.join(part for part in more if part)}".rstrip())
        rows.append(f"    profile {who.profile}" if who.profile else "    no profile known")
        if who.note:
            rows.append(f"    {who.note}")
    return rows
