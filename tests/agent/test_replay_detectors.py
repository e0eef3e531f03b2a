"""A data scientist's own detector over a recording, and the picture of it, as typed at a terminal."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent

import pytest

from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, Reading
from agent.replay_plot import MOST_BINS, Trace
from tests.helpers.learned_sites import TRUST, heating, model_file, readings

MINE = """
    from agent.domain.detecting import Finding, Simple
    from agent.domain.signals import FLOW_TEMPERATURE

    class Warm(Simple):
        def update(self, reading):
            self.value = reading.values.get(FLOW_TEMPERATURE, 0.0)
            return [Finding("warm", {"flow": self.value})] if self.value > 45 else []
        def score(self):
            return self.value / 45

    class Unscored(Simple):
        def update(self, reading):
            return []
        def score(self):
            return [][0]

    class Raises(Simple):
        def update(self, reading):
            raise RuntimeError("no idea")
"""


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine")
    (folder / "my.py").write_text(dedent(MINE))
    rows = list(readings(heating(41, 50, weak_from=35)))
    names = list(rows[0].values)
    lines = [
        f"{datetime.fromtimestamp(row.at_ms / 1000, UTC).isoformat()},{','.join(str(row.values[n]) for n in names)}"
        for row in rows
    ]
    (folder / "recording.csv").write_text("\n".join([f"time,{','.join(names)}", *lines]) + "\n")
    model_file(folder)
    (folder / "site.toml").write_text(
        '[site]\nlatitude = 48.0\nlongitude = 11.0\ntimezone = "UTC"\n\n[[detector]]\nuse = "model"\nname = "heat"\n'
        f'file = "heating-1.ewm"\ntrust = ["{TRUST[0]}"]\nruntime = "numpy"\n'
    )
    return folder


def replay(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", "replay", "recording.csv", *words]
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": root, "PATH": ""}, capture_output=True, text=True, check=False
    )


def test_rule_model_and_detector_speak_side_by_side_and_a_picture_is_drawn(folder: Path) -> None:
    done = replay(folder, "--site", "site.toml", "--detector", "my.py:Warm", "--detector", "my.py:Raises",
                  "--plot", "out.png", "--json", "-")  # fmt: skip
    assert done.returncode == 2, done.stderr
    result = json.loads(done.stdout)
    assert {fault["by"] for fault in result["faults"]} >= {"model", "Warm"}
    assert result["detectors"]["Raises"]["state"] == "off: raised RuntimeError('no idea') in my.py:20"
    assert result["warnings"] == ["detector Raises is off: raised RuntimeError('no idea') in my.py:20"]
    assert "detector Raises is switched off: raised RuntimeError('no idea') in my.py:20" in done.stderr
    assert result["model"]["heat"]["active"]["name"] == "heating"
    picture = (folder / "out.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


def test_the_table_says_which_detector_did_not_judge_and_where_it_failed(folder: Path) -> None:
    done = replay(folder, "--detector", "my.py:Raises")
    assert done.returncode == 2
    assert "\nwarning: detector Raises is off: raised RuntimeError('no idea') in my.py:20\n" in done.stdout
    done = replay(folder, "--detector", "my.py:Warm")
    assert (done.returncode, "warning" in done.stdout) == (0, False)


def test_a_score_that_raises_switches_off_too(folder: Path) -> None:
    done = replay(folder, "--detector", "my.py:Unscored", "--plot", "out.png", "--json", "-")
    assert done.returncode == 2
    (said,) = json.loads(done.stdout)["warnings"]
    assert said == "detector Unscored is off: raised IndexError('list index out of range') in my.py:16"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--detector", "nowhere.py:X"), "nowhere.py: cannot be read"),
        (("--detector", "my.py:Cold"), "has no 'Cold' in it, expected Warm or Unscored or Raises"),
        (("--detector", "prophet"), "expected FILE.py:Class or one of model"),
        (("--detector", "my.py:Warm", "--detector", "my.py:Warm"), "taken already"),
        (("--plot", "nowhere/out.png"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_one_line(folder: Path, words: tuple[str, ...], problem: str) -> None:
    done = replay(folder, *words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert "Traceback" not in done.stderr


def test_a_trace_is_bounded_and_keeps_extremes() -> None:
    trace = Trace()
    for minute in range(20_000):
        trace.take(Reading(minute * 60_000, {FLOW_TEMPERATURE: 90.0 if minute == 777 else 30.0}), {})
        assert len(trace._bins) <= MOST_BINS
    line = trace.lines()[FLOW_TEMPERATURE]
    assert max(line.highs) == 90.0
    assert min(line.means) == 30.0


def test_over_months_a_bin_is_a_day_and_a_pause_is_a_gap() -> None:
    trace = Trace()
    for hour in range(24 * 60):
        if not 24 * 20 <= hour < 24 * 30:
            trace.take(Reading(hour * 3_600_000, {OUTDOOR_TEMPERATURE: float(hour % 24)}), {})
    line = trace.lines()[OUTDOOR_TEMPERATURE]
    assert 45 <= len(line.means) <= 60
    assert sum(mean != mean for mean in line.means) == 1
