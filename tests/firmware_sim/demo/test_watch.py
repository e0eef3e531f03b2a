from firmware_sim.demo.watch import Expectation, iso, missed, parse_iso

WANT = Expectation(
    "home-1", "no_solar_production", parse_iso("2026-05-20T10:00:00Z"), parse_iso("2026-05-20T11:00:00Z")
)


def test_a_fault_found_in_its_time_is_met() -> None:
    found = {"home-1": [{"code": "no_solar_production", "start": "2026-05-20T10:30:00Z"}]}
    assert missed([WANT], found) == []


def test_the_wrong_code_time_or_home_does_not_count() -> None:
    for device, code, start in [
        ("home-1", "gap", "2026-05-20T10:30:00Z"),
        ("home-1", "no_solar_production", "2026-05-20T11:00:01Z"),
        ("home-1", "no_solar_production", "2026-05-20T09:59:59Z"),
        ("home-2", "no_solar_production", "2026-05-20T10:30:00Z"),
    ]:
        assert missed([WANT], {device: [{"code": code, "start": start}]}) == [WANT]


def test_times_are_utc_unless_they_say_otherwise() -> None:
    assert parse_iso("2026-05-20T10:00:00") == parse_iso("2026-05-20T12:00:00+02:00")
    assert iso(parse_iso("2026-05-20T10:00:00Z")) == "2026-05-20T10:00:00Z"
