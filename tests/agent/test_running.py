"""The agent as a service: what systemd hears, and real causes of trouble for single parts."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiomqtt
import pytest

from agent.domain.commands import Command, Outcome, command_topic, decode_reply, encode_command, reply_topic
from agent.domain.wire import Event, decode_body
from tests.helpers.broker import MOSQUITTO, MosquittoBroker, free_port
from tests.helpers.programs import Program, run, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")]


@pytest.fixture(scope="module")
def boiler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    log = tmp_path_factory.mktemp("boiler") / "log"
    command = ["serve", "boiler-healthy", "--json", "--port", "0", "--origin", "2026-05-01T00:00:00Z"]
    with Program("firmware_sim", command, log) as simulator:
        wait_for("the boiler", lambda: "{" in simulator.said())
        yield json.loads(simulator.said().splitlines()[-1])["port"]


class Systemd:
    """A notify socket that keeps what it hears."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0.1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                self.said.append(self._socket.recv(4096).decode())
            except TimeoutError:
                continue

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def heard(self, word: str) -> bool:
        return any(word in message for message in self.said)


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    manager = Systemd(tmp_path / "notify")
    try:
        yield manager
    finally:
        manager.close()


class Service(Program):
    """The agent with a service manager around it."""

    def __init__(self, site: Path, log: Path, manager: Systemd, watchdog_s: float) -> None:
        super().__init__("agent", ["run", "--config", site], log)
        self._environment = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | self._environment
            )


def site_file(tmp_path: Path, boiler: int, more: str = "") -> Path:
    path = tmp_path / "site.toml"
    path.write_text(
        '[device]\nid = "home-1"\n[poll]\ninterval_s = 0.5\n'
        '[[source]]\nname = "heating"\nprofile = "samson-trovis-557x"\nhost = "127.0.0.1"\n'
        f"port = {boiler}\nunit = 246\n{more}"
    )
    return path


def events(folder: Path, name: str) -> list[Event]:
    with closing(sqlite3.connect(folder / "state" / "journal.db")) as journal:
        rows = journal.execute("SELECT body FROM records WHERE kind = 'event' ORDER BY seq").fetchall()
    found = [decode_body("event", body) for (body,) in rows]
    return [event for event in found if isinstance(event, Event) and event.name == name]


def test_the_service_manager_hears_of_its_life(tmp_path: Path, boiler: int, systemd: Systemd) -> None:
    site = site_file(tmp_path, boiler)
    with Service(site, tmp_path / "log", systemd, 0.6) as agent:
        wait_for("the device", lambda: systemd.heard("1 of 1 devices answer"))
        assert systemd.said[0].startswith("READY=1") or systemd.heard("READY=1")
        assert "INFO emberwatt.poller: heating answers: " in agent.said()
        wait_for("the watchdog's food", lambda: systemd.said.count("WATCHDOG=1") > 2)
        assert agent.stop(signal.SIGTERM) == 0, agent.said()
    assert "STOPPING=1" in systemd.said
    assert (tmp_path / "state" / "last-words").read_text() == "stopped"


def test_a_stopped_process_does_not_feed_the_watchdog(tmp_path: Path, boiler: int, systemd: Systemd) -> None:
    site = site_file(tmp_path, boiler)
    with Service(site, tmp_path / "log", systemd, 0.6) as agent:
        wait_for("food", lambda: systemd.heard("WATCHDOG=1"))
        assert agent.process is not None
        agent.process.send_signal(signal.SIGSTOP)
        wait_for("what was on the way", lambda: not _grows(systemd))
        agent.process.send_signal(signal.SIGCONT)
        agent.kill()
    with Service(site, tmp_path / "log", systemd, 0.6):
        wait_for("its word", lambda: (tmp_path / "state" / "last-words").read_text() == "running")


def _grows(manager: Systemd) -> bool:
    before = len(manager.said)
    threading.Event().wait(0.5)
    return len(manager.said) > before


