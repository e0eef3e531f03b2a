"""The `[uplink]` table of the site file → the way to the aggregator."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent.domain.twin import Document
from agent.ports import Broker, Clock, Outbox
from agent.uplink.broker import BrokerSettings, MqttBroker
from agent.uplink.drain import Uplink, UplinkSettings


class UplinkTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The broker, and how long summaries and twin changes may wait. Faults never wait."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = None
    cafile: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    flush_interval_s: float = 7200.0
    report_interval_s: float = 21_600.0


@dataclass(frozen=True, slots=True)
class Place:
    """Who we are, and the folder that file names are relative to."""

    device: str
    folder: Path

    def file(self, name: str | None) -> Path | None:
        """The path of a file that the site file names."""
        return None if name is None else self.folder / name


def make_broker(table: UplinkTable, place: Place) -> Broker:
    """The carrier that the table asks for."""
    return MqttBroker(
        BrokerSettings(
            host=table.host,
            device=place.device,
            port=table.port,
            username=table.username,
            password=table.password,
            ca_file=place.file(table.cafile),
            cert_file=place.file(table.certfile),
            key_file=place.file(table.keyfile),
        )
    )


def make_uplink(
    table: UplinkTable,
    place: Place,
    outbox: Outbox,
    clock: Clock,
    document: Callable[[], Document],
    ready: Callable[[], bool],
) -> Uplink:
    """The way out of one `[uplink]` table; nothing goes while not `ready()`."""
    settings = UplinkSettings(
        device=place.device, flush_interval_s=table.flush_interval_s, report_interval_s=table.report_interval_s
    )
    broker = make_broker(table, place)
    return Uplink(settings, outbox, broker, clock, document, random.Random(), ready=ready)
