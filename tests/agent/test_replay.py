"""`emberwatt-agent replay`: the published example to the digit, and what a person sees."""

import argparse
import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent import replay
from agent.domain.errors import BadInput, BadSetup

EXAMPLE = {
    "09:29": (0.115, -0.011, 0.732),
    "17:15": (0.302, -0.099, 0.721),
    "17:22": (0.357, -1.579, 0.495),
    "17:31": (0.329, -0.171, 0.364),
}
HEAD = "time,pcons,pbatt,pdc,soc\n"


def example_rows() -> str:
    return HEAD + "".join(
        f"2017-06-04T{at}:00Z,{load},{battery},{pv},55\n" for at, (load, battery, pv) in EXAMPLE.items()
    )


def example_day() -> str:
    """The whole day by the minute: four failing minutes, else charging by day and no surplus by night."""
    lines = [HEAD]
    for minute in range(24 * 60):
        at = f"{minute // 60:02}:{minute % 60:02}"
        by_day = 8 <= minute // 60 < 19
        load, battery, pv = EXAMPLE.get(at, (0.3, 0.2, 0.9) if by_day else (0.3, -0.3, 0.0))
        lines.append(f"2017-06-04T{at}:00Z,{load},{battery},{pv},55\n")
    return "".join(lines)


def run(tmp_path: Path, text: str, *arguments: str, site: str | None = None) -> dict[str, Any]:
    """What the command writes as JSON."""
    out = tmp_path / "out.json"
    assert replay.run(parsed(tmp_path, text, "--json", str(out), *arguments, site=site)) == 0
    result: dict[str, Any] = json.loads(out.read_text())
    return result


