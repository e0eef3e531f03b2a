from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import BATTERY_SOC, PV_POWER, ROOM_TEMPERATURE
from cloud.fleet import cube, samples
from cloud.fleet.daily import HEATING
from cloud.fleet.power_daily import POWER
from tests.helpers import heating_fleet, power_fleet


@pytest.mark.parametrize("step_min", [15, 60])
def test_a_fleet_comes_back_from_frame_and_from_files_in_any_order(step_min: int, tmp_path: Path) -> None:
    fleet = heating_fleet.make(9, 1, days=3, step_min=step_min)
    frame = fleet.frame()
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1)
    shuffled[:900].write_parquet(tmp_path / "a.parquet")
    shuffled[900:].write_parquet(tmp_path / "b.parquet")
    expected = fleet.values.reshape(9, 3, 3, -1)
    for found in (cube.from_frame(frame.lazy(), HEATING), cube.from_parquet(tmp_path, HEATING, None, None)):
        assert (found.installations, found.step_min, found.start_ms) == (fleet.names, step_min, fleet.start_ms)
        assert np.allclose(found.values, expected, atol=1e-4, equal_nan=True)


def test_a_wide_file_reads_like_a_long_one(tmp_path: Path) -> None:
    fleet = power_fleet.make(6, 1, days=2)
    fleet.frame().write_parquet(tmp_path / "wide.parquet")
    found = cube.from_parquet(tmp_path / "wide.parquet", POWER, None, None)
    assert np.allclose(found.values, fleet.values.reshape(6, 4, 2, 96), atol=0.01, equal_nan=True)
    only = cube.from_parquet(tmp_path / "wide.parquet", (BATTERY_SOC, PV_POWER), None, None)
    assert np.array_equal(only.values[:, 1], found.values[:, 0], equal_nan=True)


def test_a_period_cuts_to_whole_days(tmp_path: Path) -> None:
    fleet = heating_fleet.make(4, 1, days=5)
    fleet.frame().write_parquet(tmp_path / "x.parquet")
    start = fleet.start_ms + cube.DAY_MS
    found = cube.from_parquet(tmp_path, HEATING, start, start + 2 * cube.DAY_MS)
    assert (found.start_ms, found.days) == (start, 2)


def test_several_values_in_a_slot_are_averaged() -> None:
    times = [60_000, *(hour * 3_600_000 for hour in range(60))]
    values = [3.0, *(float(hour) for hour in range(60))]
    rows = pl.DataFrame({"installation": "x", "signal": str(ROOM_TEMPERATURE), "time": times, "value": values})
    frame = rows.with_columns(pl.from_epoch("time", time_unit="ms").dt.replace_time_zone("UTC")).lazy()
    found = cube.from_frame(frame, (ROOM_TEMPERATURE,)).values[0, 0].ravel()
    assert found[:60].tolist() == [1.5, *range(1, 60)]
    assert np.isnan(found[60:]).all()


def test_what_is_no_fleet_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="no Parquet file"):
        cube.from_parquet(tmp_path, HEATING, None, None)
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(BadSetup, match="has columns a; expected installation, time"):
        cube.from_parquet(tmp_path, HEATING, None, None)
    heating_fleet.make(2, 1, days=1).frame().write_parquet(tmp_path / "x.parquet")
    with pytest.raises(BadSetup, match="no sample"):
        cube.from_parquet(tmp_path, HEATING, 10**13, None)


def test_the_last_days_of_the_lake(tmp_path: Path) -> None:
    fleet = heating_fleet.make(4, 1, days=5)
    rows = fleet.frame().select(
        device="installation", signal="signal", time="time", window_s=3600, mean="value", n=4, bad=0
    )
    for (day,), part in rows.group_by(pl.col("time").dt.strftime("%Y-%m-%d")):
        folder = tmp_path / "kind=summaries" / f"date={day}"
        folder.mkdir(parents=True)
        part.write_parquet(folder / "part-0.parquet")
    solar = rows.head(3).with_columns(device=pl.lit("solar home"), signal=pl.lit(str(PV_POWER)))
    solar.write_parquet(tmp_path / "kind=summaries" / "date=2016-12-15" / "part-1.parquet")
    (tmp_path / "kind=faults" / "date=2016-12-15").mkdir(parents=True)
    pl.DataFrame({"device": ["x"]}).write_parquet(tmp_path / "kind=faults" / "date=2016-12-15" / "part-0.parquet")
    found = cube.from_parquet(tmp_path, HEATING, None, None, last_days=2)
    assert (found.installations, found.days) == (fleet.names, 2)
    assert np.allclose(found.values, fleet.values.reshape(4, 3, 5, 24)[:, :, 3:], atol=1e-4, equal_nan=True)
    again = cube.from_frame(samples.scan(tmp_path), HEATING, last_days=2)
    assert np.array_equal(again.values, found.values, equal_nan=True)
