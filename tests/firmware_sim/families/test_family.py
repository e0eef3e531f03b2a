import itertools
from functools import cache

import pytest

from agent.domain.signals import BATTERY_POWER, GRID_POWER
from firmware_sim.errors import BadArgument
from firmware_sim.families.family import Family, FamilyKind, families, family
from firmware_sim.families.speech import Speech, fits, speech_of
from firmware_sim.registers import Image
from firmware_sim.scenario import load_scenario
from firmware_sim.site import Site
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS

ISSUE = {
    "sunspec", "huawei-sun2000", "fronius-gen24", "solaredge-storedge", "sungrow-sh", "goodwe-et", "growatt",
    "victron-gx", "deye-sunsynk", "sma-hybrid", "sma-sunny-island",
    "solis-hybrid", "samson-trovis", "nibe-s", "stiebel-wpm", "luxtronik",
    "idm-navigator", "lambda-eu", "eastron-sdm630", "carlo-gavazzi-em24-rs485", "carlo-gavazzi-em24-ethernet",
}  # fmt: skip
NIGHT_MS, DAY_MS = ORIGIN_MS + 14 * 60 * MINUTE_MS, ORIGIN_MS + 120 * MINUTE_MS


def speeches() -> list[Speech]:
    found = []
    for name in families():
        choices = [[(key, value) for value in values] for key, values in family(name).options.items()]
        found += [speech_of(name, dict(chosen)) for chosen in itertools.product(*choices)]
    return found


def named(speech: Speech) -> str:
    return "-".join((speech.family.name, *speech.options.values()))


@cache
def site(speech_name: str) -> Site:
    speech = next(one for one in speeches() if named(one) == speech_name)
    heat = speech.family.kind is FamilyKind.HEAT
    return Site(load_scenario("boiler-healthy" if heat else "home-healthy"), ORIGIN_MS, speech)


NAMES = [named(speech) for speech in speeches()]


def test_every_family_is_there() -> None:
    assert set(families()) == ISSUE


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("at_ms", [DAY_MS, NIGHT_MS])
def test_every_value_stands_where_it_is_said_to_stand(name: str, at_ms: int) -> None:
    image = site(name).image(at_ms)
    for device in (image, *image.others):
        assert device.spots
        for spot in device.spots:
            table = device.tables[spot.function]
            assert all(0 <= table[address] <= 0xFFFF for address in spot.addresses), spot


@pytest.mark.parametrize("name", NAMES)
def test_no_two_values_share_a_word(name: str) -> None:
    image = site(name).image(DAY_MS)
    for device in (image, *image.others):
        places = [(spot.function, address) for spot in device.spots for address in spot.addresses]
        assert len(places) == len(set(places))


@pytest.mark.parametrize("name", NAMES)
def test_what_a_family_knows_it_can_tell(name: str) -> None:
    truth = site(name).truth(DAY_MS)
    kind = site(name).speech.family.kind
    if kind is not FamilyKind.HEAT:
        assert GRID_POWER in truth
    assert (BATTERY_POWER in truth) is (kind is FamilyKind.HOME)
    assert len(truth) >= {FamilyKind.HOME: 7, FamilyKind.METER: 3, FamilyKind.HEAT: 5}[kind]


@pytest.mark.parametrize("name", families())
def test_units_and_limits_are_the_family_s(name: str) -> None:
    one = family(name)
    image: Image = site(named(speech_of(name, {}))).image(DAY_MS)
    assert image.unit_ids == {one.unit}
    assert image.max_words == one.max_words
    for other in image.others:
        assert other.max_words == one.max_words


@pytest.mark.parametrize("name", families())
def test_every_fact_of_a_table_is_one_of_the_plant(name: str) -> None:
    """A misspelt fact would read as "no value" for ever."""
    one: Family = family(name)
    heat = one.kind is FamilyKind.HEAT
    scenario = load_scenario("boiler-healthy" if heat else "home-healthy")
    facts = Site(scenario, ORIGIN_MS, speech_of(name, {})).facts(DAY_MS)
    texts = {"maker", "model", "serial", "version", "part", "serial_number"}
    texts |= {f"{text}_batt" for text in ("maker", "model", "version", "serial")}
    third = {f"{what}_pv_{number}" for what in "pvi" for number in (3, 4)}
    unknown = {row.what for table in one.tables for row in table.rows if not row.constant}
    assert unknown - facts.keys() - texts - third - {"t_fek"} == set()


def test_a_choice_that_is_none_is_one_clear_line() -> None:
    with pytest.raises(BadArgument, match="no such family 'hauwei'; expected one of carlo"):
        family("hauwei")
    with pytest.raises(BadArgument, match="option firmware=middle: expected one of new, old"):
        speech_of("sungrow-sh", {"firmware": "middle"})
    with pytest.raises(BadArgument, match="sungrow-sh has no such option; expected one of firmware, maker"):
        speech_of("sungrow-sh", {"colour": "red"})
    with pytest.raises(BadArgument, match="option unit=300: expected a whole number from 0 to 255"):
        speech_of("sungrow-sh", {"unit": "300"})
    with pytest.raises(BadArgument, match="option clients=none: expected one of many"):
        speech_of("sungrow-sh", {"clients": "none"})


def test_free_options_stand_above_the_plate() -> None:
    speech = speech_of("growatt", {"serial": "S1", "version": "9", "unit": "7", "gap_ms": "0", "clients": "reset_old"})
    assert (speech.equipment.serial, speech.equipment.firmware, speech.unit_id) == ("S1", "9", 7)
    assert (speech.gap_ms, speech.clients) == (0, "reset_old")
    assert speech_of("deye-sunsynk", {"model": "one-phase"}).equipment.model.startswith("SUN-12K")


def test_a_home_cannot_speak_as_a_heat_pump() -> None:
    assert fits(family("nibe-s"), is_heat=True)
    assert not fits(family("nibe-s"), is_heat=False)
    assert not fits(family("eastron-sdm630"), is_heat=True)
