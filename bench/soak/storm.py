"""20,000 devices that come back at once, and how fast one aggregator applies what they have."""

import resource
import select
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.soak.case import Context, Outcome, require
from bench.soak.crowd import WINDOWS
from bench.soak.stack import needs_mosquitto
from tests.helpers.broker import MosquittoBroker, free_port
from tests.helpers.programs import Program, answers, wait_for

_SPARE_FILES: Final = 50
_LONGEST_S: Final = 900.0
_SETTLE_S: Final = 30.0
_SIGNALS: Final = 8


def run(context: Context) -> Outcome:
    """Broker on one core, aggregator on the other, the devices wherever there is room."""
    needs_mosquitto()
    devices = 500 if context.short else 20_000
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    room = min(devices, most - _SPARE_FILES)
    told = _storm(context.folder, devices, room)
    context.say(f"storm: {dict(told)}")
    lost = sum(count for name, count in told.items() if name.startswith("lost"))
    require(told["drained"] == devices, f"{devices - told['drained']} devices were not drained: {dict(told)}")
    require(told["twins"] == devices, f"{devices - told['twins']} twins are not known: {dict(told)}")
    require(told["online"] >= room, f"{room - told['online']} devices are shown offline: {dict(told)}")
    require(not lost and not told["rejected"] and not told["errors"], str(dict(told)))
    together = (
        "" if room == devices else f", {room:,} of them connected at the same time (this machine's limit of files)"
    )
    happened = (
        f"all drained in {told['seconds']} s, half of them within {told['median_s']} s{together}; no connection lost, "
        f"nothing rejected, {told['sent again']:,} had to send again, {told['asked to slow down']:,} asked to slow "
        f"down; {told['records'] / told['seconds']:,.0f} windows/s of {_SIGNALS} signals, statuses and twins beside "
        "them; each shown online with its twin"
    )
    return Outcome(f"{devices:,} devices", happened)


def _storm(folder: Path, devices: int, room: int) -> Counter[str]:
    with MosquittoBroker(folder / "broker", max_queued_messages=100_000) as broker:
        http_port = free_port()
        (folder / "cloud.toml").write_text(f"[broker]\nport = {broker.port}\n[http]\nport = {http_port}\n")
        cloud = Program("cloud", ["serve", "--config", folder / "cloud.toml"], folder / "cloud.log")
        cloud.command = ["taskset", "-c", "1", *cloud.command]
        with cloud:
            wait_for("the aggregator", lambda: answers(f"http://127.0.0.1:{http_port}/api/v1/health"), 60)
            with _Crowds(broker.port, devices, room) as crowds:
                told = crowds.drained()
                said, known = (folder / "cloud.log").read_text(), _settled(folder / "fleet.db", devices, room)
                told.update(dropped=said.count("queue is full"), twins=known["twins"], online=known["online"])
        rows = _known(folder / "fleet.db")["rows"]
        require(rows == devices * WINDOWS * _SIGNALS, f"{rows} rows of {devices * WINDOWS * _SIGNALS}")
        told["records"] = rows // _SIGNALS
        told["errors"] = cloud.said().count("ERROR") + cloud.said().count("Traceback")
    return told


class _Crowds:
    """Two processes: each may open only so many files."""

    def __init__(self, port: int, devices: int, room: int) -> None:
        self._commands = [
            [sys.executable, "-m", "bench.soak.crowd", *map(str, (port, first, devices // 2, room // 2))]
            for first in (0, devices // 2)
        ]
        self._crowds: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "_Crowds":
        """All prepared."""
        for command in self._commands:
            self._crowds.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        require(all(self._hear(crowd) == "ready\n" for crowd in self._crowds), "a crowd did not get ready")
        return self

    def drained(self) -> Counter[str]:
        """Let them go; what they tell once all is acknowledged."""
        for crowd in self._crowds:
            assert crowd.stdin is not None
            crowd.stdin.write("go\n")
            crowd.stdin.flush()
        told, slowest = Counter[str](), Counter[str]()
        for crowd in self._crowds:
            numbers: dict[str, Any] = msgspec.json.decode(self._hear(crowd))
            for name in ("seconds", "median_s"):
                slowest[name] = max(slowest[name], numbers.pop(name, 0))
            told.update(numbers)
        return told + slowest

    def _hear(self, crowd: subprocess.Popen[str]) -> str:
        """One line, or nothing when it takes too long."""
        assert crowd.stdout is not None
        if not select.select([crowd.stdout], [], [], _LONGEST_S)[0]:
            return "{}"
        return crowd.stdout.readline()

    def __exit__(self, *exc: object) -> None:
        for crowd in self._crowds:
            crowd.kill()
            crowd.wait()


def _settled(database: Path, devices: int, room: int) -> dict[str, int]:
    """What is known when all is known, or a little later."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        known = _known(database)
        if (known["twins"] >= devices and known["online"] >= room) or time.monotonic() > deadline:
            return known
        time.sleep(0.5)


def _known(database: Path) -> dict[str, int]:
    """What the aggregator knows: devices with a twin, those online, rows."""
    with closing(sqlite3.connect(database, timeout=30)) as db:
        (twins,) = db.execute("SELECT count(*) FROM twins WHERE side = 'reported'").fetchone()
        (online,) = db.execute("SELECT count(*) FROM devices WHERE online").fetchone()
        (rows,) = db.execute("SELECT count(*) FROM summaries").fetchone()
    return {"twins": twins, "online": online, "rows": rows}
