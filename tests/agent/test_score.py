"""`emberwatt-agent score`: files of any make in, one scored row per row out, one clear line when it cannot be."""

import csv
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.__main__ import main


def command(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as left:
        main(["score", *map(str, arguments)])
    return int(left.value.code or 0)


def lines(rows: int, *, separator: str = ",", comma: bool = False) -> list[str]:
    draw = random.Random(1)
    made = [separator.join(["time", "flow", "pressure", "place"])]
    for i in range(rows):
        values = [f"{draw.gauss(50 if i < 350 else 80, 1):.3f}", f"{draw.gauss(2, 0.1):.3f}"]
        if comma:
            values = [value.replace(".", ",") for value in values]
        made.append(separator.join([f"2024-01-01 00:{i // 60:02d}:{i % 60:02d}", *values, "cellar"]))
    return made


def write(path: Path, made: list[str], encoding: str = "utf-8") -> Path:
    path.write_text("\n".join(made) + "\n", encoding=encoding)
    return path


def scored(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_row_and_the_alarm_where_the_fault_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = write(tmp_path / "r.csv", lines(400)), tmp_path / "s.csv"
    assert command(file, "--out", out, "--train-rows", "200", "--json") == 0
    found = scored(out)
    assert list(found[0]) == ["time", "score", "alarm", "top_signals"]
    assert [row["time"] for row in found] == [line.split(",")[0] for line in lines(400)[1:]]
    assert all(row["alarm"] == "1" for row in found[355:])
    assert found[360]["top_signals"].split("|")[0] == "flow"
    summary = json.loads(capsys.readouterr().out)
    assert summary["rows"] == 400
    assert summary["columns"] == ["flow", "pressure"]
    assert summary["ignored_columns"] == {"place": "text"}
    assert summary["alarm_rows"] == sum(row["alarm"] == "1" for row in found)


@pytest.mark.parametrize(("separator", "comma"), [(";", False), (";", True), ("\t", False), ("\t", True), (",", False)])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_however_it_is_written_the_scores_are_the_same(
    tmp_path: Path, separator: str, comma: bool, encoding: str
) -> None:
    plain = write(tmp_path / "plain.csv", lines(300))
    other = write(tmp_path / "other.csv", lines(300, separator=separator, comma=comma), encoding)
    assert command(plain, "--out", tmp_path / "a.csv", "--train-rows", "100") == 0
    assert command(other, "--out", tmp_path / "b.csv", "--train-rows", "100") == 0
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


@pytest.mark.parametrize("rows", [10, 99, 101, 351, 380])
def test_truncating_the_file_changes_nothing_before(tmp_path: Path, rows: int) -> None:
    whole = write(tmp_path / "whole.csv", lines(400))
    part = write(tmp_path / "part.csv", lines(400)[: rows + 1])
    assert command(whole, "--out", tmp_path / "a.csv", "--train-rows", "100") == 0
    assert command(part, "--out", tmp_path / "b.csv", "--train-rows", "100") == 0
    assert scored(tmp_path / "a.csv")[:rows] == scored(tmp_path / "b.csv")


def test_labels_are_never_read(tmp_path: Path) -> None:
    plain = lines(400)
    labelled = [plain[0] + ",anomaly,changepoint"] + [line + f",{int(i > 349)},0" for i, line in enumerate(plain[1:])]
    command(write(tmp_path / "plain.csv", plain), "--out", tmp_path / "a.csv", "--train-rows", "100")
    command(write(tmp_path / "lab.csv", labelled), "--out", tmp_path / "b.csv", "--train-rows", "100")
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_an_ignored_column_counts_for_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "r.csv", lines(400))
    assert command(file, "--out", tmp_path / "s.csv", "--ignore", "flow", "--train-rows", "100", "--json") == 0
    assert json.loads(capsys.readouterr().out)["ignored_columns"] == {"flow": "as told", "place": "text"}
    assert not any(row["alarm"] == "1" for row in scored(tmp_path / "s.csv")[370:])


def test_empty_cells_and_gaps_are_borne(tmp_path: Path) -> None:
    made = lines(400)
    made[120] = made[120].split(",")[0] + ",,nan,"
    del made[150:200]
    assert command(write(tmp_path / "r.csv", made), "--out", tmp_path / "s.csv", "--train-rows", "100") == 0
    assert len(scored(tmp_path / "s.csv")) == 350


def test_without_times_rows_are_numbered(tmp_path: Path) -> None:
    file = write(tmp_path / "r.csv", ["a,b", *(f"{i % 7},{i % 5}" for i in range(60))])
    assert command(file, "--out", tmp_path / "s.csv", "--train-rows", "30") == 0
    assert [row["time"] for row in scored(tmp_path / "s.csv")] == [str(i) for i in range(60)]


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (
            (200, "2024-01-01 00:03:19,broken,2.0,cellar"),
            [],
            "line 201, column 'flow': got 'broken', expected a number",
        ),
        ((200, "yesterday,50,2.0,cellar"), [], "line 201, column 'time': got 'yesterday', expected a time"),
        ((200, "2024-01-01 00:03:19,50"), [], "line 201: 2 cells, expected 4"),
        ((0, "time,flow,flow,place"), [], "column 'flow' is there twice"),
        (None, ["--ignore", "heat"], "has no column 'heat', expected one of time, flow, pressure, place"),
        (None, ["--time", "when"], "has no column 'when'"),
        (None, ["--train-rows", "3"], "--train-rows: got 3, expected 30 or more"),
        (None, ["--false-alarm-rate", "1"], "--false-alarm-rate: got 1, expected above 0 and below 1"),
        (None, ["--ignore", "flow", "--ignore", "pressure"], "has no column of numbers"),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: tuple[int, str] | None,
    arguments: list[str],
    said: str,
) -> None:
    made = lines(300)
    if change is not None:
        made[change[0]] = change[1]
    file = write(tmp_path / "r.csv", made)
    assert command(file, "--out", tmp_path / "s.csv", *arguments) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("content", ["", "time,flow\n", "\n\n"])
