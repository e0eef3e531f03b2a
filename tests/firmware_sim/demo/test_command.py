"""What `emberwatt demo` is told: a wrong word ends it with one line before anything is started."""

import subprocess
import sys
from pathlib import Path

import pytest

from firmware_sim.demo.command import main, seconds


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "--port 70000: expected 0 to 65535"),
        (["--port", "-1"], "--port -1: expected 0 to 65535"),
        (["--rate", "nan"], "--rate nan: expected more than 0 and at most 3600"),
        (["--rate", "inf"], "--rate inf: expected more than 0 and at most 3600"),
        (["--rate", "0"], "--rate 0: expected more than 0 and at most 3600"),
        (["--for", "soon"], "'soon' is no duration"),
        (["--state", "/proc/x"], "--state /proc/x: cannot be a folder for its data"),
        (["--state", "a-file"], "--state a-file: is a file, expected a folder or a name for one"),
        (["--state", "a-file/below"], "--state a-file/below: cannot be a folder for its data: Not a directory"),
    ],
)
def test_what_a_person_must_put_right(tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "a-file").write_text("mine")
    root = str(Path(__file__).parents[3])
    program = [sys.executable, "-c", "from firmware_sim.demo.command import main; main()", "demo", *words]
    done = subprocess.run(program, cwd=tmp_path, env={"PYTHONPATH": root}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "a-file").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_durations() -> None:
    assert [seconds(text) for text in ("90", "90s", "15m", "2h")] == [90, 90, 900, 7200]


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["demo", "--help"])
    assert "emberwatt demo --for 120s" in capsys.readouterr().out
