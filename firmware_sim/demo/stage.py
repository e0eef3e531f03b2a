"""The demo's folder: its world's clock, the sites' files and the aggregator's, all made again from a few numbers."""

import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from firmware_sim.demo.broker import AGGREGATOR

ORIGIN_MS = 1_777_593_600_000  # 2026-05-01T00:00:00Z: the recording of the real home is from that time of year
HISTORY_DAYS = 30
LIVE_HOUR_MS = 9 * 3_600_000  # 11:00 in central Europe, where most of the homes stand


@dataclass(frozen=True, slots=True)
class Timeline:
    """One simulated clock for everybody: it shows `live_ms` at the wall's `wall_ms` and runs `rate` times as fast."""

    live_ms: int
    wall_ms: int
    rate: float

    def at(self, wall_ms: int) -> int:
        return self.live_ms + round((wall_ms - self.wall_ms) * self.rate)

    def table(self) -> dict[str, Any]:
        return {"origin_ms": self.live_ms, "started_ms": self.wall_ms, "rate": self.rate}


@dataclass(slots=True)
class World:
    """What a second start needs to go on where the first stopped."""

    origin_ms: int = ORIGIN_MS
    now_ms: int = ORIGIN_MS + HISTORY_DAYS * 86_400_000 + LIVE_HOUR_MS
    passwords: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "World":
        return cls(**json.loads(path.read_text())) if path.exists() else cls()

    def save(self, path: Path) -> None:
        """Written beside and moved, so that a kill leaves the old one or the new one."""
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(self), indent=1))
        beside.chmod(0o600)
        beside.replace(path)

    def past_clock(self, wall_ms: int) -> Timeline:
        """What the clock shows while an agent looks back: the time at which its past begins, as slow as life.

        So that it has started there before it starts again and goes on live.
        """
        return Timeline(self.origin_ms, wall_ms, 1.0)

    def admit(self, users: list[str]) -> None:
        for user in (AGGREGATOR, *users):
            self.passwords.setdefault(user, secrets.token_urlsafe(18))


def free_port(wanted: int = 0) -> int:
    """`wanted` if nobody listens there, else any free port on the loopback address."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def toml(tables: Mapping[str, Any]) -> str:
    """The few shapes of TOML that the demo's files need: tables and lists of tables of plain values."""
    parts = []
    for name, body in tables.items():
        for table, head in (
            [(body, f"[{name}]")] if isinstance(body, Mapping) else [(item, f"[[{name}]]") for item in body]
        ):
            lines = [
                f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items() if value is not None
            ]
            parts.append("\n".join([head, *lines]))
    return "\n\n".join(parts) + "\n"


class Login(NamedTuple):
    """How an agent reaches the broker."""

    port: int
    password: str


def cloud_file(timeline: Timeline, broker_port: int, http_port: int, password: str) -> str:
    return toml(
        {
            "database": {"url": "sqlite:///fleet.db"},
            "broker": {"port": broker_port, "username": AGGREGATOR, "password": password},
            "http": {"port": http_port},
            "clock": timeline.table(),
        }
    )


def site_file(site: Mapping[str, Any], timeline: Timeline, modbus_port: int, login: Login | None) -> str:
    """The site file that an installer would write for this home; without a login it keeps what it finds to itself."""
    source = {"name": site["source"], "profile": site["profile"], "host": "127.0.0.1", "port": modbus_port}
    tables: dict[str, Any] = {
        "device": {"id": site["device"]},
        "site": {key: site[key] for key in ("name", "latitude", "longitude", "timezone")},
        "source": [source | ({"unit": site["unit"]} if "unit" in site else {})],
        "poll": {"interval_s": 60},
        "clock": timeline.table(),
    }
    if login is not None:
        tables["uplink"] = {
            "host": "127.0.0.1",
            "port": login.port,
            "username": site["device"],
            "password": login.password,
            "flush_interval_s": 900,
            "report_interval_s": 60,
        }
    return toml(tables)
