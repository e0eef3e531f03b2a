"""Jobs in threads give the cube and the daily numbers that reading here gives, to the last digit; so does Spark."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agent.domain.errors import BadSetup
from cloud import analyse
from cloud.analyse_engine import Engine, Period
from cloud.fleet import climate, cube, daily, holding
from cloud.fleet.daily import HEATING, OUT
from cloud.fleet.power_daily import POWER
from cloud.lake.jobs import run_local
from cloud.lake.spark import SparkEngine
from tests.helpers import heating_fleet_fourth, heating_fleet_third, power_fleet

DAY = cube.DAY_MS


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 installations in three files, rows in any order, several samples in a slot, one that left before the end."""
    made = heating_fleet_third.make(40, 2, days=8, step_min=15, share=0.1)
    frame = made.frame().with_columns(pl.col("time").dt.offset_by("0s"))
    again = frame.sample(2000, seed=1).with_columns(time=pl.col("time").dt.offset_by("3m"), value=pl.col("value") + 0.7)
    late = made.start_ms + 2 * DAY
    gone = (pl.col("installation") == made.names[3]) & (pl.col("time").dt.epoch("ms") >= late)
    whole = pl.concat([frame, again]).filter(~gone).sample(fraction=1.0, shuffle=True, seed=2)
    folder = tmp_path_factory.mktemp("fleet") / "samples"
    folder.mkdir()
    for i in range(3):
        whole[i::3].write_parquet(folder / f"{i}.parquet", row_group_size=9_000)
    return folder.parent


@pytest.mark.parametrize(
    "period", [Period(None, None, None), Period(1_484_784_000_000, None, None), Period(None, None, 3)]
)
def test_threads_give_the_same_cube_and_daily_numbers(fleet: Path, period: Period) -> None:
    engine = Engine(fleet, HEATING, run_local)
    here = cube.from_parquet(fleet, HEATING, period.start_ms, period.end_ms, period.last_days)
    there = engine.block(period)
    assert (there.installations, there.start_ms, there.step_min) == (here.installations, here.start_ms, here.step_min)
    np.testing.assert_array_equal(there.values, here.values)
    climates = climate.learn(here.values[:, OUT], [""] * len(here.installations))
    one, other = engine.daily(there, climates), daily.of_fleet(here.values, climates)
    for each in fields(daily.Daily):
        np.testing.assert_array_equal(getattr(one, each.name), getattr(other, each.name), each.name)


def test_values_that_come_on_change_hold_there_too(tmp_path: Path) -> None:
    made = heating_fleet_fourth.make(30, 4, days=6, reporting="on change")
    made.frame().write_parquet(tmp_path / "changes.parquet", row_group_size=9_000)
    engine = Engine(tmp_path, HEATING, run_local)
    there = holding.held(holding.learn(engine.block(Period(None, None, None))))
    assert there.hold is not None
    assert there.hold.any()
    climates = climate.learn(there.values[:, OUT], made.cities)
    one, other = engine.daily(there, climates), daily.of_fleet(there.values, climates)
    for each in fields(daily.Daily):
        np.testing.assert_array_equal(getattr(one, each.name), getattr(other, each.name), each.name)


def test_wide_files_of_homes(tmp_path: Path) -> None:
    power_fleet.make(12, 3, days=4).frame().write_parquet(tmp_path / "homes.parquet", row_group_size=1000)
    here = cube.from_parquet(tmp_path, POWER, None, None)
    there = Engine(tmp_path, POWER, run_local).block(Period(None, None, None))
    assert there.installations == here.installations
    np.testing.assert_array_equal(there.values, here.values)


def test_what_is_no_fleet_is_told(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(BadSetup, match="expected installation, time"):
        Engine(tmp_path, HEATING, run_local).block(Period(None, None, None))
    with pytest.raises(BadSetup, match="expected Parquet files"):
        run("heating", str(tmp_path / "fleet.csv"), "--engine", "spark", "--out", str(tmp_path))


def run(*words: str) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    analyse.add_arguments(parser)
    return analyse.run(parser.parse_args(words))


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkEngine]:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed: extra `spark`")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("no Java: default-jre-headless")
    with SparkEngine("local[2]") as engine:
        yield engine


@pytest.mark.journey
@pytest.mark.parametrize("subject", ["heating", "power"])
def test_spark_writes_the_same_files(subject: str, fleet: Path, tmp_path: Path, spark: SparkEngine) -> None:
    source = fleet
    if subject == "power":
        source = tmp_path / "homes.parquet"
        power_fleet.make(60, 3, days=7).frame().write_parquet(source, row_group_size=9_000)
    for engine in ("local", "spark"):
        assert run(subject, str(source), "--engine", engine, "--out", str(tmp_path / engine)) == 0
    for name in ("findings.csv", "clusters.csv", "report.html", "state.json"):
        assert (tmp_path / "spark" / name).read_bytes() == (tmp_path / "local" / name).read_bytes(), name
