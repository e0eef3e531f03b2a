import csv
from pathlib import Path

import pytest

from agent.domain.signals import INVERTER_ALARM, ROOM_TEMPERATURE, signal_name
from firmware_sim.clock import parse_instant
from firmware_sim.errors import BadArgument
from firmware_sim.failures import FaultCode
from firmware_sim.history import write_history
from firmware_sim.observation import shown
from firmware_sim.scenario import load_scenario
from firmware_sim.site import Site
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS

DAY_MS = 1440 * MINUTE_MS


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_past_is_what_the_device_would_have_shown(tmp_path: Path) -> None:
    site = Site(load_scenario("home-healthy"), ORIGIN_MS)
    path = tmp_path / "past.csv"
    assert write_history(site, ORIGIN_MS + DAY_MS, MINUTE_MS, path) == 1440
    rows = table(path)
    assert [parse_instant(row["time"]) for row in rows] == list(range(ORIGIN_MS, ORIGIN_MS + DAY_MS, MINUTE_MS))
    again = Site(load_scenario("home-healthy"), ORIGIN_MS)
    for row in rows[::111]:
        seen = again.observe(parse_instant(row.pop("time")))
        assert seen is not None
        assert row == {name: shown(name, seen[name]) for name in again.signals}
    assert [signal_name(name) for name in rows[0] if name != "time"] == list(site.signals)


def test_no_answer_is_an_empty_row(tmp_path: Path) -> None:
    scenario = load_scenario("home-unreachable")
    fault = scenario.faults_from(ORIGIN_MS)[0]
    assert fault.code is FaultCode.DEVICE_UNREACHABLE
    path = tmp_path / "past.csv"
    write_history(Site(scenario, ORIGIN_MS), fault.end_ms + 60 * MINUTE_MS, 10 * MINUTE_MS, path)
    empty = {parse_instant(row.pop("time")): not any(row.values()) for row in table(path)}
    assert list(empty) == list(range(ORIGIN_MS, fault.end_ms + 60 * MINUTE_MS, 10 * MINUTE_MS))
    assert all(blank == (fault.start_ms <= at_ms < fault.end_ms) for at_ms, blank in empty.items())


def test_no_value_is_an_empty_cell(tmp_path: Path) -> None:
    recorded, sensor = tmp_path / "recorded.csv", tmp_path / "sensor.csv"
    write_history(Site(load_scenario("home-seattle"), ORIGIN_MS), ORIGIN_MS + DAY_MS, 60 * MINUTE_MS, recorded)
    assert {row[INVERTER_ALARM] for row in table(recorded)} == {""}
    site = Site(load_scenario("boiler-sensor-broken"), ORIGIN_MS)
    write_history(site, ORIGIN_MS + 16 * DAY_MS, 60 * MINUTE_MS, sensor)
    cells = [row[ROOM_TEMPERATURE] == "" for row in table(sensor)]
    assert 0 < sum(cells) < 30
    assert not cells[0]


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    shares: list[float] = []
    site = Site(load_scenario("home-seattle"), ORIGIN_MS)
    write_history(site, ORIGIN_MS + DAY_MS, MINUTE_MS, tmp_path / "past.csv", shares.append)
    assert 50 <= len(shares) <= 101
    assert shares == sorted(shares)


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    site = Site(load_scenario("home-seattle"), ORIGIN_MS)
    with pytest.raises(BadArgument, match=r"--out .*past\.csv: cannot be written: No such file or directory"):
        write_history(site, ORIGIN_MS + MINUTE_MS, MINUTE_MS, tmp_path / "none" / "past.csv")


@pytest.mark.parametrize("place", [".", "..", "/", ""])
def test_a_folder_is_no_file_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.chdir(tmp_path)
    site = Site(load_scenario("home-healthy"), ORIGIN_MS)
    with pytest.raises(BadArgument, match=r"--out .*: is a folder, expected a file"):
        write_history(site, ORIGIN_MS + MINUTE_MS, MINUTE_MS, Path(place))
    assert list(tmp_path.iterdir()) == []
