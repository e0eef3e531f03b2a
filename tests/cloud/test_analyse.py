import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agent.domain.errors import BadSetup
from cloud import analyse
from cloud.fleet import samples
from cloud.fleet.export_file import Reading, read
from tests.helpers import power_fleet
from tests.helpers.heating_fleet import make

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


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "fleet.parquet"
    make(80, 8, days=10, share=0.12, averaged=False).frame().write_parquet(path)
    return path


def test_the_default_method_writes_findings_clusters_report_and_state(source: Path, tmp_path: Path) -> None:
    assert run("heating", source, "--out", tmp_path) == 0
    found = pl.read_csv(tmp_path / "findings.csv", schema_overrides={"installation": pl.String})
    assert ",".join(found.columns) == "installation,kind,fault,score,from,to,cost_per_day,why"
    assert set(found["kind"]) <= {"data", "behaviour"}
    assert (found["score"] >= 2).all()
    members = pl.read_csv(tmp_path / "clusters.csv")
    assert len(members) == 80
    page = (tmp_path / "report.html").read_text()
    for name in found.filter(pl.col("kind") == "behaviour")["installation"]:
        assert f'<section class="site" id="{name}">' in page
    for outside in ("http://", "https://", "<script", "<link", "@import", "url("):
        assert outside not in page
    assert page.count("<svg") == page.count("</svg>") > 0


def test_the_next_night_keeps_the_names_and_tells_who_moved(source: Path, tmp_path: Path) -> None:
    kept = tmp_path / "state.json"
    run("heating", source, "--out", tmp_path / "one", "--state", kept)
    run("heating", source, "--out", tmp_path / "two", "--state", kept)
    first, second = (pl.read_csv(tmp_path / night / "clusters.csv") for night in ("one", "two"))
    assert first.equals(second)
    known = json.loads(kept.read_text())
    name, cluster = next(iter(known["members"].items()))
    other = next(each for each in known["centres"] if each != cluster)
    known["members"][name] = other
    kept.write_text(json.dumps(known))
    run("heating", source, "--out", tmp_path / "three", "--state", kept)
    moved = pl.read_csv(tmp_path / "three" / "clusters.csv").drop_nulls("before")
    assert moved.select("cluster", "before").rows() == [(cluster, other)]
    assert f"{name} ({other} → {cluster})" in (tmp_path / "three" / "report.html").read_text()


def test_homes_from_a_wide_csv(tmp_path: Path) -> None:
    fleet = power_fleet.make(40, 3, days=8, step_min=60)
    fleet.frame().write_csv(tmp_path / "homes.csv", datetime_format="%Y-%m-%d %H:%M:%S")
    assert run("power", tmp_path / "homes.csv", "--out", tmp_path / "out") == 0
    found = pl.read_csv(tmp_path / "out" / "findings.csv").filter(pl.col("kind") == "behaviour")
    assert set(found["installation"]) <= set(fleet.faults)
    assert len(found) >= len(fleet.faults) - 1
    assert "Solar and battery homes" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("rate", ["0", "1", "2", "x"])
def test_a_rate_that_is_none_is_told(rate: str, source: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        run("heating", source, "--out", tmp_path, "--false-alarm-rate", rate)


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


@pytest.mark.parametrize("method", ["emberwatt", "engie-pacf"])
def test_what_is_no_parquet_and_what_is_no_folder_is_told(method: str, source: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_text("hello")
    with pytest.raises(BadSetup, match=r"broken\.parquet: is no Parquet"):
        run("heating", broken, "--method", method, "--out", tmp_path)
    with pytest.raises(BadSetup, match="cannot be a folder"):
        run("heating", source, "--method", method, "--out", broken)


def test_a_bad_date_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("heating", REFERENCE / "fleet.csv.gz", "--from", "yesterday", "--out", tmp_path)
    assert "expected a date like 2016-12-15" in capsys.readouterr().err
