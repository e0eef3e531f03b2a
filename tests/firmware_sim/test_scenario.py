from pathlib import Path

import pytest

from firmware_sim.errors import BadScenario
from firmware_sim.failures import FaultCode
from firmware_sim.scenario import Scenario, SiteKind, load_scenario, parse_scenario, shipped
from tests.firmware_sim.support import LIVE_MS, ORIGIN_MS

NEEDED = {
    FaultCode.BATTERY_NOT_CHARGING,
    FaultCode.BOILER_LOCKOUT,
    FaultCode.DEVICE_UNREACHABLE,
    FaultCode.INVERTER_ALARM,
    FaultCode.NO_HEAT,
    FaultCode.NO_SOLAR_PRODUCTION,
    FaultCode.SENSOR_BROKEN,
}


def text_of(name: str) -> str:
    from importlib.resources import files

    return files("firmware_sim").joinpath("scenarios", f"{name}.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_is_whole(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert scenario.title
    assert scenario.equipment.maker
    faults = scenario.faults_from(ORIGIN_MS)
    for fault in faults:
        assert ORIGIN_MS < fault.start_ms < fault.end_ms
        if fault.start_ms > LIVE_MS:
            assert 2 * 60_000 <= fault.start_ms - LIVE_MS <= 30 * 60_000
            assert fault.end_ms - fault.start_ms >= 45 * 60_000


@pytest.mark.parametrize("name", shipped())
def test_what_is_expected_was_injected(name: str) -> None:
    scenario = load_scenario(name)
    windows = {(plan.fault.code.value, plan.start, plan.end) for plan in scenario.faults}
    for expected in scenario.expectations:
        assert (expected.code, expected.start, expected.end) in windows
    told = {expected.code for expected in scenario.expectations}
    silent = {plan.fault.code for plan in scenario.faults} - {FaultCode.SENSOR_BROKEN}
    assert silent <= told


def test_the_set_holds_what_a_demonstration_needs() -> None:
    scenarios = [load_scenario(name) for name in shipped()]
    kinds = [scenario.kind for scenario in scenarios]
    assert kinds.count(SiteKind.RECORDING) >= 1
    assert kinds.count(SiteKind.BOILER) >= 3
    assert kinds.count(SiteKind.HOME) >= 4
    assert {plan.fault.code for scenario in scenarios for plan in scenario.faults} >= NEEDED
    assert sum(not scenario.faults for scenario in scenarios) >= 3
    assert len({scenario.equipment.serial for scenario in scenarios}) == len(scenarios)


def changed(name: str, old: str, new: str) -> Scenario:
    text = text_of(name)
    assert old in text
    return parse_scenario("x", text.replace(old, new, 1), "x.toml")


@pytest.mark.parametrize(
    ("name", "old", "new", "problem"),
    [
        ("home-healthy", "seed = 11", "sead = 11", "x.toml: sead: is not a known field; did you mean seed?"),
        ("home-healthy", "latitude = 52.45", "latitude = 152", "x.toml: site.latitude: 152 is out of place"),
        ("home-healthy", "Europe/Berlin", "Europe/Berlim", "x.toml: site.timezone: 'Europe/Berlim' is not a time zone"),
        ("home-healthy", 'kind = "home"', 'kind = "castle"', "x.toml: kind: 'castle' is not known; expected one of"),
        ("home-healthy", "capacity_wh = 11000", "", "x.toml: battery.capacity_wh: is missing"),
        ("home-healthy", "tilt = 35", "tilt = 35\ncolour = 1", "x.toml: pv_string[1].colour: is not a known field"),
        ("home-healthy", "[household]", "[boiler]\n[household]", "x.toml: boiler: is not a known field"),
        ("home-healthy", "seed = 11", "seed = [", "x.toml: is not TOML"),
        ("home-healthy", "seed = 11", 'may_also = ["tired"]', "x.toml: may_also: 'tired' is not a fault's name"),
        ("home-seattle", '"seattle_powerwall"', '"mars"', "x.toml: recording.name: 'mars' does not exist"),
        ("home-no-solar", 'code = "no_solar_production"', 'code = "dark"', "x.toml: fault[1].code: 'dark' is not"),
        ("home-no-solar", 'code = "no_solar_production"', 'code = "no_heat"', "x.toml: fault[1].code: no_heat cannot"),
        ("home-no-solar", "+17d 09:30", "day 17", "x.toml: fault[1].from: 'day 17' is not a time"),
        ("home-no-solar", "+17d 15:30", "+17d 09:30", "x.toml: fault[1].to: does not lie behind 'from'"),
        ("home-no-solar", 'to = "+17d 15:30"\n', "", "x.toml: fault[1].to: is missing"),
        ("home-battery-not-charging", '"idle"', '"lazy"', "x.toml: fault[1].battery: 'lazy' is not known"),
        ("home-inverter-alarm", '"temperature"', '"warm"', "x.toml: fault[1].alarm: 'warm' is not known"),
        ("boiler-no-heat", "radiator_kj_per_k = 110", "radiator_kj_per_k = 10", "x.toml: house.radiator_kj_per_k: 10"),
        ("boiler-no-heat", "radiator_w_per_k = 230", "radiator_w_per_k = 900", "x.toml: house.radiator_kj_per_k"),
        ("boiler-sensor-broken", "room_temperature", "room_temp", "x.toml: fault[1].sensor: unknown signal"),
        ("boiler-sensor-broken", "room_temperature", "pv_power", "x.toml: fault[1].sensor: 'pv_power' cannot break"),
        ("boiler-lockout", "tolerance_minutes = 15", "tolerance_minutes = 1.5", "x.toml: expect[1].tolerance_minutes"),
        ("boiler-lockout", '[[expect]]\ncode = "boiler_lockout"', '[[expect]]\ncode = "bad"', "x.toml: expect[1].code"),
    ],
)  # fmt: skip
def test_a_bad_scenario_is_refused_with_one_clear_line(name: str, old: str, new: str, problem: str) -> None:
    with pytest.raises(BadScenario) as caught:
        changed(name, old, new)
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BadScenario, match=r"no such scenario; expected .* home-healthy"):
        load_scenario("castle")


def test_a_scenario_can_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text_of("home-healthy"), encoding="utf-8")
    assert load_scenario(str(path)).name == "mine"
    with pytest.raises(BadScenario, match="cannot be read"):
        load_scenario(str(tmp_path / "none.toml"))
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadScenario, match="cannot be read"):
        load_scenario(str(path))
