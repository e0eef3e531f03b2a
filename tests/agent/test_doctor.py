"""The doctor over a healthy site and over what goes wrong on real ones."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.__main__ import main
from agent.domain.twin import Document
from agent.identity.files import About, IdentityFiles, Pair
from agent.steering.vault import Judged, Kept, Vault, Wish
from tests.helpers.broker import MOSQUITTO, MosquittoBroker, free_port
from tests.helpers.programs import Program, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto")]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """The ports of a boiler and of a broker."""
    folder = tmp_path_factory.mktemp("world")
    command = ["serve", "boiler-healthy", "--json", "--port", "0", "--origin", "2026-05-01T00:00:00Z"]
    with MosquittoBroker(folder / "broker") as broker, Program("firmware_sim", command, folder / "log") as boiler:
        wait_for("the boiler", lambda: "{" in boiler.said())
        yield json.loads(boiler.said().splitlines()[-1])["port"], broker.port


def site_file(tmp_path: Path, boiler: int, broker: int, profile: str = "samson-trovis-557x") -> Path:
    path = tmp_path / "site.toml"
    path.write_text(
        f'[device]\nid = "home-1"\n[[source]]\nname = "heating"\nprofile = "{profile}"\nhost = "127.0.0.1"\n'
        f'port = {boiler}\nunit = 246\n[uplink]\nhost = "127.0.0.1"\nport = {broker}\n'
    )
    return path


def examined(site: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--config", str(site), "--json"])
    checks = json.loads(capsys.readouterr().out)
    return int(left.value.code or 0), {check["name"]: check for check in checks}


def states(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: check["state"] for name, check in checks.items()}


def test_a_healthy_site(tmp_path: Path, world: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    site = site_file(tmp_path, *world)
    status, checks = examined(site, capsys)
    assert status == 0
    assert {"ok", "warn"} >= set(states(checks).values())
    assert "lets home-1 in" in checks["uplink"]["found"]
    assert checks["agent"]["state"] == "warn"
    with Program("agent", ["run", "--config", site], tmp_path / "log") as agent:
        wait_for("its journal", lambda: (tmp_path / "state" / "journal.db").exists())
        wait_for("it to be seen", lambda: examined(site, capsys)[1]["agent"]["state"] == "ok")
        status, checks = examined(site, capsys)
        assert (status, checks["device heating"]["state"], checks["journal"]["state"]) == (0, "ok", "ok")
        assert not agent.ended()
        assert agent.stop(signal.SIGTERM) == 0
        assert "session taken over" not in agent.said()


def test_what_is_away_is_not_for_ever(
    tmp_path: Path, world: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    status, checks = examined(site_file(tmp_path, free_port(), free_port()), capsys)
    assert status == 1
    assert (checks["device heating"]["state"], checks["uplink"]["state"]) == ("away", "away")
    assert all(checks[name]["advice"] for name in ("device heating", "uplink"))


def test_a_site_file_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.toml").write_text('[device]\nid = "HOME"\n')
    status, checks = examined(tmp_path / "site.toml", capsys)
    assert status == 2
    assert "a-z, 0-9" in checks["site file"]["found"]


def test_an_unknown_profile(tmp_path: Path, world: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    status, checks = examined(site_file(tmp_path, *world, profile="sunspeck"), capsys)
    assert (status, checks["devices"]["state"]) == (2, "fail")


def test_a_refused_login(tmp_path: Path, world: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    with MosquittoBroker(tmp_path / "broker", users={"other": "secret"}) as broker:
        status, checks = examined(site_file(tmp_path, world[0], broker.port), capsys)
    assert (status, checks["uplink"]["state"]) == (2, "fail")
    assert "refuses" in checks["uplink"]["found"]


def test_a_state_that_is_no_folder(tmp_path: Path, world: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").write_text("a file")
    status, checks = examined(site_file(tmp_path, *world), capsys)
    assert (status, checks["disk"]["state"]) == (2, "fail")


def test_a_journal_that_is_none(tmp_path: Path, world: tuple[int, int], capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.db").write_bytes(b"rubbish" * 1000)
    status, checks = examined(site_file(tmp_path, *world), capsys)
    assert (status, checks["journal"]["state"]) == (2, "fail")


@pytest.mark.parametrize(("days", "state"), [(-3, "fail"), (5, "warn"), (300, "ok")])
def test_a_certificate(
    tmp_path: Path, world: tuple[int, int], capsys: pytest.CaptureFixture[str], days: int, state: str
) -> None:
    not_after_ms = int(time.time() * 1000) + days * 86_400_000 + 3_600_000
    about = About("home-1", "https://broker.example.org", 0, not_after_ms, not_after_ms)
    IdentityFiles(tmp_path / "state").write_pair(Pair(about, "", ""))
    _, checks = examined(site_file(tmp_path, *world), capsys)
    assert checks["certificate"]["state"] == state


def test_what_became_of_the_fleets_wishes(
    tmp_path: Path, world: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    doc: Document = {"poll": {"interval_s": 30}}
    Vault(tmp_path / "state").save(Kept(Wish(3, doc), None, Judged(4, 0, "rolled_back", "heating gave no value", 0)))
    _, checks = examined(site_file(tmp_path, *world), capsys)
    assert checks["wishes"]["found"] == "version 4 was rolled back: heating gave no value"
    with pytest.raises(SystemExit):
        main(["doctor", "--config", str(tmp_path / "site.toml")])
    assert "→ write another version" in capsys.readouterr().out
