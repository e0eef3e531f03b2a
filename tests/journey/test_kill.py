"""kill -9 of agent, broker and aggregator at random: the final tables equal those of an undisturbed run."""

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.helpers.broker import MOSQUITTO, MosquittoBroker, free_port
from tests.helpers.histories import write_home_history
from tests.helpers.programs import Program, answers, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.broker, pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")]

DEVICE = "home-under-fire"
DAYS = 80
KILLS = 20

# What must be the same: everything but when it arrived and under which number it travelled.
TABLES = {
    "summaries": "SELECT device, signal, start_ms, window_s, mean, low, high, last, n, stale, missing, invalid, "
    "estimated FROM summaries ORDER BY device, signal, start_ms, window_s",
    "energy": "SELECT device, at_ms, counters, measured FROM energy ORDER BY device, at_ms",
    "faults": "SELECT device, id, code, severity, component, start_ms, end_ms, failing_s, evidence, lost_wh, step "
    "FROM faults ORDER BY device, id",
    "reliability": "SELECT device, code, at_ms, state FROM reliability ORDER BY device, code",
}


class Stack:
    """Broker, aggregator and agent over one history."""

    def __init__(self, folder: Path, history: Path) -> None:
        self.folder = folder
        self.history = history
        self.http_port = free_port()
        self.broker = MosquittoBroker(folder / "broker")

    @contextmanager
    def running(self) -> Iterator["Stack"]:
        with ExitStack() as parts:
            parts.enter_context(self.broker)
            (self.folder / "cloud.toml").write_text(
                f"[broker]\nport = {self.broker.port}\n[http]\nport = {self.http_port}\n"
            )
            (self.folder / "site.toml").write_text(
                f'[device]\nid = "{DEVICE}"\n[site]\ntimezone = "Europe/Berlin"\nlatitude = 48.1\nlongitude = 11.6\n'
                f'[uplink]\nhost = "127.0.0.1"\nport = {self.broker.port}\n'
            )
            cloud = ["serve", "--config", self.folder / "cloud.toml"]
            self.cloud = parts.enter_context(Program("cloud", cloud, self.folder / "cloud.log"))
            wait_for("the aggregator", lambda: answers(f"http://127.0.0.1:{self.http_port}/api/v1/health"))
            agent = ["run", "--config", self.folder / "site.toml", "--history", self.history, "--until-drained"]
            self.agent = parts.enter_context(Program("agent", agent, self.folder / "agent.log"))
            yield self

    def wait_for_the_end(self) -> None:
        wait_for(f"the agent to drain: {self.agent.said()[-500:]}", self.agent.ended, 120)
        assert self.agent.process is not None
        assert self.agent.process.returncode == 0, self.agent.said()

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        with closing(sqlite3.connect(self.folder / "fleet.db")) as database:
            return {name: database.execute(query).fetchall() for name, query in TABLES.items()}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "home.csv"
    write_home_history(path, days=DAYS, seed=7)
    return path


def test_twenty_kills_change_nothing(tmp_path: Path, history: Path) -> None:
    (tmp_path / "calm").mkdir()
    with Stack(tmp_path / "calm", history).running() as calm:
        calm.wait_for_the_end()
        expected = calm.tables()
    assert all(expected.values())

    (tmp_path / "storm").mkdir()
    chance = random.Random(20)
    with Stack(tmp_path / "storm", history).running() as storm:
        victims = ["agent", "broker", "cloud"] * (KILLS // 3) + ["agent"] * (KILLS % 3)
        chance.shuffle(victims)
        struck_at_work = 0
        for victim in victims:
            time.sleep(chance.uniform(0.2, 0.9))
            struck_at_work += not storm.agent.ended()
            part = {"agent": storm.agent, "broker": storm.broker, "cloud": storm.cloud}[victim]
            part.kill()
            part.start()
        assert struck_at_work >= KILLS // 2, "the history was over too early: it must be longer"
        storm.wait_for_the_end()
        found = storm.tables()

    for name, rows in expected.items():
        assert len(found[name]) == len(rows), name
        assert found[name] == rows, name
