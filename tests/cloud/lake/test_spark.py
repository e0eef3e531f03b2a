"""Spark gives what threads give, to the last digit."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER
from cloud.fleet.equipment_attributes import AttributesJob, SplitJob
from cloud.fleet.equipment_episodes import EpisodeJob
from cloud.fleet.equipment_minutes import Zones
from cloud.fleet.equipment_published import PublishedJob
from cloud.lake.jobs import Job, open_source, run_local
from cloud.lake.spark import SparkEngine

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="PySpark is not installed: extra `spark`"),
    pytest.mark.skipif(
        shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="no Java: default-jre-headless"
    ),
]


@pytest.fixture(scope="module")
def engine() -> Iterator[SparkEngine]:
    with SparkEngine("local[2]") as session:
        yield session


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five homes over nine days in three files, cut across homes and days, with gaps and missing values."""
    rng, folder = np.random.default_rng(6), tmp_path_factory.mktemp("minutes")
    tables = []
    for i in range(5):
        size = 9 * 1440
        of_day = np.arange(size) % 1440
        pv = np.where((of_day > 400) & (of_day < 1100), 3000 * rng.random(size).round(3), 0.0)
        battery = np.where(rng.random(size) < 0.5, -20.0, 900.0)
        for start in rng.integers(0, size, 20):
            battery[start : start + 50] = -20.0
            pv[start : start + int(rng.integers(1, 300))] = rng.choice([0.0, np.nan])
        soc = rng.choice([40.0, 96.0, 100.0, np.nan], size)
        columns = {PV_POWER: pv, LOAD_POWER: 500 * rng.random(size), BATTERY_POWER: battery, BATTERY_SOC: soc}
        times = pa.array(1_490_000_000_000 + np.arange(size) * 60_000, pa.timestamp("ms", tz="UTC"))
        firmware = np.where(np.arange(size) < 5000 * i, "1", "2")
        own = pa.table({"device": [f"h{i}"] * size, "time": times, **columns, "firmware": firmware})
        tables.append(own.filter(pa.array(rng.random(size) < 0.97)))
    whole = pa.concat_tables(tables)
    for i, cut in enumerate(np.array_split(rng.permutation(len(whole)), 3)):
        pq.write_table(whole.take(pa.array(np.sort(cut))), folder / f"{i}.parquet", row_group_size=7_000)
    return folder


@pytest.mark.parametrize(
    "job",
    [
        PublishedJob(Zones("Europe/Berlin")),
        EpisodeJob(Zones("Europe/Berlin"), places={"h0": (48.1, 11.6)}),
        SplitJob(EpisodeJob(Zones()), "firmware"),
        AttributesJob(("firmware",)),
    ],
    ids=lambda job: type(job).__name__,
)
def test_equals_the_local_engine(engine: SparkEngine, minutes: Path, job: Job) -> None:
    source = open_source(str(minutes), ("device", *job.columns))
    here, there = run_local(job, source), engine.run(job, source)
    assert there.num_rows >= 5
    assert there.equals(here)
