from firmware_sim.clock import parse_instant
from firmware_sim.demo.watch import Expectation, missed

WANT = Expectation(
    "home-1", "no_solar_production", parse_instant("2026-05-20T10:00:00Z"), parse_instant("2026-05-20T11:00:00Z")
)


def test_a_fault_found_in_its_time_is_met() -> None:
    found = {"home-1": [{"code": "no_solar_production", "start": "2026-05-20T11:40:00Z"}]}
    assert missed([WANT], found) == []


def test_the_wrong_code_time_or_home_does_not_count() -> None:
    for device, code, start in [
        ("home-1", "gap", "2026-05-20T10:30:00Z"),
        ("home-1", "no_solar_production", "2026-05-20T11:40:01Z"),
        ("home-1", "no_solar_production", "2026-05-20T09:59:59Z"),
        ("home-2", "no_solar_production", "2026-05-20T10:30:00Z"),
    ]:
        assert missed([WANT], {device: [{"code": code, "start": start}]}) == [WANT]
