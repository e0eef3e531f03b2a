import random
import time

from agent.domain.faults import FaultCode as C
from cloud.incidents.bursts import bursts
from cloud.incidents.places import Place, places
from cloud.incidents.symptoms import DAY_MS, HOUR_MS, MINUTE_MS, Symptom, of_fault
from tests.helpers.incidents import NOW_MS, Faults, country, town_of

ANY = (C.GAP, C.HUNTING, C.INVERTER_ALARM, C.BATTERY_NOT_CHARGING, C.STUCK_VALUE)


def found(fleet: Faults) -> list[set[str]]:
    symptoms = sorted((of_fault(row) for row in fleet.fault_list), key=lambda one: (one.start_ms, one.device, one.code))
    return [{symptoms[n].device for n in group} for group in bursts(symptoms, places(fleet.sites(), []))]


def test_alarms_that_have_nothing_in_common_are_no_burst() -> None:
    for seed in range(3):
        fleet = country(random.Random(seed), 800)
        fleet.noise(random.Random(seed), 6.0, ANY)
        assert found(fleet) == []


def test_a_town_without_power_is_one_burst_among_the_noise() -> None:
    chance = random.Random(1)
    fleet = country(chance, 800)
    fleet.noise(chance, 3.0, ANY)
    town = {site.device for site in town_of(fleet, 7)}
    for device in sorted(town):
        fleet.breaks(device, C.GAP, NOW_MS - 5 * DAY_MS + chance.randrange(10 * MINUTE_MS), HOUR_MS)
    (one,) = found(fleet)
    assert town <= one
    assert len(one) <= len(town) + 2


def test_a_clock_that_started_in_1970_changes_nothing() -> None:
    fleet = country(random.Random(1), 400)
    fleet.noise(random.Random(1), 6.0, ANY)
    for code in ANY:
        fleet.breaks("home-00003", code, 0, HOUR_MS)
    assert found(fleet) == []


def test_homes_that_do_this_every_day_are_no_burst() -> None:
    """Four neighbours whose panels stand in the shade at nine: a habit, not an event."""
    fleet = country(random.Random(2), 400)
    for site in town_of(fleet, 3)[:4]:
        for day in range(1, 25):
            fleet.breaks(site.device, C.PV_UNDERPERFORMANCE, NOW_MS - day * DAY_MS + 9 * HOUR_MS, HOUR_MS)
    assert found(fleet) == []


def test_a_cloud_front_that_crosses_the_country_is_one_burst() -> None:
    fleet = country(random.Random(3), 400)
    for site in fleet.site_list:
        assert site.longitude is not None
        at_ms = NOW_MS - 2 * DAY_MS + 9 * HOUR_MS + round((site.longitude - 6) * 40 * MINUTE_MS)
        fleet.breaks(site.device, C.PV_UNDERPERFORMANCE, at_ms, 50 * MINUTE_MS)
    assert [len(one) for one in found(fleet)] == [400]


def test_sites_of_a_town_without_coordinates_are_together() -> None:
    fleet = {f"s{n}": Place(f"s{n}", town="Lyon" if n < 8 else f"T{n}") for n in range(60)}
    symptoms = [Symptom(f"s{n}", "gap", "", "info", NOW_MS + n, None, 0.6, 0.0, "") for n in range(8)]
    assert bursts(symptoms, fleet) == [list(range(8))]


def test_what_an_analysis_finds_has_no_moment_and_makes_no_burst() -> None:
    fleet = {f"s{n}": Place(f"s{n}", 50.0, 8.0) for n in range(20)}
    symptoms = [Symptom(f"s{n}", "hunting", "", "info", NOW_MS, None, 0.6, 0.0, "", sudden=False) for n in range(20)]
    assert bursts(symptoms, fleet) == []


def test_sites_that_nobody_knows_take_no_part() -> None:
    assert bursts([Symptom("ghost", "gap", "", "info", NOW_MS, None, 0.6, 0.0, "")], {}) == []


def test_a_month_of_ten_thousand_sites_takes_seconds() -> None:
    chance = random.Random(4)
    fleet = country(chance, 10_000, 400)
    fleet.noise(chance, 3.0, ANY)
    began = time.process_time()
    assert found(fleet) == []
    assert time.process_time() - began < 15
