"""The agent as one program over a real device: what it polls, tells and lends."""

import asyncio
import json
import signal
import socket
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiomqtt
import pytest

from agent.domain.signals import ROOM_TEMPERATURE
from agent.domain.twin import Twin, decode_twin
from agent.domain.wire import TWIN_REPORTED, topic
from tests.helpers.broker import MOSQUITTO, MosquittoBroker, free_port
from tests.helpers.programs import Program, run, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    log = tmp_path_factory.mktemp("home") / "log"
    command = ["serve", "boiler-healthy", "--json", "--port", "0", "--origin", "2026-05-01T00:00:00Z"]
    with Program("firmware_sim", command, log) as simulator:
        wait_for("the boiler", lambda: "{" in simulator.said())
        yield json.loads(simulator.said().splitlines()[-1])["port"]


def site_file(tmp_path: Path, home: int, broker: int, more: str = "") -> Path:
    path = tmp_path / "site.toml"
    path.write_text(
        '[device]\nid = "home-1"\n[poll]\ninterval_s = 0.5\n'
        f'[[source]]\nname = "heating"\nprofile = "samson-trovis-557x"\nhost = "127.0.0.1"\nport = {home}\nunit = 246\n'
        f'[uplink]\nhost = "127.0.0.1"\nport = {broker}\n{more}'
    )
    return path


def ask(port: int, unit: int) -> list[int]:
    """Registers 9 to 12 through the agent's proxy, or the exception code."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(struct.pack(">HHHBBHH", 1, 0, 6, unit, 3, 9, 4))
        answer = line.recv(260)
    return [answer[8]] if answer[7] & 0x80 else list(struct.unpack(">4h", answer[9:17]))


async def first_values(port: int) -> dict[str, float]:
    """The last reading of the first reported twin that has one."""
    async with aiomqtt.Client("127.0.0.1", port) as client, asyncio.timeout(30):
        await client.subscribe(topic("home-1", TWIN_REPORTED), qos=1)
        twin = Twin()
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            twin = twin.apply(decode_twin(message.payload))
            values: dict[str, float] = twin.doc.get("last", {}).get("values", {})
            if values:
                return values
    raise AssertionError("the broker ended the stream")


async def test_it_polls_tells_and_stops_in_order(tmp_path: Path, home: int) -> None:
    with MosquittoBroker(tmp_path / "broker") as broker:
        site = site_file(tmp_path, home, broker.port, "report_interval_s = 1\n")
        listening = asyncio.create_task(first_values(broker.port))
        with Program("agent", ["run", "--config", site], tmp_path / "log") as agent:
            values = await listening
            assert 15 < values[ROOM_TEMPERATURE] < 28
            assert agent.stop(signal.SIGTERM) == 0, agent.said()
            assert "Traceback" not in agent.said()
    told = json.loads(run("agent", "status", "--config", site, "--json").stdout)
    assert told["device"] == "home-1"
    assert told["last"]["values"].keys() == values.keys()
    assert told["last_record"] >= told["backlog"] > 0
    assert f": {len(values)} of " in run("agent", "status", "--config", site).stdout
    with closing(sqlite3.connect(tmp_path / "state" / "journal.db")) as journal:
        kinds = [kind for (kind,) in journal.execute("SELECT kind FROM records ORDER BY seq")]
    assert kinds[0] == "event"


def test_what_is_read_once_is_shown_with_its_unit(tmp_path: Path, home: int) -> None:
    site = site_file(tmp_path, home, 1)
    done = run("agent", "read", "--config", site)
    assert done.returncode == 0, done.stderr
    assert "flow_temperature" in done.stdout
    assert "°C" in done.stdout
    values = json.loads(run("agent", "read", "--config", site, "--json").stdout)["heating"]["values"]
    assert 15 < values[ROOM_TEMPERATURE] < 28


def test_a_device_that_is_away_is_said(tmp_path: Path) -> None:
    site = site_file(tmp_path, free_port(), 1)
    done = run("agent", "read", "--config", site)
    assert done.returncode == 1
    assert "no answer" in done.stdout


async def test_other_masters_read_through_the_one_connection(tmp_path: Path, home: int) -> None:
    port = free_port()
    proxy = f'[proxy]\nport = {port}\n[[proxy.unit]]\nunit = 5\nsource = "heating"\nto = 246\n'
    with MosquittoBroker(tmp_path / "broker") as broker:
        site = site_file(tmp_path, home, broker.port, proxy)
        with Program("agent", ["run", "--config", site], tmp_path / "log") as agent:

            def listening() -> bool:
                assert not agent.ended(), agent.said()
                with socket.socket() as probe:
                    return probe.connect_ex(("127.0.0.1", port)) == 0

            wait_for("the proxy", listening)
            outdoor, *_, flow = await asyncio.to_thread(ask, port, 5)
            assert -300 < outdoor < 400
            assert 100 < flow < 900
            assert await asyncio.to_thread(ask, port, 9) == [10]
