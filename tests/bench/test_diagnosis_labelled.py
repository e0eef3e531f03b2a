"""Labelled recordings: rows are counted right, and each reader finds the labels in its files."""

from pathlib import Path

import numpy as np
import pandas as pd

from bench.diagnosis_labelled import RULES, Judged, air_handlers, hydraulics, inverter, judged, labelled, labelled_table
from bench.diagnosis_labelled import substations as logs
from bench.diagnosis_recordings_heat import SUBSTATIONS
from bench.score import DETECTORS
from bench.score_rigs import TRAIN


def test_rows_are_counted_and_told() -> None:
    label, alarm = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0]) > 0, np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0]) > 0
    each = judged("rig", "leak", "score", label, alarm)
    assert each == Judged("rig", "leak", "score", 4, 3, 6, 1)
    assert each.f1 == 2 * 3 / (2 * 3 + 1 + 1)
    assert Judged("rig", "leak", "score", 0, 0, 6, 0).f1 is None
    assert labelled_table([each]).splitlines()[-1] == "| rig | leak | score | 4 | 75 % | 6 | 17 % | 0.75 |"
    assert "`--data`" in labelled_table([])


def test_an_inverter_whose_values_stand(tmp_path: Path) -> None:
    at = pd.date_range("2010-12-29", periods=96 * 14, freq="15min", tz="UTC")
    sun = np.clip(np.sin((np.arange(len(at)) % 96 - 24) / 48 * np.pi), 0, None)
    values = sun * (0.6 + 0.1 * np.random.default_rng(3).random(len(at)))
    mask = np.zeros(len(at), dtype=bool)
    mask[10 * 96 + 40 : 11 * 96 + 60] = True
    values[mask] = values[10 * 96 + 40]
    folder = tmp_path / "labelled_pv_pvanalytics"
    folder.mkdir()
    for kind, name in (("stale", "stale_data_mask"), ("interpolated", "interpolated_data_mask")):
        frame = pd.DataFrame({"timestamp": at, "value_normalized": values, name: mask})
        frame.to_csv(folder / f"ac_power_inv_2173_{kind}_data.csv.gz", index=False)
    stands, *others = inverter(tmp_path)
    assert (stands.judge, stands.faulty, stands.false) == (RULES, int(mask.sum()), 0)
    assert stands.found > 0.9 * stands.faulty
    assert [each.judge for each in others] == ["score", "EWMA z", "score", "EWMA z"]


def test_air_handlers_learn_from_a_healthy_day_and_work_by_day(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    at = pd.date_range("2017-03-11", periods=3 * 1440, freq="1min")
    occupied = (at.hour >= 6) & (at.hour < 18)
    truth = (at.day == 11).astype(int)
    values = draw.normal(0, 1, (len(at), 3)) + np.where(truth[:, None] > 0, 40.0, 20.0)
    frame = pd.DataFrame({"Datetime": at, "a": values[:, 0], "b": values[:, 1], "c": values[:, 2], "still": 1.0})
    frame["Occupancy Mode Indicator"] = occupied.astype(float)
    frame["Fault Detection Ground Truth"] = truth
    folder = tmp_path / "labelled_ahu_lbnl_1min"
    folder.mkdir()
    frame.to_parquet(folder / "SZ.parquet")
    told = {each.judge: each for each in air_handlers(tmp_path)}
    assert list(told) == list(DETECTORS)
    for each in told.values():
        assert (each.faulty, each.good) == (720, 2 * 720 - TRAIN)
        assert each.found > 0.15 * each.faulty
        assert each.false < 0.25 * each.good
    assert [each.recording for each in labelled(tmp_path)] == ["air handler SZ, 1 min"] * len(DETECTORS)


def test_the_rig_is_healthy_first(tmp_path: Path) -> None:
    folder = tmp_path / "labelled_hydraulic_uci"
    folder.mkdir()
    profile = np.array([[3, 100, 0, 130, 1]] * 5 + [[100, 100, 0, 130, 0]] * 10)
    pd.DataFrame(profile).to_csv(folder / "profile.txt.gz", sep="\t", header=False, index=False)
    draw = np.random.default_rng(2)
    for name, cold in (("TS1", 0.0), ("TS2", 30.0)):
        cycles = draw.normal(50, 1, (15, 60))
        cycles[:5] += cold
        pd.DataFrame(cycles).to_csv(folder / f"{name}.txt.gz", sep="\t", header=False, index=False)
    for each in hydraulics(tmp_path):
        assert (each.faulty, each.good) == (300, 600 - TRAIN)
        assert each.found > 200, "it jumps by thirty deviations"


def test_marks_in_the_logs_and_what_lies_beside_them(tmp_path: Path) -> None:
    at = pd.date_range("2022-01-01", periods=24 * 40, freq="1h")
    air = 5 + 3 * np.sin(np.arange(len(at)) / 4)
    flow = 45 + np.random.default_rng(5).normal(0, 2, len(at))
    flow[24 * 20 : 24 * 22] = -39.9
    folder = tmp_path / SUBSTATIONS
    folder.mkdir()
    frame = pd.DataFrame({"datetime": at, "t_amb": air, "t_sup_sec": flow, "t_ret_sec": flow - 6})
    frame.to_parquet(folder / "L4_scada_2019_2024.parquet")
    marks = "installation,signal,kind,start,end,rows\n"
    marks += f"L4,t_sup_sec,open_sensor,{at[24 * 20]},{at[24 * 22 - 1]},48\nL9,all,all_zero,{at[0]},{at[9]},9\n"
    (folder / "natural_sensor_faults.csv").write_text(marks)
    (sensor,) = logs(tmp_path)
    assert (sensor.judge, sensor.faulty, sensor.good) == (RULES, 48, 24 * 40 - 48)
    assert sensor.found == 48
    assert sensor.false <= 3
