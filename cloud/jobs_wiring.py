"""The parts of the jobs, wired: for the aggregator and for its commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.domain.errors import BadSetup
from agent.domain.misfit import near
from cloud.__main__ import COMMANDS
from cloud.config import Loaded
from cloud.jobs.folder import RunFolder
from cloud.jobs.registry import Registry, filled
from cloud.jobs.runner import Runner, RunnerSettings
from cloud.jobs.scheduler import Scheduler
from cloud.jobs.standard import newest_findings, registry_of, root_of
from cloud.ports import Clock
from cloud.store.database import Database
from cloud.store.jobs import SqlRuns


@dataclass(frozen=True, slots=True)
class Works:
    """What has to do with jobs. `scheduler` fulfils `cloud.ports.JobDesk`, and starts what is due once it runs."""

    registry: Registry
    folder: RunFolder
    book: SqlRuns
    runner: Runner
    scheduler: Scheduler


def wire(loaded: Loaded, database: Database, clock: Clock) -> Works:
    """Jobs as the aggregator's file has them. Raises `BadSetup` naming file and field."""
    table = loaded.settings.jobs
    registry = registry_of(table, str(loaded.path or "defaults"))
    folder, book = RunFolder(root_of(table, loaded.path)), SqlRuns(database)

    def values() -> Mapping[str, str | Sequence[str]]:
        return {**addresses(loaded), "findings": newest_findings(folder, registry)}

    runner = Runner(book, folder, clock, values, RunnerSettings(keep=table.keep))
    return Works(registry, folder, book, runner, Scheduler(registry, runner, book, folder, clock, table.at_once))


def check(loaded: Loaded, works: Works) -> None:
    """What only a night would find out otherwise. Raises `BadSetup` naming file and field."""
    try:
        works.folder.check()
    except BadSetup as error:
        raise BadSetup(f"{loaded.path or 'defaults'}, jobs.folder", str(error)) from error
    programs = [name for name, _, _ in COMMANDS]
    values = {**addresses(loaded), "findings": [], "out": ""}
    for name, own in loaded.settings.jobs.own.items():
        where = f"{loaded.path}, jobs.own.{name}.command"
        if own.command[0] not in programs:
            expected = near(own.command[0], programs)
            raise BadSetup(where, f"{own.command[0]!r} is no command of emberwatt-cloud, {expected}")
        try:
            filled(own.command, values)
        except BadSetup as error:
            gaps = ", ".join(f"{{{gap}}}" for gap in values)
            hint = f"there are {gaps}; {{config}} and {{findings}} stand alone, for they may be several words"
            raise BadSetup(where, error.problem, hint=hint) from error


def addresses(loaded: Loaded) -> dict[str, str | list[str]]:
    """What commands may name: the file, the database, and the lake beside it."""
    base = loaded.path.parent.resolve() if loaded.path is not None else Path().resolve()
    url, prefix = loaded.database_url, "sqlite:///"
    return {
        "config": [] if loaded.path is None else ["--config", str(loaded.path)],
        "database": url.removeprefix(prefix) if url.startswith(prefix) else url,
        "lake": str(base / "lake"),
    }
