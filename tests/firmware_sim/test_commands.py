import json
from pathlib import Path

import pytest

from firmware_sim.__main__ import main
from firmware_sim.commands import truth_of
from firmware_sim.scenario import load_scenario, shipped
from tests.firmware_sim.support import ORIGIN, ORIGIN_MS


def test_scenarios_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == shipped()


def test_scenarios_as_json_say_how_to_read_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(shipped())
    assert rows["boiler-lockout"]["map"] == "trovis"
    assert rows["boiler-lockout"]["unit_id"] == 246
    assert rows["boiler-lockout"]["expect"] == ["boiler_lockout"]
    assert rows["home-seattle"]["map"] == "sunspec"
    assert rows["home-seattle"]["timezone"] == "America/Los_Angeles"
    assert rows["home-healthy"]["equipment"]["maker"] == "Fronius"


def test_the_truth_has_instants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["truth", "home-battery-not-charging", "--origin", ORIGIN, "--json"]) == 0
    truth = json.loads(capsys.readouterr().out)
    assert truth["faults"][1] == {
        "code": "battery_not_charging",
        "start": "2026-05-31T09:05:00Z",
        "end": "2026-05-31T13:00:00Z",
        "start_ms": 1780218300000,
        "end_ms": 1780232400000,
        "battery": "discharging",
    }
    assert truth["expect"][1]["start"] == "2026-05-31T09:05:00Z"
    assert truth["expect"][1]["tolerance_minutes"] == 45


@pytest.mark.parametrize("name", shipped())
def test_the_truth_can_be_read_by_a_person(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["truth", name, "--origin", ORIGIN]) == 0
    lines = capsys.readouterr().out.splitlines()
    truth = truth_of(load_scenario(name), ORIGIN_MS)
    assert len([line for line in lines if line.startswith("  broken")]) == len(truth["faults"])


def test_a_history_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "past.csv"
    command = ["history", "home-seattle", "--origin", ORIGIN, "--out", str(path)]
    assert main([*command, "--days", "0.5", "--step", "300"]) == 0
    assert capsys.readouterr().out.startswith("144 rows from 2026-05-01T09:00:00Z to 2026-05-01T21:00:00Z in ")
    assert main([*command, "--until", "2026-05-01T10:00:00Z"]) == 0
    assert len(path.read_text().splitlines()) == 61


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--days", "0"], "--days 0: expected more than 0"),
        (["--days", "nan"], "--days nan: expected more than 0"),
        (["--step", "0"], "--step 0: expected 1 to 86400 seconds"),
        (["--until", "2026-04-01T00:00:00Z"], "--until 2026-04-01T00:00:00Z: expected an instant behind"),
        (["--until", "tomorrow"], "--until: 'tomorrow' is not an instant"),
        (["--out", "/nowhere/past.csv"], "--out /nowhere/past.csv: cannot be written"),
    ],
)
def test_bad_arguments_are_one_line_and_status_two(
    options: list[str], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["history", "home-seattle", "--origin", ORIGIN, "--out", str(tmp_path / "past.csv")]
    assert main([*command, *options]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"emberwatt-sim: {problem}")
    assert errors.count("\n") == 1