def parsed(tmp_path: Path, text: str, *arguments: str, site: str | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    replay.add_arguments(parser)
    path = tmp_path / "day.csv"
    path.write_text(text)
    more: list[str] = []
    if site is not None:
        (tmp_path / "site.toml").write_text(site)
        more = ["--site", str(tmp_path / "site.toml")]
    return parser.parse_args([str(path), *arguments, *more])


@pytest.mark.parametrize("text", [example_rows(), example_day()], ids=["four rows", "the whole day"])
def test_the_published_example(tmp_path: Path, text: str) -> None:
    result = run(tmp_path, text, "--published", "--columns", "published")
    battery = result["reliability"]["battery_not_charging"]
    assert battery["published"] == {"minutes": 479, "failures": 4, "mtbf_minutes": 119.75}
    assert result["reliability"]["no_solar_production"]["published"]["mtbf_minutes"] == 0.0
    assert battery["episodes"]["failures"] == 4
    assert [(fault["code"], fault["start"], fault["end"]) for fault in result["faults"]] == [
        ("battery_not_charging", "2017-06-04T09:29:00Z", "2017-06-04T09:30:00Z"),
        ("battery_not_charging", "2017-06-04T17:15:00Z", "2017-06-04T17:16:00Z"),
        ("battery_not_charging", "2017-06-04T17:22:00Z", "2017-06-04T17:23:00Z"),
        ("battery_not_charging", "2017-06-04T17:31:00Z", "2017-06-04T17:32:00Z"),
    ]
    assert result["rows"] == len(text.splitlines()) - 1
    assert result["faults"][2]["evidence"]["battery_power"] == -1579.0


def test_the_default_rules_see_no_fault_in_four_single_minutes_but_tell_the_published_figure(tmp_path: Path) -> None:
    result = run(tmp_path, example_day(), "--columns", "published")
    assert result["faults"] == []
    battery = result["reliability"]["battery_not_charging"]
    assert battery["published"] == {"minutes": 479, "failures": 4, "mtbf_minutes": 119.75}
    assert battery["episodes"]["failures"] == 0
    assert "mtbf_hours" not in battery["episodes"]
    assert battery["episodes"]["mtbf_low_hours"] > 3
    assert result["not_evaluated"]["low_water_pressure"] == ["water_pressure"]


KILOWATTS = """
[site]
name = "Home"
timezone = "Europe/Berlin"
[replay.columns]
"Load kW" = "load_power*1000"
"Battery kW" = "battery_power * 1000"
"PV kW" = "pv_power*1e3"
"SoC" = "battery_soc"
"""


def test_a_site_file_names_the_columns_and_the_zone(tmp_path: Path) -> None:
    text = "time,Load kW,Battery kW,PV kW,SoC,weather\n2017-06-04 12:00,0.1,-0.5,0.0,50,fair\n"
    result = run(tmp_path, text, "--published", site=KILOWATTS)
    assert result["from"] == "2017-06-04T10:00:00Z"
    assert result["ignored_columns"] == ["weather"]
    assert result["reliability"]["no_solar_production"]["published"]["failures"] == 1


def test_columns_can_be_named_on_the_command_line(tmp_path: Path) -> None:
    text = "time,Pumpe,bar\n1000000000,1,1.2\n"
    result = run(tmp_path, text, "--map", "bar=water_pressure", "--map", "Pumpe=pump_on")
    assert list(result["reliability"]) == ["low_water_pressure"]
    assert result["ignored_columns"] == []


def hours(step_min: float, count: int, values: str) -> str:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    rows = (f"{(start + timedelta(minutes=step_min * i)).isoformat()},{values}\n" for i in range(count))
    return "time,water_pressure\n" + "".join(rows)


def test_a_fault_that_lasts_has_no_end(tmp_path: Path) -> None:
    (fault,) = run(tmp_path, hours(1, 61, "0.4"))["faults"]
    assert (fault["code"], fault["end"], fault["failing_minutes"]) == ("low_water_pressure", None, 60.0)
    assert fault["start"] == "2024-01-01T00:00:00Z"


def test_an_hourly_recording_is_not_one_gap(tmp_path: Path) -> None:
    result = run(tmp_path, hours(60, 25, "1.4"))
    assert result["max_gap_s"] == 5400
    assert result["reliability"]["low_water_pressure"]["episodes"]["exposure_hours"] == 24.0
    told = run(tmp_path, hours(60, 25, "1.4"), site="[diagnosis]\nmax_gap_s = 900\n")
    assert told["reliability"]["low_water_pressure"]["episodes"]["exposure_hours"] == 0.0


@pytest.mark.parametrize(
    ("text", "arguments", "problem"),
    [
        ("time,pcons,pbatt,pdc\n", ["--published", "--columns", "published"], "no column 'soc'"),
        ("time,pv_power,load_power,battery_power\n0,1,1,1\n", ["--published"], "no column for battery_soc"),
        ("time,dhw_temperature\n0,20\n", [], "no rule can be evaluated: sign_or_scale_error lacks"),
        ("time,pv_power\n0,1\n", ["--map", "pv_power"], "expected COLUMN=SIGNAL or COLUMN=SIGNAL*FACTOR"),
        ("time,pv\n0,1\n", ["--map", "pv=pv_power*kW"], "got factor 'kW', expected a number"),
        ("time,pv\n0,1\n", ["--map", "pv=pv_powr"], "did you mean pv_power"),
        ("time,pv\n0,1\n", ["--map", "pw=pv_power"], "no column 'pw'"),
        ("time,pv_power\n0,1\n", ["--json", "/nowhere/out.json"], "cannot be written"),
        ("time,pv_power\n0,1\n", ["--site", "/nowhere/site.toml"], "cannot be read"),
    ],
)
def test_what_a_person_must_put_right(tmp_path: Path, text: str, arguments: list[str], problem: str) -> None:
    with pytest.raises(BadSetup) as caught:
        replay.run(parsed(tmp_path, text, *arguments))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_column_names_the_file_and_how_to_map(tmp_path: Path) -> None:
    with pytest.raises(BadSetup) as caught:
        replay.run(parsed(tmp_path, example_rows(), "--published"))
    assert caught.value.where.endswith("day.csv")
    assert "--columns published" in caught.value.hint


@pytest.mark.parametrize(
    ("site", "problem"),
    [
        ("[site]\ntimezone = 'Moon'\n", "site.toml: site.timezone: got 'Moon', expected"),
        ("[replay]\ncolumns = 3\n", "site.toml: replay.columns: got 3, expected a table"),
        ("[replay.columns]\nx = 'pv_power*y'\n", "site.toml: replay.columns.x: got factor 'y', expected a number"),
        ("[site\n", "site.toml: is not TOML"),
    ],
)
def test_a_wrong_site_file_is_named(tmp_path: Path, site: str, problem: str) -> None:
    with pytest.raises(BadSetup) as caught:
        replay.run(parsed(tmp_path, example_rows(), site=site))
    assert problem in str(caught.value)


def test_no_rows_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"day\.csv: no rows"):
        replay.run(parsed(tmp_path, "time,pv_power\n"))


