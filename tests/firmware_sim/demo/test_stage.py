import json
import socket
import tomllib
from pathlib import Path

from firmware_sim.demo.stage import Login, Timeline, World, cloud_file, free_port, site_file, toml


def test_a_second_start_finds_the_same_world(tmp_path: Path) -> None:
    world = World()
    world.admit(["home-1"])
    world.now_ms += 1234
    world.save(tmp_path / "world.json")
    again = World.load(tmp_path / "world.json")
    again.admit(["home-1"])
    assert again == world
    assert set(again.passwords) == {"aggregator", "home-1"}


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) not in {0, port}


def test_time_runs_at_the_rate() -> None:
    timeline = Timeline(live_ms=1_000_000, wall_ms=500, rate=60)
    assert timeline.at(500) == 1_000_000
    assert timeline.at(1_500) == 1_060_000


def test_who_looks_back_has_started_before_it_goes_on_live() -> None:
    world, hour_ms = World(), 3_600_000
    began = world.past_clock(wall_ms=500)
    assert began.at(500) == world.origin_ms
    assert began.at(500 + hour_ms) < world.now_ms - hour_ms


def test_files_are_toml_whatever_a_name_contains() -> None:
    name = 'Ünter "den" \\ Linden\n'
    assert tomllib.loads(toml({"site": {"name": name, "unit": None}, "source": [{"a": 1}, {"a": True}]})) == {
        "site": {"name": name},
        "source": [{"a": 1}, {"a": True}],
    }


def test_the_site_file_holds_what_an_agent_needs() -> None:
    site = {
        "device": "home-1",
        "name": "Home",
        "latitude": 47.6,
        "longitude": -122.3,
        "timezone": "America/Los_Angeles",
        "source": "inverter",
        "profile": "sunspec",
        "unit": 1,
    }
    table = tomllib.loads(site_file(site, Timeline(0, 0, 60), 1502, Login(1883, "secret")))
    assert table["device"] == {"id": "home-1"}
    assert table["source"] == [{"name": "inverter", "profile": "sunspec", "host": "127.0.0.1", "port": 1502, "unit": 1}]
    assert table["uplink"]["username"] == "home-1"
    assert "uplink" not in tomllib.loads(site_file(site, Timeline(0, 0, 1), 1502, None))
    assert table["clock"]["rate"] == 60
    assert (
        json.loads(json.dumps(tomllib.loads(cloud_file(Timeline(0, 0, 60), 1883, 8080, "x"))))["http"]["port"] == 8080
    )
