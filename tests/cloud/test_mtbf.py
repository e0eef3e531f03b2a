"""The command, from Parquet minutes, database and lake to JSON, rows and picture."""

import argparse
import csv
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from agent import replay
from agent.domain.errors import BadSetup
from agent.domain.reliability import EpisodeReliability
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, GRID_POWER, LOAD_POWER, PV_POWER
from agent.domain.twin import TwinMessage, encode_twin
from agent.domain.wire import Reliability
from cloud import mtbf
from cloud.clock import SystemClock
from cloud.lake.sealing import seal_closed_days
from cloud.lake.store import Lake
from cloud.lake.tables import EQUIPMENT, RELIABILITY, batches_of
from cloud.store.database import Database
from cloud.store.reader import SqlFleetReader
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import arrival, batch

DAY = 86_400_000
START = int(datetime(2017, 6, 1, tzinfo=UTC).timestamp() * 1000)
RECORDING = Path(__file__).parents[2] / "firmware_sim/recordings/seattle_powerwall/2022-04_2022-05_5min.csv.gz"
NAMES = (PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC)


def command(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    mtbf.add_arguments(parser)
    return mtbf.run(parser.parse_args([str(argument) for argument in arguments]))


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def home(device: str, days: int, failing: Sequence[tuple[int, int, int]], **equipment: str) -> pa.Table:
    """Days of sun from 09:00 to 15:00; `failing` is (day, first minute of the day, how many) with an idle battery."""
    minutes = np.arange(days * 1440)
    of_day = minutes % 1440
    sun = (of_day >= 540) & (of_day < 900)
    battery = np.where(sun, 1000.0, -200.0)
    for day, minute, count in failing:
        start = day * 1440 + minute
        battery[start : start + count] = -20.0
    columns: dict[str, Any] = {
        "device": [device] * len(minutes),
        "time": pa.array(START + minutes * 60_000, pa.timestamp("ms", tz="UTC")),
        PV_POWER: np.where(sun, 2000.0, 0.0),
        LOAD_POWER: np.full(len(minutes), 300.0),
        BATTERY_POWER: battery,
        BATTERY_SOC: np.full(len(minutes), 60.0),
    }
    table = pa.table(columns)
    for name, value in equipment.items():
        table = table.append_column(name, pa.array([value] * len(minutes)))
    return table


def half_year(device: str, often: int, **equipment: str) -> pa.Table:
    """`often` failures of forty minutes, spread over 30 days."""
    return home(device, 30, [(i * 30 // often, 600, 40) for i in range(often)] if often else [], **equipment)


def write(folder: Path, *tables: pa.Table) -> Path:
    for i, table in enumerate(tables):
        pq.write_table(table, folder / f"{i}.parquet", row_group_size=10_000)
    return folder


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    folder = tmp_path / "minutes"
    folder.mkdir()
    good = [half_year(f"good-{i}", i, inverter_model="X1") for i in range(4)]
    bad = [half_year(f"bad-{i}", 12 + i, inverter_model="Y9") for i in range(4)]
    return write(folder, *good, *bad, home("new", 1, [], inverter_model="X1"))


def test_a_cohort_of_one_home_is_not_called_homes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    homes = [half_year(f"home-{i}", 2, inverter_model=model) for i, model in enumerate(("X1", "X1", "Y9"))]
    assert command(write(tmp_path, *homes), "--by", "inverter_model") == 0
    told = capsys.readouterr().out
    assert "(1 home)" in told
    assert "(2 homes)" in told


def test_homes_and_cohorts_as_json_rows_and_picture(minutes: Path, tmp_path: Path) -> None:
    out, rows, png = tmp_path / "out.json", tmp_path / "out.csv", tmp_path / "out.png"
    options = ["--by", "inverter_model", "--compare", "Y9", "X1", "--json", out, "--csv", rows, "--png", png]
    assert command(minutes, *options) == 0
    found = document(out)
    ranking = found["ranking"]["battery_not_charging"]
    assert [entry["device"] for entry in ranking] == ["good-0", "good-1", "good-2", "good-3", "bad-0", *BAD, "new"]
    assert [entry["rank"] for entry in ranking] == [1, 2, 3, 4, 5, 6, 7, 8, None]
    one = found["homes"]["good-1"]["reliability"]["battery_not_charging"]["episodes"]
    assert (one["failures"], one["down_hours"]) == (1, pytest.approx(40 / 60))
    assert one["up_hours"] == pytest.approx(30 * 6 - 40 / 60)
    worst = found["cohorts"]["battery_not_charging"][-1]
    assert (worst["name"], worst["homes"], worst["failures"]) == ("Y9", 4, 54)
    assert worst["rate_to_rest"]["low"] > 2
    compared = found["comparison"]["battery_not_charging"]
    assert compared["low"] == worst["rate_to_rest"]["low"]
    assert compared["p_value"] < 0.001
    with rows.open() as file:
        table = list(csv.DictReader(file))
    assert [row["name"] for row in table if row["code"] == "battery_not_charging"][:3] == ["X1", "Y9", "good-0"]
    assert png.read_bytes().startswith(b"\x89PNG")
    assert png.stat().st_size > 20_000


BAD = ("bad-1", "bad-2", "bad-3")


def test_the_published_worked_example(tmp_path: Path) -> None:
    failing = {569: (0.115, -0.011, 0.732), 1035: (0.302, -0.099, 0.721)}
    failing |= {1042: (0.357, -1.579, 0.495), 1051: (0.329, -0.171, 0.364)}
    day = home("UTXb98803", 1, []).to_pydict()
    for minute in range(1440):
        load, battery, pv = failing.get(minute, (0.3, 0.2, 0.8))
        values = (pv, load, battery)
        for name, value in zip(NAMES, values, strict=False):
            day[name][minute] = value
    source = write(tmp_path, pa.table(day)) / "0.parquet"
    out = tmp_path / "out.json"
    assert command(source, "--published", "--kw", "--json", out) == 0
    found = document(out)["homes"]["UTXb98803"]["reliability"]
    assert found["battery_not_charging"]["published"] == {"minutes": 479, "failures": 4, "mtbf_minutes": 119.75}
    assert found["no_solar_production"]["published"] == {"minutes": 0, "failures": 0, "mtbf_minutes": 0.0}


def recorded(folder: Path) -> pa.Table:
    """Two real months; every fifth day from 18:00 to 20:00 UTC the battery gives 20 W instead of taking.

    What it does not take goes to the grid.
    """
    (folder / "raw.csv").write_bytes(gzip.decompress(RECORDING.read_bytes()))
    table = pacsv.read_csv(folder / "raw.csv")
    seconds = table.column("time").cast(pa.int64()).to_numpy()
    still = (seconds // 86_400 % 5 == 0) & (seconds % 86_400 // 3600 >= 18) & (seconds % 86_400 // 3600 < 20)
    battery, grid = (table.column(name).to_numpy() for name in (BATTERY_POWER, GRID_POWER))
    changed = {BATTERY_POWER: np.where(still, -20, battery), GRID_POWER: np.where(still, grid - 20 - battery, grid)}
    for name, values in changed.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table


@pytest.mark.parametrize("published", [False, True])
def test_a_recorded_home_shows_the_agents_own_figures(tmp_path: Path, published: bool) -> None:
    (tmp_path / "site.toml").write_text("[site]\ntimezone = 'US/Pacific'\nlatitude = 47.6\nlongitude = -122.3\n")
    (tmp_path / "homes.csv").write_text("device,latitude,longitude,timezone\nseattle,47.6,-122.3,US/Pacific\n")
    table = recorded(tmp_path)
    pacsv.write_csv(table, tmp_path / "home.csv")
    pq.write_table(
        table.append_column("device", pa.array(["seattle"] * len(table))),
        tmp_path / "home.parquet",
        row_group_size=5000,
    )
    mode = ["--published"] if published else []
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    theirs = [tmp_path / "home.csv", "--site", tmp_path / "site.toml", "--json", tmp_path / "theirs.json", *mode]
    assert replay.run(parser.parse_args([str(argument) for argument in theirs])) == 0
    ours = [tmp_path / "home.parquet", "--equipment", tmp_path / "homes.csv", "--json", tmp_path / "ours.json", *mode]
    assert command(*ours) == 0
    expected = document(tmp_path / "theirs.json")["reliability"]
    found = document(tmp_path / "ours.json")["homes"]["seattle"]["reliability"]
    part = "published" if published else "episodes"
    for code in ("battery_not_charging", "no_solar_production"):
        if published:
            assert expected[code][part].items() <= found[code][part].items()
        else:
            # The device knows what the recording's two columns do not tell: what silences a rule for some minutes.
            assert expected[code][part]["failures"] == found[code][part]["failures"]
            # It also judges panels under a sun lower than 15° once they have given power under it.
            ratio = expected[code][part]["up_hours"] / found[code][part]["up_hours"]
            assert abs(ratio - 1.0) < 0.005 if code == "battery_not_charging" else 1.0 < ratio < 1.2
    assert expected["battery_not_charging"][part]["failures"] > 5


def test_a_home_that_changed_its_firmware_counts_for_both(tmp_path: Path) -> None:
    folder = tmp_path / "minutes"
    folder.mkdir()
    for i in range(3):
        whole = home(f"h{i}", 20, [(day, 600, 30) for day in range(10, 20)])
        firmware = pa.array(["1.0"] * 14_400 + ["1.1"] * 14_400)
        pq.write_table(whole.append_column("firmware", firmware), folder / f"{i}.parquet", row_group_size=9_000)
    out = tmp_path / "out.json"
    assert command(folder, "--by", "firmware", "--split", "2017-06-11", "--json", out) == 0
    found = document(out)
    cohorts = {entry["name"]: entry for entry in found["cohorts"]["battery_not_charging"]}
    assert {name: entry["failures"] for name, entry in cohorts.items()} == {"1.0": 0, "1.1": 30}
    assert found["homes"]["h0"]["reliability"]["battery_not_charging"]["episodes"]["failures"] == 10
    fleet = found["fleet"]["battery_not_charging"]
    assert fleet["trend"]["verdict"] == "worse"
    assert fleet["change"]["rate_ratio"]["low"] > 5
    assert fleet["change"]["before"]["failures"] == 0
    assert fleet["change"]["after"]["failures"] == 30


def test_a_table_of_equipment_and_ages(minutes: Path, tmp_path: Path) -> None:
    lines = ["device,installer,commissioned", "good-0,Ann,2017-01-01", "bad-0,Bob,2013-01-01"]
    (minutes / "equipment.csv").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out.json"
    command(minutes, "--by", "age", "--json", out)
    names = [entry["name"] for entry in document(out)["cohorts"]["battery_not_charging"]]
    assert sorted(names) == ["2 to 5 years", "under 1 year", "unknown"]
    command(minutes, "--by", "installer", "--published", "--json", out)
    pooled = {entry["name"]: entry for entry in document(out)["cohorts"]["battery_not_charging"]}
    assert pooled["Bob"]["failures"] == 12 * 40


def test_threads_and_files_do_not_matter(minutes: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    tables = [pq.read_table(path) for path in sorted(minutes.glob("*.parquet"))]
    rng = np.random.default_rng(1)
    shuffled = pa.concat_tables(tables)
    pq.write_table(shuffled.take(pa.array(rng.permutation(len(shuffled)))), whole, row_group_size=77_777)
    for mode in ([], ["--published"]):
        outs = []
        for i, source in enumerate((minutes, whole)):
            out = tmp_path / f"{i}.json"
            command(source, "--workers", 1 + i, "--by", "inverter_model", "--json", out, *mode)
            outs.append({**document(out), "source": ""})
        assert outs[0] == outs[1]


def lake_of(folder: Path) -> Path:
    """Two homes' own sums over ten days; one started anew on the sixth."""
    lake = Lake(str(folder))
    for i in range(10):
        day = date(2017, 6, 1) + timedelta(days=i)
        rows = []
        for device, failures, hours in (
            ("a", i, 6 * i),
            ("b", 2 * i if i < 5 else 2 * (i - 5), 6 * (i if i < 5 else i - 5)),
        ):
            sums = {"failures": failures, "repairs": failures, "up_ms": hours * 3_600_000, "down_ms": 0}
            rows.append({"device": device, "code": "no_heat", "time": START + i * DAY + 3_600_000, **sums})
        lake.seal(RELIABILITY, day, batches_of(RELIABILITY, rows))
    things = [{"device": d, "name": "firmware", "time": START, "value": v} for d, v in (("a", "1"), ("b", "2"))]
    lake.seal(EQUIPMENT, date(2017, 6, 1), batches_of(EQUIPMENT, things))
    return folder


def test_the_lake_tells_the_same_for_a_period(tmp_path: Path) -> None:
    source, out = lake_of(tmp_path / "lake"), tmp_path / "out.json"
    command(source, "--by", "firmware", "--json", out)
    homes = document(out)["homes"]
    own = {name: values["reliability"]["no_heat"]["episodes"] for name, values in homes.items()}
    assert (own["a"]["failures"], own["a"]["up_hours"]) == (9, 54)
    assert (own["b"]["failures"], own["b"]["up_hours"]) == (8 + 8, 24 + 24)
    command(source, "--from", "2017-06-03", "--to", "2017-06-06", "--json", out)
    own = document(out)["homes"]["a"]["reliability"]["no_heat"]["episodes"]
    assert (own["failures"], own["up_hours"]) == (3, 18)


def test_the_fleets_database_and_the_lake_sealed_from_it_agree(tmp_path: Path) -> None:
    path = tmp_path / "fleet.db"
    with Database(f"sqlite:///{path}", SystemClock()) as database:
        writer = SqlFleetWriter(database)
        for i, (model, failures) in enumerate((("X1", 2), ("X1", 4), ("Y9", 9))):
            sums = EpisodeReliability(failures, failures, 500 * 3_600_000, failures * 3_600_000).state()
            state = Reliability(START, "no_heat", sums)
            writer.apply([arrival(batch(1, [state], device=f"home-{i}"), device=f"home-{i}")])
            doc = {"sources": {"inverter": {"equipment": {"model": model}}}}
            writer.reports([arrival(encode_twin(TwinMessage(1, doc=doc)), device=f"home-{i}", received_ms=START)])
        lake = Lake(str(tmp_path / "lake"))
        seal_closed_days(SqlFleetReader(database, SystemClock()), lake, START + DAY)
    found = []
    for source in (path, f"sqlite:///{path}", tmp_path / "lake"):
        assert command(source, "--by", "inverter_model", "--json", tmp_path / "out.json") == 0
        found.append({**document(tmp_path / "out.json"), "source": ""})
    assert found[0] == found[1] == found[2]
    cohorts = {entry["name"]: entry["failures"] for entry in found[0]["cohorts"]["no_heat"]}
    assert cohorts == {"X1": 6, "Y9": 9}
    assert found[0]["homes"]["home-2"]["reliability"]["no_heat"]["episodes"]["mttr_hours"] == 1.0
    with pytest.raises(BadSetup, match="needs minutes in Parquet"):
        command(path, "--published")
    with pytest.raises(BadSetup, match="a period needs the lake"):
        command(path, "--from", "2017-06-01")


def test_a_period_without_data_says_so(minutes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, png = tmp_path / "out.json", tmp_path / "out.png"
    assert command(minutes, "--from", "2019-01-01", "--json", out, "--png", png) == 0
    assert document(out)["ranking"] == {}
    assert document(out)["homes"] == {}
    assert "no home was watched" in capsys.readouterr().out
    assert png.stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "colour"], "no home has 'colour'; known: inverter_model"),
        (["--compare", "X1", "Y9"], "--compare: needs --by"),
        (["--by", "inverter_model", "--compare", "X1", "Z0"], "no home has inverter_model 'Z0'; known: X1, Y9"),
        (["--from", "2017-06-02", "--to", "2017-06-01"], "the period is empty"),
        (["--timezone", "Mars/Olympus"], "'Mars/Olympus' is not a time zone"),
        (["--equipment", "/nowhere.csv"], "/nowhere.csv: cannot be read"),
        (["--json", "/nowhere/out.json"], "/nowhere/out.json: cannot be written"),
        (["--png", "."], r"--png: \.: expected a file that ends in \.png"),
        (["--png", "out.foo"], r"--png: out\.foo: expected a file that ends in \.png"),
        (["--published", "--max-gap", "60"], "--max-gap: the published figure knows no gaps"),
        (["--published", "--split", "2017-06-02"], "--split: the published figure"),
        (["--master", "local"], "--master: needs --engine spark"),
        (["--engine", "spark", "--workers", "2"], "--workers: is for the local engine"),
    ],
)
def test_what_is_wrong_is_named(minutes: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(BadSetup, match=said):
        command(minutes, *arguments)


def test_what_is_wrong_with_the_source_is_named(tmp_path: Path, minutes: Path) -> None:
    with pytest.raises(BadSetup, match="no such file or folder"):
        command(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadSetup, match="no Parquet file in it"):
        command(tmp_path / "empty")
    (tmp_path / "text.parquet").write_text("not Parquet")
    with pytest.raises(BadSetup, match="not a readable Parquet file"):
        command(tmp_path / "text.parquet")
    narrow = pq.read_table(minutes / "0.parquet").drop_columns(str(LOAD_POWER))
    pq.write_table(narrow, tmp_path / "narrow.parquet")
    with pytest.raises(BadSetup, match="column 'load_power' is missing"):
        command(tmp_path / "narrow.parquet")
    with pytest.raises(BadSetup, match="no such database"):
        command(tmp_path / "fleet.db")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-gap", "-5"), ("--max-gap", "0"), ("--max-gap", "nan"), ("--workers", "0"), ("--workers", "-3")],
)
def test_a_number_that_cannot_be_is_no_figure(
    minutes: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        command(minutes, f"{option}={value}")
    assert left.value.code == 2
    assert f"{option}: {value!r}: expected" in capsys.readouterr().err


@pytest.mark.parametrize("words", ["--timezone Foo", "--timezone Europe/Berlin", "--max-gap 60", "--kw"])
def test_how_minutes_are_read_is_not_asked_of_episodes(tmp_path: Path, words: str) -> None:
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", SystemClock()):
        pass
    lake = lake_of(tmp_path / "lake")
    for source in (tmp_path / "fleet.db", lake):
        with pytest.raises(BadSetup, match=f"{words.split()[0]}: .* holds episodes"):
            command(source, *words.split())
    for more in (["--workers", "2"], ["--engine", "spark"]):
        with pytest.raises(BadSetup, match=f"{more[0]}: .*fleet.db"):
            command(tmp_path / "fleet.db", *more)
    assert command(lake, "--workers", "2") == 0


def test_a_time_that_is_text_is_named_with_its_file(minutes: Path, tmp_path: Path) -> None:
    table = pq.read_table(minutes / "0.parquet")
    text = table.set_column(1, "time", table.column("time").cast(pa.string()))
    pq.write_table(text, tmp_path / "text.parquet")
    with pytest.raises(BadSetup, match=r"text\.parquet, column 'time': type string; expected a timestamp"):
        command(tmp_path / "text.parquet")