def test_json_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replay.run(parsed(tmp_path, example_day(), "--published", "--columns", "published", "--json", "-"))
    assert json.loads(capsys.readouterr().out)["reliability"]["battery_not_charging"]["published"]["minutes"] == 479


def test_what_a_person_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.run(parsed(tmp_path, example_day(), "--published", "--columns", "published")) == 0
    out = capsys.readouterr().out
    assert "1,440 rows, 2017-06-04 00:00 to 2017-06-04 23:59 (UTC)" in out
    assert "4 faults" in out
    assert "119.75 min" in out
    assert "battery_power -1579 W" in out
    assert max(map(len, out.splitlines())) < 150


def test_a_wrong_scale_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["--columns", "published", "--map", "soc=battery_soc*100"]
    said = "battery_soc: 1,440 of 1,440 values impossible (0 to 100 %)"
    assert run(tmp_path, example_day(), *wrong)["warnings"] == [said]
    assert replay.run(parsed(tmp_path, example_day(), *wrong)) == 0
    assert f"\n\nwarning: {said}\n" in capsys.readouterr().out
    assert run(tmp_path, example_day(), "--columns", "published")["warnings"] == []


def test_times_without_a_zone_are_taken_for_one_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = example_day().replace(":00Z", ":00")
    words = ["--published", "--columns", "published"]
    assert run(tmp_path, plain, *words)["from"] == "2017-06-04T00:00:00Z"
    said = capsys.readouterr().err
    assert (
        said
        == f"{tmp_path}/day.csv: times have neither Z nor an offset, taken for UTC because no --site says otherwise\n"
    )
    run(tmp_path, plain, *words, site="[site]\ntimezone = 'Europe/Berlin'\n")
    assert "taken for Europe/Berlin because [site] timezone says so" in capsys.readouterr().err
    run(tmp_path, example_day(), *words)
    assert capsys.readouterr().err == ""


HOME = Path(__file__).parents[2] / "firmware_sim" / "recordings" / "seattle_powerwall"
SEATTLE = "[site]\nlatitude = 47.61\nlongitude = -122.33\ntimezone = 'America/Los_Angeles'\n"


def real_home() -> str:
    (path,) = HOME.glob("*.csv.gz")
    return gzip.decompress(path.read_bytes()).decode()


def test_two_months_of_a_real_home_raise_no_false_alarm(tmp_path: Path) -> None:
    result = run(tmp_path, real_home(), site=SEATTLE)
    assert result["faults"] == []
    assert result["reliability"]["battery_not_charging"]["episodes"]["exposure_hours"] > 200
    assert result["reliability"]["no_solar_production"]["episodes"]["exposure_hours"] > 600


def test_a_fault_put_into_the_real_home_is_found_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    lines = []
    for line in real_home().splitlines():
        time, *values = line.split(",")
        if "2022-05-14T16:00" <= time < "2022-05-14T17:30":  # 9:00 to 10:30 in Seattle
            pv, load, _, grid, soc = values
            line = ",".join([time, pv, load, "0", grid, "50" if soc else ""])
        if "2022-05-21T18:00" <= time < "2022-05-21T20:00":
            line = ",".join([time, "0", *values[1:]])
        lines.append(line)
    faults = run(tmp_path, "\n".join(lines) + "\n", site=SEATTLE)["faults"]
    jump, *faults = faults  # the state of charge was written over as well
    assert jump["code"] == "battery_imbalance_soc_jump"
    assert [fault["code"] for fault in faults] == ["battery_not_charging", "no_solar_production"]
    assert faults[0]["start"][:13] == "2022-05-14T16"
    assert faults[0]["end"] == "2022-05-14T17:30:00Z"
    assert faults[0]["lost_wh"] > 1000
    assert (faults[1]["start"], faults[1]["end"]) == ("2022-05-21T18:00:00Z", "2022-05-21T20:00:00Z")
