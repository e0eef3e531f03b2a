from pathlib import Path

import pyarrow.parquet as pq

from agent.domain.signals import PV_POWER
from agent.domain.wire import SignalSummary, Summary
from cloud.clock import SimulatedClock
from cloud.store.database import Database
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import arrival, batch
from tests.helpers.programs import run

DAY_MS = 86_400_000
START_MS = 1_777_593_600_000


def cloud(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text(f"[clock]\norigin_ms = {START_MS + 3 * DAY_MS}\nstarted_ms = 0\nrate = 1e-9\n")
    return path


def test_closed_days_are_sealed_and_a_second_time_changes_nothing(tmp_path: Path) -> None:
    config = cloud(tmp_path)
    row = SignalSummary(PV_POWER, 0, 500, 100, 100, 0, 15)
    bodies = [Summary(START_MS + n * 900_000, 900, [row]) for n in range(96)]
    clock = SimulatedClock(START_MS, 0, 1e-9)
    with Database(f"sqlite:///{tmp_path}/fleet.db", clock) as database:
        SqlFleetWriter(database).apply([arrival(batch(1, bodies))])
    first = run("cloud", "lake", "seal", "--config", config)
    assert first.returncode == 0, first.stderr
    assert "summaries: 1 days, 96 rows" in first.stdout
    files = {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*.parquet")}
    assert sum(pq.read_table(path).num_rows for path in files if "kind=summaries" in str(path)) == 96
    assert run("cloud", "lake", "seal", "--config", config).returncode == 0
    assert {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*.parquet")} == files


def test_an_empty_fleet_has_nothing_to_seal(tmp_path: Path) -> None:
    done = run("cloud", "lake", "seal", "--config", cloud(tmp_path))
    assert (done.returncode, done.stdout) == (0, "no closed day holds anything\n")
