"""A site whose firewall passes HTTPS only: claimed, at work, told a wish, and polling on when TLS does not work."""

import json
import signal
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.helpers.broker import free_port
from tests.helpers.pki import Pki
from tests.helpers.programs import Program, answers, run, wait_for

pytestmark = [pytest.mark.journey]
DEVICE = "mill-lane-4"


class Stack:
    """An aggregator without any broker, a boiler, and the folder of one device."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cloud, self.site = folder / "cloud.toml", folder / "home" / "site.toml"
        self.http, self.doors = free_port(), free_port()
        self.boiler = 0
        self.site.parent.mkdir()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}/api/v1"

    def configure(self) -> None:
        self.cloud.write_text(
            f'[http]\nport = {self.http}\n[broker]\nhost = ""\n[devices]\nhost = "127.0.0.1"\nport = {self.doors}\n'
        )
        self.site.write_text(self.site_text('cafile = "state/identity/ca.pem"\ncertfile = "state/identity/device.pem"'))

    def site_text(self, files: str) -> str:
        return (
            f'[device]\nid = "{DEVICE}"\n[poll]\ninterval_s = 0.5\n[[source]]\nname = "heating"\n'
            f'profile = "samson-trovis-557x"\nhost = "127.0.0.1"\nport = {self.boiler}\nunit = 246\n'
            f'[uplink]\ncarrier = "https"\nhost = "127.0.0.1"\nport = {self.doors}\n'
            f"poll_interval_s = 0.5\nreport_interval_s = 1\nflush_interval_s = 1\n{files}\n"
        )

    def get(self, path: str) -> dict[str, object]:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            found: dict[str, object] = json.load(answer)
        return found

    def has_read(self) -> bool:
        twin = self.get(f"/devices/{DEVICE}/twin")["reported"]
        return isinstance(twin, dict) and bool(twin["doc"].get("last", {}).get("values"))

    def online(self) -> bool:
        items = self.get("/devices")["items"]
        assert isinstance(items, list)
        return any(site["device"] == DEVICE and site["state"] == "online" for site in items)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    made = Stack(tmp_path_factory.mktemp("https"))
    serving = ["serve", "boiler-healthy", "--json", "--port", "0", "--origin", "2026-05-01T00:00:00Z"]
    with Program("firmware_sim", serving, made.folder / "boiler.log") as boiler:
        wait_for("the boiler", lambda: "{" in boiler.said())
        made.boiler = json.loads(boiler.said().splitlines()[-1])["port"]
        made.configure()
        done = run("cloud", "identity", "init", "--host", "127.0.0.1", "--config", made.cloud)
        assert done.returncode == 0, done.stderr
        with Program("cloud", ["serve", "--config", made.cloud], made.folder / "cloud.log") as cloud:
            wait_for("the aggregator", lambda: answers(f"{made.url}/health"))
            yield made
            assert cloud.stop(signal.SIGTERM) == 0, cloud.said()
            assert "Traceback" not in cloud.said(), cloud.said()


def test_claimed_and_at_work_without_a_broker(stack: Stack) -> None:
    done = run("cloud", "identity", "claim", DEVICE, "--json", "--config", stack.cloud)
    code = json.loads(done.stdout)["code"]
    words = [stack.site, "--token", code, "--aggregator", f"https://127.0.0.1:{stack.doors}"]
    done = run("agent", "claim", *words)
    assert done.returncode == 0, done.stderr
    with Program("agent", ["run", "--config", stack.site], stack.folder / "agent.log") as agent:
        wait_for("the device", stack.online)
        wait_for("its first reading", stack.has_read)
        told = json.loads(run("agent", "status", "--config", stack.site, "--json").stdout)
        assert told["device"] == DEVICE
        assert agent.stop(signal.SIGTERM) == 0, agent.said()
        assert "Traceback" not in agent.said(), agent.said()
    wait_for("its goodbye", lambda: not stack.online())
    assert stack.has_read()


def test_a_wrong_authority_stops_neither_polling_nor_diagnosis(stack: Stack, tmp_path: Path) -> None:
    pki = Pki(tmp_path / "wrong")
    pair, site = pki.issue(DEVICE), tmp_path / "site.toml"
    site.write_text(stack.site_text(f'cafile = "{pki.ca}"\ncertfile = "{pair.certificate}"\nkeyfile = "{pair.key}"'))
    with Program("agent", ["run", "--config", site], tmp_path / "log") as agent:
        wait_for("two refusals", lambda: agent.said().count("certificate verify failed") >= 2)
        assert not agent.ended()
        assert agent.stop(signal.SIGTERM) == 0, agent.said()
    with closing(sqlite3.connect(tmp_path / "state" / "journal.db")) as journal:
        kinds = [kind for (kind,) in journal.execute("SELECT kind FROM records ORDER BY seq")]
    assert "event" in kinds
    told = json.loads(run("agent", "status", "--config", site, "--json").stdout)
    assert told["last"]["values"]
