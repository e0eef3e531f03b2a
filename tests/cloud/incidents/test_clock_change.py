from datetime import UTC, datetime

from agent.domain.faults import FaultCode
from cloud.incidents.clock_change import changes, clock_nights, night_of
from cloud.incidents.places import places
from cloud.incidents.symptoms import of_fault
from tests.helpers.incidents import DAY_MS, HOUR_MS, MINUTE_MS, Faults, home


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_zones_without_a_change_and_zones_that_are_none() -> None:
    assert changes("Asia/Tokyo", 2026) == ()
    assert changes("UTC", 2026) == ()
    assert changes("Mars/Olympus", 2026) == ()
    assert len(changes("America/New_York", 2026)) == 2


def test_the_night_is_named_by_its_local_date() -> None:
    berlin = ("2026-10-25", ms("2026-10-25T01:00"))
    assert night_of(ms("2026-10-25T00:30"), "Europe/Berlin") == berlin
    assert night_of(ms("2026-10-25T04:59"), "Europe/Berlin") == berlin
    assert night_of(ms("2026-10-25T05:01"), "Europe/Berlin") is None
    assert night_of(ms("2026-11-01T06:30"), "America/New_York") == ("2026-11-01", ms("2026-11-01T06:00"))


def fleet_of(count: int, per_night: int) -> Faults:
    fleet = Faults([home(n, 50.0 + n, 8.0) for n in range(count)])
    change = ms("2025-10-26T01:00")
    for n in range(count):
        fleet.breaks(f"home-{n:05}", FaultCode.GAP, change + n * MINUTE_MS, HOUR_MS)
    for night in range(1, 8):
        for n in range(per_night):
            fleet.breaks(f"home-{n:05}", FaultCode.GAP, change - night * DAY_MS + n * MINUTE_MS, HOUR_MS)
    return fleet


def nights(fleet: Faults) -> list[tuple[str, list[int]]]:
    symptoms = [of_fault(row) for row in fleet.fault_list]
    return clock_nights(symptoms, range(len(symptoms)), places(fleet.sites(), []))


def test_many_sites_in_that_night_are_one_group() -> None:
    ((date, members),) = nights(fleet_of(12, 1))
    assert date == "2025-10-26"
    assert len(members) == 12


def test_a_night_like_any_other_is_none() -> None:
    assert nights(fleet_of(2, 0)) == [], "two sites are not a fleet"
    assert nights(fleet_of(12, 12)) == [], "they are as silent every night"