def test_a_proxy_whose_port_is_taken_begins_again_alone(tmp_path: Path, boiler: int) -> None:
    with MosquittoBroker(tmp_path / "broker") as broker, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        more = (
            f'[uplink]\nhost = "127.0.0.1"\nport = {broker.port}\n'
            f'[proxy]\nport = {port}\n[[proxy.unit]]\nunit = 5\nsource = "heating"\nto = 246\n'
        )
        site = site_file(tmp_path, boiler, more)
        with Program("agent", ["run", "--config", site], tmp_path / "log") as agent:
            wait_for("its word", lambda: agent.said().count("cannot listen") >= 2)
            assert not agent.ended()
            taken.close()
            wait_for("the proxy", lambda: _answers(port))
            assert agent.stop(signal.SIGTERM) == 0, agent.said()
            assert "Traceback" not in agent.said()
    (first, *_) = events(tmp_path, "part_restarted")
    assert first.detail["part"] == "proxy"
    assert "cannot listen" in str(first.detail["reason"])


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_journal_whose_folder_is_removed_stops_nothing(tmp_path: Path, boiler: int, systemd: Systemd) -> None:
    site = site_file(tmp_path, boiler)
    state = tmp_path / "state"
    with Service(site, tmp_path / "log", systemd, 0.6) as agent:
        wait_for("the device", lambda: systemd.heard("1 of 1 devices answer"))
        for file in state.iterdir():
            file.unlink()
        state.rmdir()
        before = systemd.said.count("WATCHDOG=1")
        wait_for("progress all the same", lambda: systemd.said.count("WATCHDOG=1") > before + 3)
        assert not agent.ended()
        assert agent.stop(signal.SIGTERM) == 0, agent.said()


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("[proxy]\nport = 1502\n[[proxy.unit]]\nunit = 5\nsource = 'cellar'\n", "cellar"),
        ("[steering]\nprobation_s = 0\n", "steering.probation_s"),
        ("[steering]\nprobation = 5\n", "probation"),
    ],
)
def test_what_a_person_must_put_right_still_ends_it_at_the_start(
    tmp_path: Path, boiler: int, more: str, named: str
) -> None:
    done = run("agent", "run", "--config", site_file(tmp_path, boiler, more))
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("/proc/nope", "/proc/nope: this folder cannot be made: No such file or directory"),
        ("site.toml", "site.toml: this folder cannot be made: File exists"),
        ("/sys", "/sys/journal.db.lock: cannot be made: "),
    ],
)
def test_a_state_folder_that_cannot_be_is_told(tmp_path: Path, state: str, told: str) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'[device]\nid = "home-1"\nstate = "{state}"\n')
    done = run("agent", "run", "--config", site)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refused_login_ends_it_before_the_first_acknowledgement(tmp_path: Path, boiler: int) -> None:
    with MosquittoBroker(tmp_path / "broker", users={"other": "secret"}) as broker:
        more = f'[uplink]\nhost = "127.0.0.1"\nport = {broker.port}\nusername = "home-1"\npassword = "wrong"\n'
        done = run("agent", "run", "--config", site_file(tmp_path, boiler, more))
    assert done.returncode == 2
    assert "refuses user 'home-1'" in done.stderr
    assert (tmp_path / "state" / "last-words").read_text().startswith("failed: broker")


def test_what_runs_for_years_stays_small(tmp_path: Path) -> None:
    code = "import sys; from agent import running; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    seldom = {
        "agent.errands",
        "agent.steering.orders",
        "agent.steering.command_log",
        "agent.sources.checksums",
        "argparse",
    }
    large = {"numpy", "pandas", "fastapi", "sqlalchemy", "cryptography", "http.server", "xml"}
    assert not (seldom | large) & set(loaded)


def test_the_port_of_nobody(tmp_path: Path, boiler: int, systemd: Systemd) -> None:
    """A broker that is away is no trouble at all: no part restarts because of it."""
    site = site_file(tmp_path, boiler, f'[uplink]\nhost = "127.0.0.1"\nport = {free_port()}\n')
    with Service(site, tmp_path / "log", systemd, 0.6) as agent:
        wait_for("the device", lambda: systemd.heard("1 of 1 devices answer"))
        assert "refused" in agent.said()
        assert agent.stop(signal.SIGTERM) == 0
        assert "emberwatt.supervision" not in agent.said()


async def test_a_restart_is_a_reload_to_the_service_manager(tmp_path: Path, boiler: int, systemd: Systemd) -> None:
    with MosquittoBroker(tmp_path / "broker") as broker:
        site = site_file(tmp_path, boiler, f'[uplink]\nhost = "127.0.0.1"\nport = {broker.port}\n')
        with Service(site, tmp_path / "log", systemd, 0.6) as agent:
            wait_for("the device", lambda: systemd.heard("1 of 1 devices answer"))
            assert agent.process is not None
            now_ms = time.time_ns() // 1_000_000
            command = Command("restart", "anna", now_ms, now_ms + 60_000)
            async with aiomqtt.Client("127.0.0.1", broker.port) as client, asyncio.timeout(20):
                await client.subscribe(reply_topic("home-1", "feedbeef01"), qos=1)
                await client.publish(command_topic("home-1", "feedbeef01"), encode_command(command), qos=1)
                message = await anext(client.messages)
                assert isinstance(message.payload, bytes)
                assert decode_reply(message.payload).state is Outcome.DONE
            wait_for("its second start", lambda: sum("READY=1" in said for said in systemd.said) == 2)
            assert systemd.heard("RELOADING=1\nMONOTONIC_USEC=")
            assert not systemd.heard("STOPPING=1")
            assert agent.stop(signal.SIGTERM) == 0, agent.said()
            assert systemd.heard("STOPPING=1")
