from pathlib import Path

from cloud.clock import SystemClock
from cloud.config import load
from cloud.jobs.registry import filled
from cloud.jobs_wiring import addresses, wire
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
