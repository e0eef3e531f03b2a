"""Weather, the grid and the clocks against real faults: what a fleet of alarms comes down to."""

import random
from datetime import UTC, datetime

import msgspec
import pytest

from agent.domain.faults import FaultCode as C
from cloud.incidents.grouping import Cluster, Known, group
from cloud.incidents.places import places
from cloud.incidents.symptoms import of_fault
from cloud.ports import EquipmentSpan
from tests.helpers.incidents import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, Faults, country, home, town_of

ANY = (C.GAP, C.HUNTING, C.INVERTER_ALARM, C.BATTERY_NOT_CHARGING)


def clusters(fleet: Faults, now_ms: int = NOW_MS, known: tuple[Known, ...] = ()) -> list[Cluster]:
    symptoms = [of_fault(row) for row in fleet.fault_list]
    return group(symptoms, places(fleet.sites(), fleet.span_list), known, now_ms)


def kinds(fleet: Faults, now_ms: int = NOW_MS) -> list[str]:
    return [one.kind for one in clusters(fleet, now_ms)]


@pytest.mark.parametrize("homes", [60, 400])
def test_a_cloud_front_is_one(homes: int) -> None:
    fleet = country(random.Random(1), homes, 20)
    for site in fleet.site_list:
        assert site.longitude is not None
        at_ms = NOW_MS - 14 * HOUR_MS + round((site.longitude - 6.5) * 40 * MINUTE_MS)
        fleet.breaks(site.device, C.PV_UNDERPERFORMANCE, at_ms, 50 * MINUTE_MS)
    assert kinds(fleet) == ["region"]


def test_a_power_cut_in_one_town_is_one_even_with_all_that_it_leads_to() -> None:
    chance = random.Random(2)
    fleet = country(chance, 400)
    for site in town_of(fleet, 5):
        at_ms = NOW_MS - 20 * HOUR_MS + chance.randrange(5 * MINUTE_MS)
        fleet.breaks(site.device, C.GAP, at_ms, 2 * HOUR_MS)
        fleet.breaks(site.device, C.INVERTER_ALARM, at_ms + 2 * HOUR_MS, 10 * MINUTE_MS)
        fleet.breaks(site.device, C.CLOCK_ERROR, at_ms + 2 * HOUR_MS, MINUTE_MS)
    (one,) = clusters(fleet)
    assert one.kind == "region"
    assert {member.code for member in one.members} == {"gap", "inverter_alarm", "clock_error"}


@pytest.mark.parametrize("days", [1, 4])
def test_snow_that_lies_is_one(days: int) -> None:
    chance = random.Random(3)
    fleet = country(chance, 400)
    for day in range(1, days + 1):
        for site in fleet.site_list:
            if chance.random() < 0.8:
                at_ms = NOW_MS - day * DAY_MS + round(chance.uniform(8, 11) * HOUR_MS)
                fleet.breaks(site.device, C.NO_SOLAR_PRODUCTION, at_ms, 5 * HOUR_MS)
    assert kinds(fleet) == ["region"]


def test_the_night_of_the_clocks_is_one_in_every_zone() -> None:
    chance = random.Random(4)
    fleet = country(chance, 300)
    fleet.site_list += [home(1000 + n, 40.0 + n / 9, -3.0, timezone="Europe/Madrid") for n in range(40)]
    change = round(datetime(2025, 10, 26, 1, tzinfo=UTC).timestamp() * 1000)
    for site in fleet.site_list:
        if chance.random() < 0.5:
            at_ms = change + chance.randrange(50 * MINUTE_MS)
            fleet.breaks(site.device, chance.choice([C.GAP, C.CLOCK_ERROR]), at_ms, HOUR_MS)
    assert kinds(fleet, change + 8 * HOUR_MS) == ["clock"]


def test_passing_alarms_of_a_large_fleet_are_hardly_ever_an_incident() -> None:
    chance = random.Random(5)
    fleet = country(chance, 1000)
    fleet.noise(chance, 1.0, ANY)
    assert len(clusters(fleet)) <= 5


def test_who_stays_behind_when_a_town_recovers_is_looked_after() -> None:
    chance = random.Random(6)
    fleet = country(chance, 400)
    town = town_of(fleet, 5)
    for site in town[1:]:
        fleet.breaks(site.device, C.GAP, NOW_MS - 40 * HOUR_MS + chance.randrange(5 * MINUTE_MS), 2 * HOUR_MS)
    fleet.breaks(town[0].device, C.GAP, NOW_MS - 40 * HOUR_MS)
    assert sorted((one.kind, one.subject) for one in clusters(fleet) if one.kind == "site") == [
        ("site", town[0].device)
    ]
    assert kinds(fleet).count("region") == 1


