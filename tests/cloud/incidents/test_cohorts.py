import random

import msgspec

from agent.domain.faults import FaultCode as C
from cloud.incidents.cohorts import Cohort, blamed, parts_of
from cloud.incidents.places import Part, Place, places
from cloud.incidents.symptoms import of_fault
from cloud.ports import EquipmentSpan
from tests.helpers.incidents import DAY_MS, NOW_MS, Faults, country

OLD, NEW = "1.28.7", "1.30.0"


def cohorts(fleet: Faults) -> list[Cohort]:
    symptoms = [of_fault(row) for row in fleet.fault_list]
    return blamed(symptoms, range(len(symptoms)), places(fleet.sites(), fleet.span_list))


def updated(fleet: Faults, every: int, since_ms: int = NOW_MS - 8 * DAY_MS) -> list[str]:
    """Every nth Fronius gets the new firmware."""
    chosen = [site for site in fleet.site_list if site.equipment["inverter"]["maker"] == "Fronius"][::every]
    names = {site.device for site in chosen}
    for place, site in enumerate(fleet.site_list):
        if site.device in names:
            parts = {"inverter": {**site.equipment["inverter"], "firmware": NEW}}
            fleet.site_list[place] = msgspec.structs.replace(site, equipment=parts)
            fleet.span_list.append(EquipmentSpan(site.device, "inverter", 0, "Fronius", "GEN24 8.0", OLD))
            fleet.span_list.append(EquipmentSpan(site.device, "inverter", since_ms, "Fronius", "GEN24 8.0", NEW))
    return sorted(names)


def test_a_register_that_changed_with_a_firmware_is_that_firmwares() -> None:
    fleet = country(random.Random(1), 300)
    hit = updated(fleet, 3)[:9]
    for device in hit:
        fleet.breaks(device, C.SIGN_OR_SCALE_ERROR, NOW_MS - 7 * DAY_MS, component="inverter")
    (one,) = cohorts(fleet)
    assert (one.maker, one.model, one.firmware) == ("Fronius", "GEN24 8.0", NEW)
    assert len(one.numbers) == 9
    assert "before their update on 0 of" in one.why


def test_a_step_after_the_update_is_seen_in_a_fleet_of_one_kind() -> None:
    """Nobody else to compare with: the same sites before their update are."""
    fleet = country(random.Random(2), 60)
    fleet.site_list = [
        msgspec.structs.replace(
            site, equipment={"inverter": {"maker": "Fronius", "model": "GEN24 8.0", "firmware": OLD}}
        )
        for site in fleet.site_list
    ]
    for device in updated(fleet, 1)[:20]:
        fleet.breaks(device, C.BATTERY_NOT_CHARGING, NOW_MS - 7 * DAY_MS)
    (one,) = cohorts(fleet)
    assert one.firmware == NEW


def test_faults_that_were_there_before_the_update_do_not_blame_it() -> None:
    fleet = country(random.Random(3), 60)
    for site in fleet.site_list:
        fleet.breaks(site.device, C.BATTERY_NOT_CHARGING, NOW_MS - 20 * DAY_MS, DAY_MS)
    for device in updated(fleet, 2):
        fleet.breaks(device, C.BATTERY_NOT_CHARGING, NOW_MS - 2 * DAY_MS)
    assert cohorts(fleet) == []


def test_a_model_that_fails_with_every_firmware_is_blamed_as_a_model() -> None:
    fleet = country(random.Random(4), 300)
    updated(fleet, 2)
    fronius = [site.device for site in fleet.site_list if site.equipment["inverter"]["maker"] == "Fronius"]
    for device in fronius[: len(fronius) // 2]:
        fleet.breaks(device, C.INVERTER_ALARM, NOW_MS - 2 * DAY_MS)
    (one,) = cohorts(fleet)
    assert (one.maker, one.model, one.firmware) == ("Fronius", "GEN24 8.0", "")


def test_a_fault_that_every_kind_has_blames_nobody() -> None:
    chance = random.Random(5)
    fleet = country(chance, 300)
    for site in fleet.site_list:
        if chance.random() < 0.3:
            fleet.breaks(site.device, C.BATTERY_NOT_CHARGING, NOW_MS - 2 * DAY_MS)
    assert cohorts(fleet) == []


def test_two_sites_are_no_cohort() -> None:
    fleet = country(random.Random(6), 300)
    for device in updated(fleet, 3)[:2]:
        fleet.breaks(device, C.SIGN_OR_SCALE_ERROR, NOW_MS - DAY_MS)
    assert cohorts(fleet) == []


def test_the_battery_that_always_comes_with_a_bad_inverter_is_not_blamed_too() -> None:
    fleet = country(random.Random(7), 300)
    for place, site in enumerate(fleet.site_list):
        if site.equipment["inverter"]["maker"] == "Fronius":
            parts = {**site.equipment, "battery": {"maker": "BYD", "model": "HVS", "firmware": "3"}}
            fleet.site_list[place] = msgspec.structs.replace(site, equipment=parts)
            if place % 2:
                fleet.breaks(site.device, C.INVERTER_ALARM, NOW_MS - DAY_MS, component="inverter")
    (one,) = cohorts(fleet)
    assert one.maker == "Fronius"


def test_several_codes_of_one_firmware_are_one_cohort() -> None:
    fleet = country(random.Random(8), 300)
    for device in updated(fleet, 3)[:12]:
        fleet.breaks(device, C.SIGN_OR_SCALE_ERROR, NOW_MS - 7 * DAY_MS)
        fleet.breaks(device, C.BATTERY_NOT_CHARGING, NOW_MS - 7 * DAY_MS)
    (one,) = cohorts(fleet)
    assert len(one.numbers) == 24


def test_the_component_says_which_equipment_is_meant() -> None:
    inverter, boiler = Part("inverter", "Fronius", "GEN24", "1"), Part("boiler", "Viessmann", "V200", "7")
    place = Place("a", parts=(inverter, boiler))
    fleet = Faults()
    assert parts_of(of_fault(fleet.breaks("a", C.NO_HEAT, 0, component="boiler")), place) == [boiler]
    assert parts_of(of_fault(fleet.breaks("a", C.NO_HEAT, 0, component="room")), place) == [inverter, boiler]
