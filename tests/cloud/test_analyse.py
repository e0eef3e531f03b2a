import argparse
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agent.domain.errors import BadSetup
from cloud import analyse
from cloud.fleet import samples
from cloud.fleet.export_file import Reading, read

REFERENCE = Path(__file__).parent / "fleet" / "reference"
PERIOD = ("--from", "2016-12-25", "--to", "2016-12-31")


def run(*args: object) -> int:
    parser = argparse.ArgumentParser()
    analyse.add_arguments(parser)
    return analyse.run(parser.parse_args([str(arg) for arg in args]))


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fleet")
    for block in read(REFERENCE / "fleet.csv.gz", Reading()):
        samples.merge(folder, block.good)
    return folder


@pytest.mark.parametrize("kind", ["csv", "folder"])
def test_the_published_method_writes_its_four_files(kind: str, imported: Path, tmp_path: Path) -> None:
    source = imported if kind == "folder" else REFERENCE / "fleet.csv.gz"
    assert run("heating", source, "--method", "engie-pacf", *PERIOD, "--out", tmp_path) == 0
    assert (tmp_path / "cluster.png").read_bytes()[:4] == b"\x89PNG"
    rows = (tmp_path / "ts_anomalies.csv").read_text().splitlines()
    assert rows == ['"","NumInstallation"', '"1","9028480017"', '"2","9028480014"', '"3","9028480008"']
    linkage = pl.read_csv(tmp_path / "linkage.csv")
    assert linkage.columns == ["a", "b", "height", "size"]
    assert linkage["size"][-1] == 17
    square = pl.read_parquet(tmp_path / "distances.parquet")
    assert square.columns[1:] == square["installation"].to_list()
    stored = np.loadtxt(REFERENCE / "distances.csv", delimiter=",")
    assert np.abs(square.drop("installation").to_numpy() - stored).max() < 1e-9


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--from", "2016-12-31", "--to", "2016-12-25"), "period is empty"),
        (("--from", "2020-01-01"), "expected at least 2"),
    ],
)
def test_a_period_without_data_is_told(args: tuple[str, ...], told: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match=told):
        run("heating", REFERENCE / "fleet.csv.gz", "--method", "engie-pacf", *args, "--out", tmp_path)


def test_a_bad_date_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("heating", REFERENCE / "fleet.csv.gz", "--from", "yesterday", "--out", tmp_path)
    assert "expected a date like 2016-12-15" in capsys.readouterr().err
