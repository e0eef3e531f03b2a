"""`emberwatt-cloud incidents`: grouping into the fleet's database, and what it leaves for others."""

import argparse
import csv
import json
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud import incidents_command
from cloud.clock import SystemClock
from cloud.store.database import Database
from cloud.store.incidents import SqlIncidents

HEAD = "installation,kind,fault,score,from,to,cost_per_day,why\n"
ROW = 'A-17,behaviour,short_cycling,4.20,2026-01-01T00:00Z,2026-01-15T00:00Z,3.50,"9 starts, an hour"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text('[database]\nurl = "sqlite:///fleet.db"\n')
    return path


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    incidents_command.add_arguments(parser)
    return incidents_command.run(parser.parse_args([str(word) for word in words]))


def test_findings_become_incidents_once(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    findings = tmp_path / "findings.csv"
    findings.write_text(HEAD + ROW)
    out = tmp_path / "out"
    assert run("group", "--config", config, "--findings", findings, "--out", out) == 0
    assert "1 open incident: 1 new" in capsys.readouterr().out
    assert run("group", "--config", config, "--findings", findings, "--out", out) == 0
    assert "1 open incident: 0 new, 0 came back, 0 changed" in capsys.readouterr().out
    (document,) = json.loads((out / "incidents.json").read_text())
    assert (document["subject"], document["why"], document["cost_per_day"]) == ("A-17", "9 starts, an hour", 3.5)
    with (out / "incidents.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["id"], row["codes"]) == (document["id"], "short_cycling")
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", SystemClock()) as database:
        assert len(SqlIncidents(database).incidents()) == 1


def test_the_list_for_people_and_for_scripts(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--config", config) == 0
    assert capsys.readouterr().out == "nothing is open\n"
    (tmp_path / "findings.csv").write_text(HEAD + ROW)
    run("group", "--config", config, "--findings", tmp_path / "findings.csv")
    capsys.readouterr()
    assert run("list", "--config", config) == 0
    assert "short_cycling: A-17" in capsys.readouterr().out
    assert run("list", "--config", config, "--json", "--state", "fixed") == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("installation,kind\n", "column 'fault' is missing"),
        (HEAD + ROW.replace("4.20", "much"), "line 2: not a finding"),
        (HEAD + ROW.replace("2026-01-01T00:00Z", "yesterday"), "line 2: not a finding"),
        (HEAD + "A-17\n", "line 2: not a finding"),
    ],
)
def test_findings_that_are_none_are_named(config: Path, tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "findings.csv"
    path.write_text(text)
    with pytest.raises(BadSetup, match=problem):
        run("group", "--config", config, "--findings", path)


def test_a_file_that_is_not_there_is_named(config: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match=r"none\.csv: cannot be read"):
        run("group", "--config", config, "--findings", tmp_path / "none.csv")