def test_a_firmware_that_went_out_in_one_night_is_not_the_weather() -> None:
    fleet = country(random.Random(7), 300)
    new = ("Fronius", "GEN24 8.0", "1.30.0")
    for place, site in enumerate(fleet.site_list):
        if site.equipment["inverter"]["maker"] == "Fronius":
            parts = {"inverter": {"maker": new[0], "model": new[1], "firmware": new[2]}}
            fleet.site_list[place] = msgspec.structs.replace(site, equipment=parts)
            fleet.span_list.append(EquipmentSpan(site.device, "inverter", NOW_MS - 2 * DAY_MS, *new))
            fleet.breaks(site.device, C.SIGN_OR_SCALE_ERROR, NOW_MS - 2 * DAY_MS + place * 1000)
    (one,) = clusters(fleet)
    assert (one.kind, one.maker, one.firmware) == ("equipment", "Fronius", "1.30.0")


def test_one_cause_on_one_site_is_one() -> None:
    fleet = Faults([home(1, 50.0, 8.0)])
    fleet.breaks("home-00001", C.BOILER_LOCKOUT, NOW_MS - 5 * HOUR_MS)
    fleet.breaks("home-00001", C.NO_HEAT, NOW_MS - 4 * HOUR_MS)
    fleet.breaks("home-00001", C.ROOM_TOO_COLD, NOW_MS - 2 * HOUR_MS)
    fleet.breaks("home-00001", C.BATTERY_NOT_CHARGING, NOW_MS - 2 * HOUR_MS)
    assert [one.key for one in clusters(fleet)] == ["site|home-00001|battery", "site|home-00001|heat"]


@pytest.mark.parametrize(
    ("code", "starts_h", "lasts_h", "worth"),
    [
        (C.NO_HEAT, [0.1], None, True),
        (C.HUNTING, [0.1], None, False),
        (C.HUNTING, [1], None, True),
        (C.HUNTING, [20], 0.2, False),
        (C.HUNTING, [20], 3, True),
        (C.HUNTING, [20, 40, 60], 0.2, True),
        (C.HUNTING, [90], 3, False),
        (C.GAP, [20], None, False),
        (C.GAP, [25], None, True),
        (C.GAP, [20, 22], 1, False),
        (C.GAP, [20, 45, 70], 1, True),
    ],
)
def test_what_is_more_than_a_passing_alarm(code: C, starts_h: list[float], lasts_h: float | None, worth: bool) -> None:
    fleet = Faults([home(1, 50.0, 8.0)])
    for hours in starts_h:
        lasts_ms = None if lasts_h is None else round(lasts_h * HOUR_MS)
        fleet.breaks("home-00001", code, NOW_MS - round(hours * HOUR_MS), lasts_ms)
    assert bool(clusters(fleet)) is worth


def test_an_incident_that_is_known_is_followed_however_slight_it_gets() -> None:
    fleet = Faults([home(1, 50.0, 8.0)])
    fleet.breaks("home-00001", C.HUNTING, NOW_MS - 20 * HOUR_MS, 5 * MINUTE_MS)
    known = Known("site|home-00001|burner", "site", True, frozenset({"hunting"}), {})
    assert clusters(fleet) == []
    assert [one.key for one in clusters(fleet, known=(known,))] == [known.key]


def test_a_site_more_with_equipment_that_is_blamed_already_joins_it() -> None:
    fleet = country(random.Random(8), 60)
    mine = next(site.device for site in fleet.site_list if site.equipment["inverter"]["maker"] == "SMA")
    fleet.breaks(mine, C.INVERTER_ALARM, NOW_MS - HOUR_MS)
    known = Known("equipment|SMA|STP 6.0|", "equipment", True, frozenset({"inverter_alarm"}), {}, "SMA", "STP 6.0")
    (one,) = clusters(fleet, known=(known,))
    assert (one.kind, one.key) == ("equipment", known.key)
    closed = Known(known.key, "equipment", False, known.codes, {}, "SMA", "STP 6.0")
    assert [one.kind for one in clusters(fleet, known=(closed,))] == ["site"]


def test_the_order_of_the_faults_does_not_matter() -> None:
    chance = random.Random(9)
    fleet = country(chance, 200)
    fleet.noise(chance, 4.0, ANY)
    for site in town_of(fleet, 5):
        fleet.breaks(site.device, C.GAP, NOW_MS - 20 * HOUR_MS, 2 * HOUR_MS)
    first = [(one.key, one.members) for one in clusters(fleet)]
    chance.shuffle(fleet.fault_list)
    chance.shuffle(fleet.site_list)
    assert [(one.key, one.members) for one in clusters(fleet)] == first
