"""The jobs that every aggregator has, and what its file may say of them."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import msgspec

from agent.domain.errors import BadInput, BadSetup
from cloud.jobs.folder import RunFolder
from cloud.jobs.registry import Job, Registry
from cloud.jobs.schedule import Daily, Every, Schedule, parse

INCIDENTS: Final = "incidents"
FINDINGS_FILE: Final = "findings.csv"


class OwnJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A job of the operator's own: `command` follows `emberwatt-cloud`; `{out}` in it is the folder for results."""

    command: Annotated[list[str], msgspec.Meta(min_length=1)]
    schedule: str = "by hand"
    purpose: str = ""
    retries: Annotated[int, msgspec.Meta(ge=0, le=100)] = 2
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)] = 4 * 3600.0


class JobsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`folder` is relative to the file. `zone` holds for daily times; `schedules` replaces those of standard jobs."""

    folder: str = "jobs"
    zone: str = "UTC"
    at_once: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1
    keep: Annotated[int, msgspec.Meta(ge=1)] = 30
    schedules: dict[str, str] = {}
    own: dict[str, OwnJob] = {}


# The analyses find their clusters again by the state that the last night left.
_STATE: Final = ("state.json",)
_STANDARD: Final = (
    Job(
        "lake",
        "Seal closed days of summaries and faults into Parquet files.",
        ("lake", "seal", "{config}"),
        Daily(2, 10, "UTC"),
    ),
    Job(
        "analyse-heating",
        "Which heating installations behave unlike the others, and why.",
        ("analyse", "heating", "{lake}", "--days", "21", "--out", "{out}"),
        Daily(2, 30, "UTC"),
        carries=_STATE,
    ),
    Job(
        "analyse-power",
        "Which solar and battery homes behave unlike their neighbours, and why.",
        ("analyse", "power", "{lake}", "--days", "21", "--out", "{out}"),
        Daily(3, 0, "UTC"),
        carries=_STATE,
    ),
    Job(
        "mtbf",
        "How often homes and equipment fail, and how sure that is.",
        ("mtbf", "{database}", "--json", "{out}/mtbf.json", "--csv", "{out}/mtbf.csv", "--png", "{out}/mtbf.png"),
        Daily(3, 30, "UTC"),
    ),
    Job(
        INCIDENTS,
        "Group faults and findings into incidents, each with one cause.",
        ("incidents", "group", "{config}", "--out", "{out}", "{findings}"),
        Every(600),
    ),
)


def registry_of(table: JobsTable, where: str) -> Registry:
    """Standard jobs with their schedules, and the operator's own. Raises `BadSetup` naming file and field."""
    _schedule("daily 00:00", table, f"{where}, jobs.zone")
    registry = Registry(_STANDARD)
    for job in _STANDARD:
        if isinstance(job.schedule, Daily):
            registry.reschedule(job.name, replace(job.schedule, zone=table.zone))
    for name, text in table.schedules.items():
        registry.reschedule(name, _schedule(text, table, f"{where}, jobs.schedules.{name}"))
    for name, own in table.own.items():
        when = _schedule(own.schedule, table, f"{where}, jobs.own.{name}.schedule")
        registry.add(Job(name, own.purpose, tuple(own.command), when, own.retries, timeout_s=own.timeout_s))
    return registry


def _schedule(text: str, table: JobsTable, where: str) -> Schedule:
    try:
        return parse(text, table.zone)
    except BadInput as error:
        raise BadSetup(where, str(error)) from error


def newest_findings(folder: RunFolder, registry: Registry) -> list[str]:
    """`--findings FILE` for the newest findings of each job that has some."""
    words: list[str] = []
    for job in registry.jobs():
        newest = next((folder.results(job.name, number) for number in folder.numbers(job.name)), None)
        if newest is not None and (newest / FINDINGS_FILE).is_file():
            words += ["--findings", str(newest / FINDINGS_FILE)]
    return words


def root_of(table: JobsTable, config: Path | None) -> Path:
    """The folder of all runs."""
    return (config.parent if config is not None else Path()).resolve() / table.folder
