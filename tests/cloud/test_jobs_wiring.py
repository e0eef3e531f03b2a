from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud.clock import SystemClock
from cloud.config import load
from cloud.jobs.registry import filled
from cloud.jobs_wiring import addresses, check, wire
from cloud.store.database import Database


def test_every_standard_command_can_be_filled(tmp_path: Path) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text("")
    loaded = load(path)
    with Database(loaded.database_url, SystemClock()) as database:
        works = wire(loaded, database, SystemClock())
        values = {**addresses(loaded), "findings": ["--findings", "f.csv"], "out": "/out"}
        commands = {job.name: filled(job.command, values) for job in works.registry.jobs()}
    assert commands["incidents"] == [
        "incidents",
        "group",
        "--config",
        str(path),
        "--out",
        "/out",
        "--findings",
        "f.csv",
    ]
    assert commands["mtbf"][:2] == ["mtbf", str(tmp_path / "fleet.db")]
    assert str(tmp_path / "lake") in commands["analyse-heating"]
    assert works.folder.root == tmp_path / "jobs"


def test_without_a_file_the_folder_of_the_program_holds() -> None:
    found = addresses(load(None))
    assert found["config"] == []
    assert found["lake"] == str(Path.cwd() / "lake")


def checked(path: Path) -> None:
    loaded = load(path)
    with Database(loaded.database_url, SystemClock()) as database:
        check(loaded, wire(loaded, database, SystemClock()))


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ('["mtfb", "{database}"]', "'mtfb' is no command of emberwatt-cloud, did you mean mtbf?"),
        ('["mtbf", "{databse}"]', "{databse} has no value here"),
        ('["quarantine", "x{config}"]', "{config} has no value here"),
    ],
)
def test_an_own_command_that_can_never_work_is_found_at_the_start(tmp_path: Path, command: str, told: str) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text(f"[jobs.own.mine]\ncommand = {command}\n")
    with pytest.raises(BadSetup) as refused:
        checked(path)
    assert str(refused.value) == f"{path}, jobs.own.mine.command: {told}"


def test_an_own_command_that_can_work_passes(tmp_path: Path) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text('[jobs.own.mine]\ncommand = ["mtbf", "{database}", "--json", "{out}/a.json", "{findings}"]\n')
    checked(path)
    assert list((tmp_path / "jobs").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_found_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text('[jobs]\nfolder = "cloud.toml/jobs"\n')
    with pytest.raises(BadSetup, match=r"cloud\.toml, jobs\.folder: .*jobs: cannot be written: Not a directory"):
        checked(path)
