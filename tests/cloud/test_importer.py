import argparse
from pathlib import Path

import polars as pl
import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import ROOM_TEMPERATURE
from cloud import importer
from cloud.fleet.samples import conflicts, scan

HEADER = "IdInterneInstallation;NumInstallation;Ville;IdInterneMesure;LibelleLongMesure;DateEvenement;Valeur"


def row(when: str, value: str, label: str = "CIR1_VN_AMB_T.AMB_CORRIGE") -> str:
    return f"1;42;PAU;2;{label};{when};{value}"


def run(*args: object) -> int:
    parser = argparse.ArgumentParser()
    importer.add_arguments(parser)
    return importer.run(parser.parse_args([str(arg) for arg in args]))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    rows = [row("2016-12-31 23:45:00", "20,5"), row("2017-01-01 00:00:00", "20.25"), row("2017-01-01 00:15:00", "x")]
    path.write_text("\n".join([HEADER, *rows, row("2017-01-01 00:00:00", "1", "PUMP")]) + "\n")
    return path


def test_rows_are_taken_and_bad_ones_put_aside(
    tmp_path: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(export, "--into", tmp_path / "fleet") == 1
    frame = scan(tmp_path / "fleet").collect()
    assert frame["value"].sort().to_list() == [20.25, 20.5]
    assert frame["signal"].unique().to_list() == [ROOM_TEMPERATURE]
    (aside,) = (tmp_path / "fleet" / "bad").iterdir()
    assert pl.read_csv(aside).select("line", "content").row(0) == (4, row("2017-01-01 00:15:00", "x"))
    told = capsys.readouterr().out
    assert "4 rows, 2 good, 2 new" in told
    assert "1 rows of 'PUMP' left out" in told


def test_importing_twice_changes_nothing(tmp_path: Path, export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(export, "--into", tmp_path / "fleet")
    before = content(tmp_path / "fleet")
    run(export, "--into", tmp_path / "fleet")
    assert content(tmp_path / "fleet") == before
    assert "2 good, 0 new" in capsys.readouterr().out


def test_a_second_export_is_merged_and_a_contradiction_counted(
    tmp_path: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(export, "--into", tmp_path / "fleet")
    other = tmp_path / "other.csv"
    other.write_text("\n".join([HEADER, row("2017-01-01 00:00:00", "21"), row("2017-01-01 00:30:00", "22")]))
    assert run(other, "--into", tmp_path / "fleet") == 0
    assert len(scan(tmp_path / "fleet").collect()) == 4
    assert conflicts(tmp_path / "fleet") == 1
    assert "1 instants have more than one value" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--timezone", "Europe/Pariss", "Europe/Pariss"),
        ("--encoding", "cp99999", "cp99999"),
        ("--separator", ";;", "one character"),
        ("--labels", "/nowhere/labels.toml", "cannot be read"),
    ],
)
def test_a_bad_option_is_told_in_one_line(tmp_path: Path, export: Path, option: str, value: str, told: str) -> None:
    with pytest.raises(BadSetup, match=told):
        run(export, "--into", tmp_path / "fleet", option, value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match=r"nowhere\.csv: cannot be read"):
        run(tmp_path / "nowhere.csv", "--into", tmp_path / "fleet")
