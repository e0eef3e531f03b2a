import tomllib
from pathlib import Path

import msgspec
import pytest

from agent.domain.errors import BadSetup
from cloud.jobs.folder import RunFolder
from cloud.jobs.schedule import ByHand, Daily
from cloud.jobs.standard import JobsTable, OwnJob, newest_findings, registry_of, root_of


def test_the_first_jobs_are_there_and_nights_are_local() -> None:
    registry = registry_of(JobsTable(zone="Europe/Paris"), "cloud.toml")
    assert [job.name for job in registry.jobs()] == ["lake", "analyse-heating", "analyse-power", "mtbf", "incidents"]
    assert registry.known("mtbf").schedule == Daily(3, 30, "Europe/Paris")


def test_schedules_can_be_changed_and_jobs_added() -> None:
    own = OwnJob(command=["mtbf", "{database}", "--json", "{out}/a.json"], schedule="every 2 h", purpose="mine")
    registry = registry_of(JobsTable(schedules={"lake": "by hand"}, own={"mine": own}), "cloud.toml")
    assert registry.known("lake").schedule == ByHand()
    assert str(registry.known("mine").schedule) == "every 2 h"


@pytest.mark.parametrize(
    ("table", "field"),
    [
        (JobsTable(zone="Mars/Olympus"), "jobs.zone"),
        (JobsTable(schedules={"lake": "sometimes"}), "jobs.schedules.lake"),
        (JobsTable(own={"x": OwnJob(["a"], "never")}), "jobs.own.x.schedule"),
        (JobsTable(schedules={"nothing": "by hand"}), "no such job"),
        (JobsTable(own={"lake": OwnJob(["a"])}), "another of this name"),
    ],
)
def test_what_cannot_be_used_is_named(table: JobsTable, field: str) -> None:
    with pytest.raises(BadSetup, match=field):
        registry_of(table, "cloud.toml")


def test_the_newest_findings_of_each_analysis_are_used(tmp_path: Path) -> None:
    folder, registry = RunFolder(tmp_path), registry_of(JobsTable(), "cloud.toml")
    for job, number, name in (
        ("analyse-heating", 3, "findings.csv"),
        ("analyse-heating", 12, "findings.csv"),
        ("mtbf", 4, "mtbf.json"),
    ):
        folder.results(job, number).mkdir(parents=True)
        (folder.results(job, number) / name).write_text("")
    newest = tmp_path / "analyse-heating" / "12" / "findings.csv"
    assert newest_findings(folder, registry) == ["--findings", str(newest)]


def test_runs_lie_beside_the_file(tmp_path: Path) -> None:
    assert root_of(JobsTable(), tmp_path / "cloud.toml") == tmp_path / "jobs"
    assert root_of(JobsTable(folder="/srv/runs"), tmp_path / "cloud.toml") == Path("/srv/runs")


def test_the_example_of_the_manual_can_be_used() -> None:
    page = (Path(__file__).parents[3] / "docs" / "incidents.md").read_text(encoding="utf-8")
    table = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])["jobs"]
    registry = registry_of(msgspec.convert(table, JobsTable), "cloud.toml")
    assert str(registry.known("incidents").schedule) == "every 15 min"
    assert registry.known("mtbf-by-model").schedule == Daily(5, 0, "Europe/Berlin")
