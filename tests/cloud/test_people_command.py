"""`emberwatt-cloud people` as an operator runs it, and the aggregator behind it."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path

import pytest

from tests.helpers.broker import free_port
from tests.helpers.programs import Program, answers, wait_for
from tests.helpers.terminal import Terminal

PASSWORD = "a long enough one"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text(f"[http]\nport = {free_port()}\n[broker]\nport = {free_port()}\n[access]\n")
    return path


def people(config: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cloud", "people", *words, "--config", str(config)]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=60, check=False)


def test_who_was_added_gets_in_and_who_was_removed_does_not(config: Path) -> None:
    done = people(config, "add", "anna", typed=f"{PASSWORD}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"anna, manager: may log in now, in {config.parent / 'people.toml'}\n"
    port = int(config.read_text().split()[3])
    with Program("cloud", ["serve", "--config", config], config.parent / "log") as cloud:
        wait_for("the aggregator", lambda: answers(f"http://127.0.0.1:{port}/api/v1/health"))
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/devices")
        asked.add_header("Authorization", "Basic " + b64encode(f"anna:{PASSWORD}".encode()).decode())
        with urllib.request.urlopen(asked, timeout=10) as answer:
            assert json.load(answer)["total"] == 0
        assert people(config, "add", "ben", "--role", "viewer", typed=f"{PASSWORD}\n").returncode == 0
        assert people(config, "remove", "anna").stdout == "anna may no longer log in\n"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(asked, timeout=10)
        assert "Traceback" not in cloud.said()
    assert json.loads(people(config, "list", "--json").stdout) == [{"name": "ben", "role": "viewer"}]
    assert people(config, "list").stdout == "ben                     viewer\n"


def test_a_password_is_typed_twice_and_not_shown(config: Path) -> None:
    with Terminal("cloud", ["people", "add", "anna", "--config", config]) as terminal:
        terminal.answer("Password: ", PASSWORD)
        terminal.answer("Once more: ", PASSWORD + "?")
        terminal.expect("the two passwords are not the same")
    with Terminal("cloud", ["people", "add", "anna", "--config", config]) as terminal:
        terminal.answer("Password: ", PASSWORD)
        terminal.answer("Once more: ", PASSWORD)
        terminal.expect("may log in now")
    assert PASSWORD not in terminal.seen


def test_nobody_can_be_asked_and_nobody_is_there(config: Path) -> None:
    served = people(config, "list")
    assert (served.returncode, served.stdout) == (2, "")
    assert "people.toml" in served.stderr
    short = people(config, "add", "anna", typed="short\n")
    assert (short.returncode, "expected 10 to 200" in short.stderr) == (2, True)
    config.write_text(config.read_text().replace("[access]\n", ""))
    told = people(config, "add", "anna", typed=f"{PASSWORD}\n").stdout
    assert "nobody is asked for a name yet: the aggregator's file has no table [access]" in told


def test_a_role_that_there_is_not_says_which_there_are(config: Path) -> None:
    done = people(config, "add", "anna", "--role", "admin", typed=f"{PASSWORD}\n")
    assert done.returncode == 2
    assert "'manager', 'viewer'" in done.stderr
