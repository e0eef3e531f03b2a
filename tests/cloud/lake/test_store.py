"""Days sealed and sealed again: never half, never double, whatever is killed when.

In folders always; in an object store too when EMBERWATT_TEST_S3 holds an address in it, as
`s3://key:secret@bucket/folder?scheme=http&endpoint_override=127.0.0.1:9000&region=us-east-1`.
"""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.errors import BadInput, BadSetup, Transient
from agent.domain.signals import PV_POWER
from cloud.fleet.equipment_attributes import AttributesJob
from cloud.lake.jobs import run_local, shown
from cloud.lake.reading import open_duckdb
from cloud.lake.store import Lake
from cloud.lake.tables import FAULTS, SUMMARIES, batches_of

DAY = date(2026, 1, 31)
START = int(datetime(2026, 1, 31, tzinfo=UTC).timestamp() * 1000)
ROOT = Path(__file__).parents[3]


def summary(device: str, quarter: int, mean: float) -> dict[str, Any]:
    low_high = {"mean": mean, "low": mean, "high": mean, "last": mean}
    counts = {"n": 15, "bad": 0}
    at_ms = START + quarter * 900_000
    return {"device": device, "signal": PV_POWER, "time": at_ms, "window_s": 900, **low_high, **counts}


def fault(device: str, number: int, end_ms: int | None) -> dict[str, Any]:
    row = {"device": device, "id": f"{device}-{number}", "code": "no_heat", "severity": "critical", "component": ""}
    times = {"time": START + number * 1000, "end": end_ms, "failing_s": 60.0, "lost_wh": None}
    return {**row, **times, "evidence": [("x", 1.0)]}


def seal(lake: Lake, rows: list[dict[str, Any]]) -> bool:
    return lake.seal(SUMMARIES, DAY, batches_of(SUMMARIES, rows)).changed


