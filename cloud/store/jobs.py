"""`cloud.ports.RunBook` over SQL."""

from sqlalchemy import func, insert, select, update

from cloud.ports import JobRun
from cloud.store.database import Database
from cloud.store.schema_work import job_runs

_RUNNING = "running"


class SqlRuns:
    """See `cloud.ports.RunBook`. Raises `Transient` when the database cannot be reached."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_run(self, job: str, reason: str, who: str, attempt: int, now_ms: int) -> JobRun:
        """See `cloud.ports.RunBook`."""
        with self._database.write() as connection:
            number = (connection.execute(select(func.max(job_runs.c.id))).scalar() or 0) + 1
            run = JobRun(number, job, _RUNNING, reason, who, attempt, now_ms, None, None, "")
            connection.execute(insert(job_runs).values({name: getattr(run, name) for name in run.__struct_fields__}))
        return run

    def end_run(self, number: int, state: str, status: int | None, message: str, now_ms: int) -> None:
        """See `cloud.ports.RunBook`."""
        values = {"state": state, "exit": status, "message": message[:500], "ended_ms": now_ms}
        with self._database.write() as connection:
            connection.execute(update(job_runs).where(job_runs.c.id == number).values(values))

    def runs(self, job: str | None = None, *, state: str | None = None, limit: int = 100) -> list[JobRun]:
        """See `cloud.ports.RunBook`."""
        query = select(job_runs).order_by(job_runs.c.id.desc()).limit(limit)
        if job is not None:
            query = query.where(job_runs.c.job == job)
        if state is not None:
            query = query.where(job_runs.c.state == state)
        with self._database.read() as connection:
            return [JobRun(*row) for row in connection.execute(query)]

    def run(self, number: int) -> JobRun | None:
        """See `cloud.ports.RunBook`."""
        with self._database.read() as connection:
            row = connection.execute(select(job_runs).where(job_runs.c.id == number)).first()
        return None if row is None else JobRun(*row)
