"""A broker, an aggregator and several agents as real processes, and what their tables hold in the end."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from agent.domain.wire import Energy, Fault, Summary, decode_body
from bench.soak.case import Skipped, require
from tests.helpers.broker import MOSQUITTO, MosquittoBroker, free_port
from tests.helpers.programs import Program, answers, wait_for

Table = list[tuple[object, ...]]

# What must be the same: everything but when it arrived and under which number it travelled.
TABLES: Final = {
    "summaries": "SELECT signal, start_ms, window_s, mean, low, high, last, n, stale, missing, invalid, estimated "
    "FROM summaries WHERE device = ? ORDER BY signal, start_ms, window_s",
    "energy": "SELECT at_ms, counters, measured FROM energy WHERE device = ? ORDER BY at_ms",
    "faults": "SELECT id, code, severity, component, start_ms, end_ms, failing_s, evidence, lost_wh, step "
    "FROM faults WHERE device = ? ORDER BY id",
    "reliability": "SELECT code, at_ms, state FROM reliability WHERE device = ? ORDER BY code",
}
_STEPS: Final = {"start": 0, "update": 1, "end": 2}


def needs_mosquitto() -> None:
    """Raises `Skipped` where there is none."""
    if MOSQUITTO is None:
        raise Skipped("there is no Mosquitto: apt-get install mosquitto")


class Stack:
    """`with Stack(folder).running() as stack:` has broker and aggregator; `agent` adds a home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.http_port = free_port()
        self.broker = MosquittoBroker(folder / "broker")
        self.agents: dict[str, Program] = {}
        self._parts = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/api/v1"

    @contextmanager
    def running(self) -> Iterator["Stack"]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._parts:
            self._parts.enter_context(self.broker)
            (self.folder / "cloud.toml").write_text(
                f"[broker]\nport = {self.broker.port}\n[http]\nport = {self.http_port}\n"
            )
            serve: list[str | Path] = ["serve", "--config", self.folder / "cloud.toml"]
            self.cloud = self._parts.enter_context(Program("cloud", serve, self.folder / "cloud.log"))
            self.wait_for_cloud()
            yield self

    def wait_for_cloud(self) -> None:
        wait_for("the aggregator", lambda: answers(f"{self.url}/health"), 60)

    def agent(self, device: str, history: Path, *, until_drained: bool = True) -> Program:
        """Start the agent of one home over a recording."""
        site = site_file(self.folder, device, "127.0.0.1", self.broker.port)
        run: list[str | Path] = ["run", "--config", site, "--history", history]
        if until_drained:
            run.append("--until-drained")
        self.agents[device] = self._parts.enter_context(Program("agent", run, self.folder / f"{device}.log"))
        return self.agents[device]

    def drained(self, devices: Sequence[str], timeout_s: float) -> None:
        """Wait until these agents have ended by themselves, all well."""
        for device in devices:
            agent = self.agents[device]
            drained(agent, device, timeout_s)

    def tables(self, device: str) -> dict[str, Table]:
        return tables(self.folder / "fleet.db", device)

    def journal(self, device: str) -> Path:
        return self.folder / device / "journal.db"


def drained(agent: Program, device: str, timeout_s: float) -> None:
    """Wait until it has ended by itself; `Broken` with its last words when it does not, or not well."""
    deadline = time.monotonic() + timeout_s
    while not agent.ended():
        require(time.monotonic() < deadline, f"{device} is not drained after {timeout_s:.0f} s: {agent.said()[-500:]}")
        time.sleep(0.05)
    require(agent.process is not None and agent.process.returncode == 0, f"{device}: {agent.said()[-500:]}")


def site_file(folder: Path, device: str, host: str, port: int) -> Path:
    """The site file of a home; its journal is in a folder of its name beside it."""
    site = folder / f"{device}.toml"
    site.write_text(
        f'[device]\nid = "{device}"\nstate = "{device}"\n'
        '[site]\ntimezone = "Europe/Berlin"\nlatitude = 48.1\nlongitude = 11.6\n'
        f'[uplink]\nhost = "{host}"\nport = {port}\n'
    )
    return site


def undisturbed(folder: Path, histories: Sequence[Path], timeout_s: float = 300.0) -> list[dict[str, Table]]:
    """What the aggregator knows of each home in the end when nothing is broken."""
    with Stack(folder).running() as stack:
        names = [f"home-{number}" for number in range(len(histories))]
        for name, history in zip(names, histories, strict=True):
            stack.agent(name, history)
        stack.drained(names, timeout_s)
        expected = [stack.tables(name) for name in names]
    require(all(all(each.values()) for each in expected), "the undisturbed run left a table empty")
    return expected


def tables(database: Path, device: str) -> dict[str, Table]:
    """What the aggregator knows of a device."""
    with closing(sqlite3.connect(database, timeout=30)) as db:
        return {name: db.execute(query, (device,)).fetchall() for name, query in TABLES.items()}


def difference(expected: dict[str, Table], found: dict[str, Table]) -> Counter[str]:
    """Rows that are `lost`, and rows that are there once too often or with another content (`added`)."""
    counted = Counter[str]()
    for name, rows in expected.items():
        wanted, there = Counter(rows), Counter(found[name])
        counted["lost"] += (wanted - there).total()
        counted["added"] += (there - wanted).total()
    return counted


def disorder(journal: Path) -> Counter[str]:
    """Records of a journal that stand twice, or before an earlier one of their signal."""
    counted, at = Counter[str](), dict[str, int]()
    with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as db:
        for kind, raw in db.execute("SELECT kind, body FROM records ORDER BY seq"):
            for series, number in _series(kind, raw):
                counted["twice"] += number == at.get(series)
                counted["disordered"] += number < at.get(series, number)
                at[series] = number
    return counted


def _series(kind: str, raw: bytes) -> Iterator[tuple[str, int]]:
    """What must rise within a journal: each signal's windows, the counters, each fault's life."""
    body = decode_body(kind, raw)
    if isinstance(body, Summary):
        for signal in body.signals:
            yield f"summary {signal.signal}", body.start_ms
    elif isinstance(body, Energy):
        yield "energy", body.at_ms
    elif isinstance(body, Fault) and body.phase != "update":
        yield f"fault {body.id}", _STEPS[body.phase]