def means(lake: Lake) -> dict[tuple[str, int], float]:
    rows = lake.read(SUMMARIES).to_pylist()
    found = {(row["device"], (int(row["time"].timestamp() * 1000) - START) // 900_000): row["mean"] for row in rows}
    assert len(found) == len(rows)
    return found


def test_late_rows_join_their_day_and_corrections_replace(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    assert seal(lake, [summary("a", 0, 1.0), summary("b", 0, 2.0)])
    assert seal(lake, [summary("a", 1, 3.0), summary("b", 0, 4.0)])
    assert means(lake) == {("a", 0): 1.0, ("a", 1): 3.0, ("b", 0): 4.0}
    assert lake.days(SUMMARIES) == [DAY]
    assert [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*.parquet"))] == [
        "kind=summaries/date=2026-01-31/part-0.parquet"
    ]


def test_what_is_known_changes_nothing(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    seal(lake, [summary("a", 0, 1.0)])
    file = next(tmp_path.rglob("*.parquet"))
    before = file.stat()
    assert not seal(lake, [summary("a", 0, 1.0)])
    assert not seal(lake, [])
    assert file.stat().st_ino == before.st_ino


def test_a_fault_that_ends_later_reseals_the_day_it_began(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.seal(FAULTS, DAY, batches_of(FAULTS, [fault("a", 1, None), fault("a", 2, None)]))
    lake.seal(FAULTS, DAY, batches_of(FAULTS, [fault("a", 1, START + 10**9)]))
    ends = {row["id"]: row["end"] for row in lake.read(FAULTS).to_pylist()}
    assert ends["a-2"] is None
    assert ends["a-1"] is not None


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 95), st.floats(0, 9)), max_size=8),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=25, deadline=None)
def test_any_order_of_arrivals_ends_as_the_last_word_on_each_row(
    tmp_path_factory: pytest.TempPathFactory, arrivals: list[list[tuple[str, int, float]]]
) -> None:
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    expected: dict[tuple[str, int], float] = {}
    for rows in arrivals:
        seal(lake, [summary(*row) for row in rows])
        expected |= {(device, quarter): mean for device, quarter, mean in rows}
    assert means(lake) == expected


def test_a_row_of_another_day_is_refused(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    with pytest.raises(BadInput, match="does not belong to 2026-01-31"):
        seal(lake, [summary("a", 96, 1.0)])
    with pytest.raises(BadInput, match="does not fit the lake"):
        seal(lake, [{**summary("a", 0, 1.0), "mean": "much"}])
    assert lake.days(SUMMARIES) == []


KILLED = """
    import os, signal, sys
    sys.path.insert(0, {root!r})
    from tests.cloud.lake.test_store import Lake, seal, summary

    def die(step):
        if step == {step!r}:
            os.kill(os.getpid(), signal.SIGKILL)

    seal(Lake({folder!r}, step=die), [summary("a", 0, 9.0), summary("new", 0, 9.0)])
"""


@pytest.mark.parametrize(("step", "taken"), [("written", False), ("durable", False), ("swapped", True), ("done", True)])
def test_a_kill_between_steps_leaves_the_day_before_or_after(tmp_path: Path, step: str, taken: bool) -> None:
    lake = Lake(str(tmp_path))
    seal(lake, [summary("a", 0, 1.0), summary("b", 0, 2.0)])
    code = textwrap.dedent(KILLED).format(root=str(ROOT), step=step, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    after = {("a", 0): 9.0, ("b", 0): 2.0, ("new", 0): 9.0}
    assert means(lake) == (after if taken else {("a", 0): 1.0, ("b", 0): 2.0})
    seal(lake, [summary("a", 0, 9.0), summary("new", 0, 9.0)])
    assert means(lake) == after
    assert list((tmp_path / "_waiting").iterdir()) == []


def test_a_reader_sees_each_version_whole_while_it_is_swapped(tmp_path: Path) -> None:
    """Twenty versions, each with all rows of one value: a reader sees one value and all rows at any time."""
    lake = Lake(str(tmp_path))
    rows = 200
    seal(lake, [summary(f"d{i:03}", 0, 0.0) for i in range(rows)])
    stop = threading.Event()
    seen: list[set[float]] = []

    def watch() -> None:
        reader = Lake(str(tmp_path))
        while not stop.is_set():
            found = reader.read(SUMMARIES, columns=["mean"]).column("mean").to_pylist()
            assert len(found) == rows
            seen.append(set(found))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for version in range(1, 21):
            seal(lake, [summary(f"d{i:03}", 0, float(version)) for i in range(rows)])
            files = list((tmp_path / "kind=summaries").rglob("*.parquet"))
            assert len(files) == 1
    finally:
        stop.set()
        watcher.join()
    assert seen
    assert all(len(values) == 1 for values in seen)


def test_duckdb_and_arrow_read_it_without_this_program(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    seal(lake, [summary("a", q, float(q)) for q in range(4)])
    with open_duckdb(str(tmp_path)) as connection:
        query = "SELECT date::VARCHAR, count(*), sum(mean), min(time) FROM summaries GROUP BY 1"
        row = connection.execute(query).fetchone()
    assert row is not None
    assert row[:3] == ("2026-01-31", 4, 6.0)
    assert row[3].astimezone(UTC) == datetime(2026, 1, 31, tzinfo=UTC)
    table = ds.dataset(tmp_path, partitioning="hive").to_table()
    assert set(table.column("kind").to_pylist()) == {"summaries"}


def test_an_address_like_an_object_store_works_alike(tmp_path: Path) -> None:
    lake = Lake(f"file://{tmp_path}")
    seal(lake, [summary("a", 0, 1.0)])
    assert means(Lake(str(tmp_path))) == {("a", 0): 1.0}


@pytest.mark.skipif("EMBERWATT_TEST_S3" not in os.environ, reason="EMBERWATT_TEST_S3 names no object store")
def test_an_object_store_holds_the_same_lake() -> None:
    before, query = os.environ["EMBERWATT_TEST_S3"].split("?", 1)
    lake = Lake(f"{before}/{uuid.uuid4().hex}?{query}")
    assert seal(lake, [summary("a", 0, 1.0), summary("b", 0, 2.0)])
    assert not seal(lake, [summary("a", 0, 1.0)])
    assert seal(lake, [summary("a", 1, 5.0)])
    assert means(lake) == {("a", 0): 1.0, ("a", 1): 5.0, ("b", 0): 2.0}
    assert lake.days(SUMMARIES) == [DAY]
    result = run_local(AttributesJob(("signal",)), lake.source(SUMMARIES)).to_pylist()
    assert [row["device"] for row in result] == ["a", "b"]


def test_a_password_in_an_address_is_not_told() -> None:
    assert shown("s3://key:secret@bucket/lake?x=1") == "s3://bucket/lake?x=1"
    assert Lake("s3://key:secret@bucket/lake?region=us-east-1").address == "s3://bucket/lake?region=us-east-1"


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="not an address"):
        Lake("gopher://x/y")
    with pytest.raises(BadSetup, match="no sealed day of faults"):
        Lake(str(tmp_path)).source(FAULTS)
    (tmp_path / "taken").write_text("a file where the lake should be")
    with pytest.raises(Transient, match="taken"):
        seal(Lake(str(tmp_path / "taken")), [summary("a", 0, 1.0)])


def test_an_empty_lake_reads_as_no_rows(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "none"))
    assert lake.read(SUMMARIES).schema == SUMMARIES.schema
    assert isinstance(lake.read(SUMMARIES), pa.Table)
    assert os.listdir(tmp_path) == []  # noqa: PTH208
