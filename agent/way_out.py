"""The `[uplink]` table of the site file → the way to the aggregator."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from agent.domain.errors import BadSetup
from agent.domain.twin import Document, TwinMessage
from agent.ports import Aside, Broker, Clock, Outbox
from agent.sources.carrier_tables import HOST, is_host
from agent.uplink.drain import Uplink, UplinkSettings
from agent.uplink.tls import ClockTrust, Tls, TlsFiles

Carrier = Literal["mqtt", "websocket", "https"]
_DAY_S: Final = 86_400


class UplinkTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The way out, and how long summaries and twin changes may wait. Faults never wait.

    `carrier` mqtt and websocket lead to the broker, https to the aggregator itself. Without `port` it is 1883, with TLS
    8883 and 443 for the other two. `tls` is true where a `cafile` or `certfile` is named, and always for https; without
    a `cafile` whom the system believes is believed. `path` is the WebSocket's. The rest is for https: `proxy`, without
    which the environment's is used, how often to ask for what waits there, and how long to keep that question open.
    """

    host: str
    port: int | None = None
    carrier: Carrier = "mqtt"
    tls: bool | None = None
    path: str = "/mqtt"
    proxy: str | None = None
    poll_interval_s: float = 60.0
    poll_wait_s: float = 0.0
    username: str | None = None
    password: str | None = None
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    flush_interval_s: float = 7200.0
    report_interval_s: float = 21_600.0


class Place(msgspec.Struct, frozen=True):
    """Who we are, and the folder that file names are relative to."""

    device: str
    folder: Path

    def file(self, name: str | None) -> Path | None:
        """The path of a file that the site file names."""
        return None if name is None else self.folder / name


def make_broker(table: UplinkTable, place: Place, trust: ClockTrust | None = None) -> Broker:
    """The carrier that the table asks for."""
    files = TlsFiles(place.file(table.cafile), place.file(table.certfile), place.file(table.keyfile))
    tls = Tls(files, trust or ClockTrust()) if _with_tls(table) else None
    return _https(table, place, tls) if table.carrier == "https" else _mqtt(table, place, tls)


class KnownTime(Protocol):
    """What is asked of whoever watches the clock."""

    def trusted(self) -> bool: ...

    def passed_ms(self) -> int: ...


def clock_trust(time: KnownTime | None) -> ClockTrust:
    """How certificates are judged; without anybody who watches it the clock is right."""
    return ClockTrust() if time is None else ClockTrust(time.trusted, time.passed_ms)


def address(table: UplinkTable) -> tuple[str, int]:
    """Where the way out leads, for somebody who wants to knock there."""
    if table.port is not None:
        return table.host, table.port
    return table.host, 443 if table.carrier != "mqtt" else 8883 if _with_tls(table) else 1883


def _with_tls(table: UplinkTable) -> bool:
    if table.tls is not None:
        return table.tls
    return table.carrier == "https" or table.cafile is not None or table.certfile is not None


def check(table: UplinkTable, where: str) -> None:
    """Raises `BadSetup` for what does not fit together; `where` is the site file."""
    https, files = table.carrier == "https", (table.cafile, table.certfile, table.keyfile)
    wrong = {
        "port": (table.port is not None and not 1 <= table.port <= 65535, "expected 1 to 65535"),
        "host": (not is_host(table.host), f"expected {HOST}"),
        "poll_interval_s": (not 0 < table.poll_interval_s <= _DAY_S, "expected more than 0 and at most 86400"),
        "flush_interval_s": (not 1 <= table.flush_interval_s <= 7 * _DAY_S, "expected 1 to 604800"),
        "report_interval_s": (not 1 <= table.report_interval_s <= 7 * _DAY_S, "expected 1 to 604800"),
        "poll_wait_s": (not 0 <= table.poll_wait_s <= 600, "expected 0 to 600"),
        "path": (not table.path.startswith("/"), "expected a path that starts with /"),
        "keyfile": (table.keyfile is not None and table.certfile is None, "expected a certfile beside it"),
        "tls": (table.tls is False and any(files), "expected true where certificate files are named"),
        "username": (https and table.username is not None, "https has no passwords, it needs a certfile"),
        "password": (https and table.password is not None, "https has no passwords, it needs a certfile"),
    }
    for field, (is_wrong, expected) in wrong.items():
        if is_wrong:
            value = "" if field == "password" else f" is {getattr(table, field)!r}"
            raise BadSetup(where, f"uplink.{field}{value}: {expected}")


def _mqtt(table: UplinkTable, place: Place, tls: Tls | None) -> Broker:
    from agent.uplink.broker import BrokerSettings, MqttBroker

    inside = table.path if table.carrier == "websocket" else None
    usual = 443 if inside is not None else 1883 if tls is None else 8883
    return MqttBroker(
        BrokerSettings(
            host=table.host,
            device=place.device,
            port=usual if table.port is None else table.port,
            username=table.username,
            password=table.password,
            tls=tls,
            websocket=inside,
        )
    )


def _https(table: UplinkTable, place: Place, tls: Tls | None) -> Broker:
    from agent.uplink.http import HttpBroker, HttpSettings

    settings = HttpSettings(
        host=table.host,
        device=place.device,
        port=443 if table.port is None else table.port,
        plain=tls is None,
        proxy=table.proxy,
        poll_s=table.poll_interval_s,
        wait_s=table.poll_wait_s,
    )
    return HttpBroker(settings if tls is None else replace(settings, tls=tls))


def make_uplink(
    table: UplinkTable,
    place: Place,
    outbox: Outbox,
    clock: Clock,
    document: Callable[[], Document],
    ready: Callable[[], bool],
    trust: ClockTrust | None = None,
    *,
    on_desired: Callable[[TwinMessage], None] | None = None,
    aside: Aside | None = None,
) -> Uplink:
    """The way out of one `[uplink]` table; nothing goes while not `ready()`."""
    settings = UplinkSettings(
        device=place.device, flush_interval_s=table.flush_interval_s, report_interval_s=table.report_interval_s
    )
    broker = make_broker(table, place, trust)
    return Uplink(
        settings, outbox, broker, clock, document, random.Random(), on_desired=on_desired, ready=ready, aside=aside
    )