def test_nothing_to_score_is_said(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "r.csv"
    file.write_text(content)
    assert command(file, "--out", tmp_path / "s.csv") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path / "no.csv", "--out", tmp_path / "s.csv") == 2
    assert "no.csv: cannot be read" in capsys.readouterr().err


def test_a_packed_recording_is_read(tmp_path: Path) -> None:
    plain = write(tmp_path / "r.csv", lines(300))
    packed = tmp_path / "r.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for file, out in ((plain, "a.csv"), (packed, "b.csv")):
        assert command(file, "--out", tmp_path / out, "--train-rows", "100") == 0
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("time,flow\n1,2\n".encode("utf-16"), "r.csv: is text in UTF-16, expected UTF-8"),
        (bytes(range(256)), "r.csv: is no text, expected a CSV file in UTF-8"),
        (gzip.compress(b"\x89PNG\r\n\x1a\n\0\0", mtime=0), "r.csv: is no text, expected a CSV file in UTF-8"),
    ],
)
def test_nothing_of_a_file_that_is_no_text_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    file = tmp_path / "r.csv"
    file.write_bytes(content)
    assert command(file, "--out", tmp_path / "s.csv") == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.replace("\n", "").isprintable()


@pytest.mark.parametrize("bad", ["2024-01-01 00:03:19,broken,2.0,cellar", None])
def test_scores_stand_under_their_name_only_when_they_are_complete(tmp_path: Path, bad: str | None) -> None:
    file, out = tmp_path / "r.csv", tmp_path / "s.csv"
    write(file, [*lines(200), bad] if bad else lines(0))
    assert command(file, "--out", out, "--train-rows", "100") == 2
    assert list(tmp_path.iterdir()) == [file]
    out.write_text("of yesterday\n")
    assert command(file, "--out", out, "--train-rows", "100") == 2
    assert (out.read_text(), len(list(tmp_path.iterdir()))) == ("of yesterday\n", 2)


def test_an_interruption_leaves_the_scores_of_yesterday(tmp_path: Path) -> None:
    pipe, out = tmp_path / "endless.csv", tmp_path / "s.csv"
    os.mkfifo(pipe)
    out.write_text("of yesterday\n")
    words = [sys.executable, "-m", "agent", "score", str(pipe), "--out", str(out), "--train-rows", "100"]
    scoring = subprocess.Popen(words, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE)
    with scoring, pipe.open("w") as feed:
        feed.write("\n".join(lines(2000)) + "\n")
        feed.flush()
        while not (tmp_path / "s.csv.part").exists():
            assert scoring.poll() is None
            time.sleep(0.05)
        scoring.send_signal(signal.SIGINT)
        assert scoring.wait(30) == 130
    assert out.read_text() == "of yesterday\n"
    assert sorted(tmp_path.iterdir()) == [pipe, out]


def test_a_damaged_recording_is_not_taken_for_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = bytearray(gzip.compress(("\n".join(lines(3000)) + "\n").encode()))
    packed[-6] ^= 1  # the checksum
    (tmp_path / "r.csv.gz").write_bytes(packed)
    assert command(tmp_path / "r.csv.gz", "--out", tmp_path / "s.csv") == 2
    assert "r.csv.gz: cannot be read: CRC check failed" in capsys.readouterr().err


def test_scores_may_go_into_a_pipe_or_through_a_link(tmp_path: Path) -> None:
    file = write(tmp_path / "r.csv", lines(200))
    words = [sys.executable, "-m", "agent", "score", str(file), "--out", "/dev/stdout"]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("time,score,alarm,top_signals\n2024-01-01 00:00:00,")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert command(file, "--out", tmp_path / "link.csv") == 0
    assert (tmp_path / "link.csv").is_symlink()
    assert len(scored(tmp_path / "real.csv")) == 200


def test_the_recording_is_never_overwritten(tmp_path: Path) -> None:
    file = write(tmp_path / "r.csv", lines(100))
    before = file.read_bytes()
    assert command(file, "--out", file) == 2
    assert file.read_bytes() == before
