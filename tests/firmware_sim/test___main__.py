import socket
import subprocess
import sys

import pytest

from firmware_sim.__main__ import main
from tests.firmware_sim.support import ORIGIN


@pytest.mark.parametrize("command", ["scenarios", "serve", "families", "history", "truth"])
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert f"emberwatt-sim {command}" in text.split("example:")[1]


def test_a_port_in_use_is_one_line_and_status_two() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "firmware_sim", "serve", "home-seattle", "--origin", ORIGIN, "--port", port],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == f"emberwatt-sim: port {port} on 127.0.0.1 is in use; choose another --port or 0\n"
    assert done.stdout == ""


def test_an_unknown_scenario_is_one_line_and_status_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["truth", "castle", "--origin", ORIGIN]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("emberwatt-sim: castle: no such scenario; expected")
    assert errors.count("\n") == 1


def test_no_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
