from cloud.store.database import Database
from cloud.store.jobs import SqlRuns
from tests.helpers.uplinks import SetClock


def test_a_run_is_begun_ended_and_found_again(database_url: str) -> None:
    with Database(database_url, SetClock()) as database:
        runs = SqlRuns(database)
        first = runs.begin_run("mtbf", "schedule", "", 1, 1000)
        second = runs.begin_run("lake", "manual", "anna", 2, 2000)
        assert (first.id, second.id, second.state) == (1, 2, "running")
        assert [run.id for run in runs.runs()] == [2, 1]
        runs.end_run(1, "failed", 2, "x" * 900, 3000)
        ended = runs.run(1)
        assert ended is not None
        assert (ended.state, ended.exit, ended.ended_ms, len(ended.message)) == ("failed", 2, 3000, 500)
        assert [run.job for run in runs.runs(state="running")] == ["lake"]
        assert [run.id for run in runs.runs("mtbf")] == [1]
        assert [run.id for run in runs.runs(limit=1)] == [2]
        assert runs.run(9) is None
