"""Files found, cut into pieces, and read while they may be replaced."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from agent.domain.errors import BadSetup, Transient
from cloud.lake.jobs import Source, open_source, pieces_of, run_local, steady

_COUNTS = pa.schema([("device", pa.string()), ("n", pa.int64())])


@dataclass(frozen=True)
class Counting:
    """Rows per device."""

    columns: Sequence[str] = ("x",)
    partial_schema: pa.Schema = _COUNTS
    result_schema: pa.Schema = _COUNTS

    def partial(self, rows: pa.Table) -> pa.Table:
        found = pc.value_counts(rows.column("device").cast(pa.string()))
        return pa.table([found.field("values"), found.field("counts")], schema=_COUNTS)

    def finish(self, partials: pa.Table) -> pa.Table:
        return partials.group_by("device").aggregate([("n", "sum")]).rename_columns(["device", "n"]).cast(_COUNTS)


def write(path: Path, devices: list[str], *, groups: int = 2) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"device": devices, "x": list(range(len(devices)))}), path, row_group_size=groups)
    return path


def counted(source: Source) -> dict[str, int]:
    return {row["device"]: row["n"] for row in run_local(Counting(), source, workers=2).to_pylist()}


def test_folders_are_searched_and_what_is_no_data_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "a" / "1.parquet", ["h1", "h2", "h1"])
    write(tmp_path / "b" / "2.parquet", ["h2"])
    write(tmp_path / "_waiting" / "3.parquet", ["never"])
    write(tmp_path / "equipment.parquet", ["never"])
    (tmp_path / "notes.txt").write_text("no data")
    assert counted(open_source(str(tmp_path), ("device", "x"))) == {"h1": 2, "h2": 2}


def test_a_device_may_stand_in_the_path(tmp_path: Path) -> None:
    for device, rows in (("h1", 3), ("h2", 1)):
        folder = tmp_path / f"device={device}"
        folder.mkdir()
        pq.write_table(pa.table({"x": list(range(rows))}), folder / "part.parquet")
    assert counted(open_source(str(tmp_path), ("device", "x"))) == {"h1": 3, "h2": 1}


def test_small_row_groups_go_together_and_files_do_not(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", ["h"] * 9, groups=1)
    write(tmp_path / "2.parquet", ["h"] * 3, groups=3)
    pieces = pieces_of(open_source(str(tmp_path), ("device",)))
    assert [(Path(piece.path).name, piece.first, piece.stop) for piece in pieces] == [
        ("1.parquet", 0, 9),
        ("2.parquet", 0, 1),
    ]


def test_a_file_without_a_column_is_named_wherever_it_stands(tmp_path: Path) -> None:
    write(tmp_path / "1.parquet", ["h"])
    pq.write_table(pa.table({"device": ["h"]}), tmp_path / "2.parquet")
    with pytest.raises(BadSetup, match=r"2\.parquet: column 'x' is missing"):
        run_local(Counting(), open_source(str(tmp_path), ("device", "x")))


def test_a_file_that_is_replaced_meanwhile_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "1.parquet", ["old"])
    source = open_source(str(tmp_path), ("device",))
    runs: list[dict[str, int]] = []

    def run() -> pa.Table:
        found = run_local(Counting(), source)
        runs.append({row["device"]: row["n"] for row in found.to_pylist()})
        if len(runs) == 1:
            write(path, ["new", "new", "new"])
        return found

    assert steady(source, run).to_pylist() == [{"device": "new", "n": 3}]
    assert runs == [{"old": 1}, {"new": 3}]


def test_a_file_that_never_rests_is_no_result(tmp_path: Path) -> None:
    path, size = write(tmp_path / "1.parquet", ["h"]), 1
    source = open_source(str(tmp_path), ("device",))

    def run() -> pa.Table:
        nonlocal size
        size += 1
        write(path, ["h"] * size)
        return _COUNTS.empty_table()

    with pytest.raises(Transient, match="still being replaced"):
        steady(source, run)
