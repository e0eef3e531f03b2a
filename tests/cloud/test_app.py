"""The aggregator as one program: pages, API and their parts on one port, stopped in order."""

import json
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.broker import free_port
from tests.helpers.programs import Program, answers, run, wait_for


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("cloud"), free_port()
    (folder / "cloud.toml").write_text(f"[http]\nport = {port}\n[broker]\nport = {free_port()}\n")
    with Program("cloud", ["serve", "--config", folder / "cloud.toml"], folder / "log") as cloud:
        wait_for("the aggregator", lambda: answers(f"http://127.0.0.1:{port}/api/v1/health"))
        yield f"http://127.0.0.1:{port}"
        assert cloud.stop(signal.SIGTERM) == 0, cloud.said()
        assert "Traceback" not in cloud.said()


@pytest.mark.parametrize("path", ["/", "/faults", "/incidents", "/jobs", "/api/v1/docs", "/api/v1/openapi.json"])
def test_everything_answers_though_the_broker_is_away(base: str, path: str) -> None:
    assert answers(base + path)


def test_a_broker_that_is_away_is_said_on_page_and_in_health(base: str) -> None:
    with urllib.request.urlopen(f"{base}/api/v1/health", timeout=10) as answer:
        health = json.load(answer)
    assert (health["status"], health["broker"]) == ("degraded", "away")
    with urllib.request.urlopen(f"{base}/", timeout=10) as answer:
        assert "no line to its broker" in answer.read().decode()


def test_the_nightly_jobs_are_known(base: str) -> None:
    with urllib.request.urlopen(f"{base}/api/v1/jobs", timeout=10) as answer:
        names = {job["name"] for job in json.load(answer)["items"]}
    assert {"incidents", "lake"} <= names


def test_a_broker_that_is_away_is_said_once_a_try_and_not_fatal(tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text(f"[http]\nport = 0\n[broker]\nport = {free_port()}\n")
    with Program("cloud", ["serve", "--config", tmp_path / "cloud.toml"], tmp_path / "log") as cloud:
        wait_for("a word about the broker", lambda: "refused" in cloud.said())
        assert not cloud.ended()
        assert cloud.stop(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('[http]\nhost = "300.0.0.1"\n', "http.host: expected a name or an IPv4 address of this machine"),
        ('[http]\nhost = "192.0.2.1"\n', "http.host: expected a name or an IPv4 address of this machine"),
        ("[http]\nport = 70001\n", "http.port"),
        ("[http]\nport = -5\n", "http.port"),
    ],
)
def test_an_address_that_cannot_be_listened_on_says_what_to_change(tmp_path: Path, table: str, told: str) -> None:
    (tmp_path / "cloud.toml").write_text(table)
    done = run("cloud", "serve", "--config", tmp_path / "cloud.toml")
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["70000", "-1", "x"])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    done = run("cloud", "serve", f"--port={port}")
    assert (done.returncode, f"--port: {port!r}: expected 0 to 65535" in done.stderr) == (2, True)


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    (tmp_path / "cloud.toml").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("cloud", "serve", "--config", tmp_path / "cloud.toml", "--port", str(port))
    assert done.returncode == 2
    assert "choose another: --port 0 takes any" in done.stderr


def test_a_second_aggregator_on_the_same_database_is_refused_and_one_after_a_kill_is_not(tmp_path: Path) -> None:
    file, log = tmp_path / "cloud.toml", tmp_path / "log"
    file.write_text(f"[http]\nport = 0\n[broker]\nport = {free_port()}\n")
    with Program("cloud", ["serve", "--config", file], log) as cloud:
        wait_for("the aggregator", lambda: "pages on" in cloud.said())
        second = run("cloud", "serve", "--config", file, "--port", "0")
        assert second.returncode == 2
        assert f"{tmp_path}/fleet.db: another aggregator is at work on this database" in second.stderr
        cloud.kill()
        log.write_text("")
        cloud.start()
        wait_for("the aggregator again", lambda: "pages on" in cloud.said())
