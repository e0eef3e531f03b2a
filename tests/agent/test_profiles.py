"""`emberwatt-agent profiles` as a person uses it."""

import argparse
import json
from pathlib import Path

import pytest

from agent import profiles
from agent.domain.errors import BadSetup
from agent.sources.profile_file import profile_names

MINE = """\
name = "mine"
maker = "M"
model = "X"
sources = ["a data sheet"]

[[register]]
signal = "grid_power"
address = 10
type = "i32"
"""


def ask(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    profiles.add_arguments(parser)
    return profiles.run(parser.parse_args([str(word) for word in words]))


def test_the_list_has_every_profile_with_maker_and_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == profile_names()
    assert any("Huawei SUN2000" in line for line in lines)


def test_a_folder_of_ones_own_is_listed_beside_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    assert ask("list", "--folder", tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("mine ") and line.endswith("(your own)")]
    assert len(lines) == len(profile_names()) + 1


def test_a_broken_file_is_named_with_its_line_and_hides_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    broken = tmp_path / "broken.toml"
    broken.write_text(MINE.replace('"i32"', '"i33"'))
    assert ask("list", "--folder", tmp_path) == 2
    told = capsys.readouterr()
    assert "mine" in told.out
    assert f"{broken}:9: register grid_power, field type: got 'i33'" in told.err


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(BadSetup, match="is not a folder"):
        ask("list", "--folder", "/nowhere/at/all")


def test_check_names_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    assert ask("check", path) == 0
    assert capsys.readouterr().out == f"{path}: good, gives 1 signals\n"
    path.write_text(MINE.replace("address = 10", "adress = 10"))
    with pytest.raises(BadSetup, match=r"mine\.toml:8: register grid_power, field adress: unknown key"):
        ask("check", path)


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_can_be_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("show", name) == 0
    shown = capsys.readouterr().out
    for title in ("signals:", "registers:", "sources:", "notes:"):
        assert title in shown
    assert ask("show", name, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["name"] == name
    assert told["registers"]
    assert told["sources"]


def test_what_is_shown_is_what_the_profile_says(capsys: pytest.CaptureFixture[str]) -> None:
    ask("show", "deye-sunsynk-1p")
    shown = " ".join(capsys.readouterr().out.split())
    assert "38 words in a request, 50 ms between requests" in shown
    assert "grid_import_total function 3 78, 80 low word first u32 x 100 Wh" in shown
    assert "battery_power function 3 190 i16 x -1 W positive = discharging on the device" in shown
    assert "pv_power = _pv1 + _pv2 + _pv3 + _pv4" in shown
    ask("show", "victron-gx")
    shown = " ".join(capsys.readouterr().out.split())
    assert "battery_temperature battery 262 i16" in shown
    assert "further units: battery battery monitor or managed battery usually 225" in shown
    ask("show", "huawei-sun2000")
    assert "one client only" in capsys.readouterr().out


def test_an_own_profile_stands_in_for_the_shipped_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sunspec.toml").write_text(MINE)
    assert ask("show", "sunspec", "--folder", tmp_path) == 0
    assert capsys.readouterr().out.startswith("M X\n")


def test_nothing_named_and_a_name_that_nobody_knows() -> None:
    with pytest.raises(BadSetup, match="no profile named"):
        ask("show")
    with pytest.raises(BadSetup, match="did you mean goodwe-et"):
        ask("show", "goodwe")
