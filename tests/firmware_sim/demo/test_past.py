"""The past of a home: simulated and judged once, and a failure says of which home."""

import time
from pathlib import Path

import pytest

from firmware_sim.demo import past
from firmware_sim.demo.stage import ORIGIN_MS, World, site_file
from firmware_sim.scenario import Scenario, load_scenario

DAY_MS = 86_400_000
WORLD = World(now_ms=ORIGIN_MS + DAY_MS)


def site(scenario: Scenario) -> str:
    about = {"device": scenario.name, "name": scenario.title, "latitude": 46.8, "longitude": 9.8}
    plant = {"timezone": "Europe/Zurich", "source": "heating", "profile": "samson-trovis-557x"}
    return site_file(about | plant, WORLD.past_clock(time.time_ns() // 1_000_000), 502, None)


def test_a_past_is_made_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = load_scenario("boiler-healthy")
    past.make([(home, tmp_path)], WORLD, site)
    rows = (tmp_path / past.HISTORY).read_text().count("\n")
    assert rows > 1_400, "a day of minutes"
    assert (tmp_path / "state" / "journal.db").exists()
    assert "1 of 1: Boiler in Davos" in capsys.readouterr().out
    past.make([(home, tmp_path)], WORLD, site)
    assert capsys.readouterr().out == ""


def test_a_past_that_cannot_be_judged_says_of_which_home(tmp_path: Path) -> None:
    home = load_scenario("boiler-healthy")
    (tmp_path / past.HISTORY).write_text("time\n")
    with pytest.raises(past.PastFailed, match=r"Boiler in Davos.*status"):
        past.make([(home, tmp_path)], WORLD, lambda scenario: site(scenario).replace("boiler", "a/b"))
    assert not (tmp_path / past.JUDGED).exists()
