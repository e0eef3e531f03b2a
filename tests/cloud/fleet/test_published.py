"""The published method against R: its stored result everywhere, R itself where it is installed."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import FLOW_TEMPERATURE, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE
from cloud.analyse import moment
from cloud.fleet import published, samples
from cloud.fleet.export_file import Reading

REFERENCE = Path(__file__).with_name("reference")
FLEET = REFERENCE / "fleet.csv.gz"
PERIOD = ("2016-12-25", "2016-12-31")
EXACT = 1e-9


def table(path: Path, dtype: type = float) -> np.ndarray:
    return np.atleast_1d(np.loadtxt(path, delimiter=",", dtype=dtype))


@pytest.fixture(scope="module")
def result() -> published.Published:
    source = samples.open_source(FLEET, Reading())
    return published.analyse(samples.within(source.samples, *map(moment, PERIOD)))


def same_as_r(result: published.Published, folder: Path) -> None:
    assert result.labels == [label.strip() for label in table(folder / "labels.csv", str).tolist()]
    assert np.abs(result.square() - table(folder / "distances.csv")).max() < EXACT
    assert np.abs(result.tree.height - table(folder / "height.csv")).max() < EXACT
    assert result.tree.merge.tolist() == table(folder / "merge.csv").astype(int).tolist()
    assert (result.tree.order + 1).tolist() == table(folder / "order.csv").astype(int).tolist()


def test_the_same_as_rs_stored_result(result: published.Published) -> None:
    same_as_r(result, REFERENCE)
    assert result.anomalies == ["9028480017", "9028480014", "9028480008"]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R (r-base-core) is not installed")
def test_the_same_as_r_itself(tmp_path: Path) -> None:
    rng = np.random.default_rng(42)
    lines = ["IdInterneInstallation,NumInstallation,Ville,IdInterneMesure,LibelleLongMesure,DateEvenement,Valeur"]
    labels = ("BASE_VN_T.EXTER_T.REF_CORRIGE", "CIR1_VN_AMB_T.AMB_CORRIGE", "CIR1_AI_EAU_T.DEP_SONDE")
    for site in range(30):
        noise = rng.normal(0, 1 + site / 10, (90, 3)).cumsum(axis=0) * 0.3 + [5, 20, 40]
        for hour, triple in enumerate(noise):
            for column, value in enumerate(triple):
                if rng.random() < 0.97 and not (site % 11 == 4 and column == 1):
                    when = f"2016-12-{15 + hour // 24} {hour % 24:02}:30:00"
                    lines.append(f"1,{100 - site},LYON,2,{labels[column]},{when},{value}")
    path = tmp_path / "fleet.csv"
    path.write_text("\n".join(lines) + "\n")
    script = [str(REFERENCE / "published.R"), str(path), "2016-12-15", "2017-01-01", str(tmp_path)]
    subprocess.run(["Rscript", "--vanilla", *script], check=True, timeout=60)
    source = samples.open_source(path, Reading())
    same_as_r(published.analyse(samples.within(source.samples, None, None)), tmp_path)


def test_fewer_lags_where_the_series_is_shorter() -> None:
    assert published.partial_autocorrelation(np.random.default_rng(1).normal(size=(12, 3))).shape == (3, 11)


def test_a_constant_or_infinite_column_is_9_from_all() -> None:
    series = np.random.default_rng(1).normal(size=(80, 4))
    series[:, 1], series[7, 2] = 0.1, np.inf
    condensed = published.distances(published.partial_autocorrelation(series))
    assert (condensed[[0, 1, 3, 4, 5]] == 9).all()
    assert condensed[2] < 2


def test_two_living_installations_are_never_further_apart_than_2() -> None:
    rng = np.random.default_rng(5)
    series = np.column_stack([rng.normal(size=300), np.arange(300.0), np.cos(np.arange(300) * 3.1)])
    assert published.distances(published.partial_autocorrelation(series)).max() < 2


def sample(installation: str, signal: str, minute: int, value: float) -> tuple[str, str, int, float]:
    return installation, signal, minute * 60_000, value


def lazy(rows: list[tuple[str, str, int, float]]) -> pl.LazyFrame:
    frame = pl.DataFrame(rows, schema={**samples.SCHEMA, "time": pl.Int64}, orient="row")
    return frame.with_columns(pl.from_epoch("time", time_unit="ms").dt.replace_time_zone("UTC")).lazy()


def test_ratio_is_of_hourly_means_and_a_missing_part_gives_minus_1() -> None:
    rows = [sample("1", OUTDOOR_TEMPERATURE, m, v) for m, v in ((0, 4.0), (30, 6.0), (30, 6.0), (60, 5.0))]
    rows += [sample("1", ROOM_TEMPERATURE, 5, 20.0), sample("1", FLOW_TEMPERATURE, 5, 35.0)]
    rows += [sample("2", ROOM_TEMPERATURE, 190, 20.0)]
    labels, ratio = published.hourly_ratio(lazy(rows))
    assert labels == ["1", "2"]
    assert ratio.tolist() == [[0.5, -1], [-1, -1], [-1, -1]]  # hours nobody has are no rows: 0, 1 and 3


def test_a_source_too_small_is_told() -> None:
    with pytest.raises(BadSetup, match="at least 2"):
        published.analyse(lazy([sample("1", ROOM_TEMPERATURE, 5, 20.0)]))
