"""What a device-day costs on the wire: a simulated home, its real records, batches, acknowledgements and twin.

    python -m bench.wire [--days 4]

Counted is every byte of MQTT in both directions, one connection a day with its greeting included. TLS and TCP/IP are
not counted: their headers take 40 bytes a segment, and as much again for its acknowledgement.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from agent import __version__
from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import settings_from
from agent.domain import signals as sg
from agent.domain import wire
from agent.domain.signals import Quality, Reading
from agent.domain.twin import Document, TwinMessage, diff, encode_twin
from agent.domain.wire import Record, encode_body
from agent.ports import Position
from agent.uplink.broker import BrokerSettings
from agent.uplink.drain import UplinkSettings
from agent.uplink.packing import pack
from agent.uplink.twin_sync import tidy
from firmware_sim.scenario import load_scenario
from firmware_sim.site import Site

START_MS: Final = 1_749_945_600_000
DAY_MS: Final = 86_400_000
STEP_MS: Final = 60_000
EPOCH: Final = bytes(range(8))
DEVICE: Final = "home-0001"
EIGHT: Final = (
    sg.PV_POWER,
    sg.LOAD_POWER,
    sg.BATTERY_POWER,
    sg.GRID_POWER,
    sg.BATTERY_SOC,
    sg.BATTERY_TEMPERATURE,
    sg.INVERTER_TEMPERATURE,
    sg.OUTDOOR_TEMPERATURE,
)
_SEGMENT_BYTES: Final = 40


class Line:
    """Counts what passes, by what it is for."""

    def __init__(self) -> None:
        self.bytes: dict[str, int] = {}
        self.segments = 0

    def add(self, name: str, size: int, segments: int = 1) -> None:
        """`size` bytes of MQTT in so many segments; TCP acknowledges about each of them."""
        self.bytes[name] = self.bytes.get(name, 0) + size
        self.segments += 2 * segments

    def publish(self, name: str, topic: str, payload: bytes) -> None:
        """PUBLISH at QoS 1 and its PUBACK, MQTT 3.1.1 section 3.3."""
        self.add(name, _framed(2 + len(topic) + 2 + len(payload)) + 4, 2)

    def greet(self, started_ms: int) -> None:
        """CONNECT with name, password and last will, CONNACK, SUBSCRIBE, SUBACK, status and farewell."""
        status, offline = wire.topic(DEVICE, wire.STATUS), wire.encode_status(wire.Status("offline"))
        self.add("connection", _framed(10 + 2 * (2 + len(DEVICE)) + 2 + 32 + 4 + len(status) + len(offline)) + 4, 2)
        topics = (wire.topic(DEVICE, wire.ACK), wire.topic(DEVICE, wire.TWIN_DESIRED))
        self.add("connection", _framed(2 + sum(2 + len(topic) + 1 for topic in topics)) + _framed(2 + len(topics)), 2)
        self.publish("connection", status, wire.encode_status(wire.Status("online", started_ms)))
        self.publish("connection", status, offline)


def _framed(size: int) -> int:
    return size + 1 + (1 if size < 128 else 2 if size < 16_384 else 3)


def readings(days: int) -> Iterator[Reading]:
    """The simulated home minute by minute, its eight signals in the precision of their registers."""
    site = Site(load_scenario("home-healthy"), START_MS)
    for at_ms in range(START_MS, START_MS + days * DAY_MS, STEP_MS):
        seen = site.observe(at_ms) or {}
        values = {name: round(seen[name], sg.SIGNALS[name].decimals) for name in EIGHT if name in seen}
        yield Reading(at_ms, values, {name: Quality.MISSING for name in EIGHT if name not in seen})


def document(diagnosis: Diagnosis, backlog: int) -> Document:
    """The twin as the agent reports it."""
    equipment = {"maker": "Fronius", "model": "Symo GEN24 10.0", "serial": "34119482", "firmware": "1.34.6-1"}
    health = {"backlog": backlog, "journal_bytes": 5_000_000, "disk_free_bytes": 21_000_000_000}
    return {
        "agent": {"version": __version__, "started_ms": START_MS, "starts": 3},
        "site": {"name": "Home 1", "timezone": "Europe/Berlin", "latitude": 52.45, "longitude": 13.35},
        "sources": {"inverter": {"profile": "sunspec-auto", "equipment": equipment, "reachable": True}},
        "health": health | {"rss_bytes": 34_000_000, "days_left": 4000, "clock": "known"},
        **diagnosis.snapshot(),
    }


class Home:
    """A device with the shipped settings, by the rules of the uplink: what is gathered goes when its time has come."""

    def __init__(self, flush_s: float, report_s: float) -> None:
        self.line = Line()
        self._flush_ms = round(flush_s * 1000)
        self._report_ms = round(report_s * 1000)
        site = {"timezone": "Europe/Berlin", "latitude": 52.45, "longitude": 13.35}
        self._diagnosis = Diagnosis(settings_from({"site": site}))
        self._waiting: list[Record] = []
        self._seq = 0
        self._told: Document = {}
        self._version = START_MS

    def day(self, day: list[Reading]) -> None:
        """One day, with one connection at its start."""
        self.line.greet(day[0].at_ms)
        self._told = {}
        for reading in day:
            self._take(reading)
            if reading.at_ms % self._flush_ms == 0:
                self._flush()
            if reading.at_ms % self._report_ms == 0 or not self._told:
                self._report()
        pings = int(DAY_MS / 1000 / BrokerSettings("", DEVICE).keepalive_s)
        self.line.add("pings", 4 * pings, 2 * pings)

    def _take(self, reading: Reading) -> None:
        for at_ms, body in self._diagnosis.update(reading, {"inverter": True}):
            kind, raw = encode_body(body)
            self._seq += 1
            self._waiting.append(Record(self._seq, kind, at_ms, msgspec.Raw(raw)))
            if kind == "fault":
                self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        first = self._waiting[0].seq
        batch = pack(DEVICE, Position(EPOCH, first - 1, self._seq), first, self._waiting, UplinkSettings("").max_bytes)
        self.line.publish("batches", wire.topic(DEVICE, wire.UP), wire.encode_batch(batch))
        ack = wire.encode_ack(wire.Ack(EPOCH.hex(), batch.last))
        self.line.publish("acknowledgements", wire.topic(DEVICE, wire.ACK), ack)
        self._waiting = []

    def _report(self) -> None:
        now = tidy(document(self._diagnosis, len(self._waiting)))
        base, self._version = self._version, self._version + 1
        if self._told:
            message = TwinMessage(self._version, base=base, patch=diff(self._told, now))
        else:
            message = TwinMessage(self._version, doc=now)
        self._told = now
        self.line.publish("twin", wire.topic(DEVICE, wire.TWIN_REPORTED), encode_twin(message, squeezed=True))


def measure(days: int = 4, flush_s: float | None = None, report_s: float | None = None) -> dict[str, Any]:
    """Bytes of a device-day by what they are for; without settings those that are shipped."""
    shipped = UplinkSettings("")
    home = Home(flush_s or shipped.flush_interval_s, report_s or shipped.report_interval_s)
    day: list[Reading] = []
    for reading in readings(days):
        day.append(reading)
        if len(day) == DAY_MS // STEP_MS:
            home.day(day)
            day = []
    parts = {name: round(size / days) for name, size in home.line.bytes.items()}
    tcp_ip = round(home.line.segments * _SEGMENT_BYTES / days)
    return {**parts, "total": sum(parts.values()), "tcp_ip_headers_about": tcp_ip}


def main() -> None:
    """Print one JSON object."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--days", type=int, default=4)
    chosen = options.parse_args()
    hours = {f"a batch every {hours} h": measure(chosen.days, flush_s=hours * 3600) for hours in (1, 2, 6)}
    json.dump({"as shipped": measure(chosen.days), **hours}, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
