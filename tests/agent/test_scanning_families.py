"""Every family of the simulator is found and named by a scan, over TCP and on a serial line; nothing is written."""

import asyncio
from pathlib import Path

import pytest

from agent.scanning import scan_serial, scan_tcp
from agent.sources.fingerprints import TCP_UNITS, probes_from, shipped_probes
from agent.sources.profile_file import ProfileShelf
from agent.sources.scan import ScanRules
from agent.sources.serial_settings import SerialSettings
from firmware_sim.families.family import FamilyKind, families, family
from tests.firmware_sim.stand import DAY_MS, NIGHT_MS, stand
from tests.helpers.programs import run

RULES = ScanRules(timeout_s=1.0, pace_s=0.0)
PROBES = shipped_probes()
# Growatt tells that it is one, and not which of two maps it has; no profile is for Lambda.
PROFILES = {
    "carlo-gavazzi-em24-ethernet": "carlo-gavazzi-em24-ethernet",
    "carlo-gavazzi-em24-rs485": "carlo-gavazzi-em24-rs485",
    "deye-sunsynk": "deye-sunsynk-3p",
    "eastron-sdm630": "eastron-sdm630",
    "fronius-gen24": "fronius-gen24",
    "goodwe-et": "goodwe-et",
    "growatt": "",
    "huawei-sun2000": "huawei-sun2000",
    "idm-navigator": "idm-navigator",
    "lambda-eu": "",
    "luxtronik": "luxtronik",
    "nibe-s": "nibe-s",
    "samson-trovis": "samson-trovis-557x",
    "sma-hybrid": "sma-tripower-smart-energy",
    "sma-sunny-island": "sma-sunny-island",
    "solaredge-storedge": "solaredge-storedge",
    "solis-hybrid": "solis-hybrid",
    "stiebel-wpm": "stiebel-eltron-wpm",
    "sungrow-sh": "sungrow-sh",
    "sunspec": "fronius-gen24",  # By the plate that it has unless another is asked for.
    "victron-gx": "victron-gx",
}


def scenario(name: str) -> str:
    return "boiler-healthy" if family(name).kind is FamilyKind.HEAT else "home-healthy"


def test_every_family_is_scanned() -> None:
    assert set(PROFILES) == set(families())


@pytest.mark.parametrize("at_ms", [DAY_MS, NIGHT_MS], ids=["day", "night"])
@pytest.mark.parametrize("name", [name for name in families() if "tcp" in family(name).carriers])
async def test_a_family_is_named_over_tcp(name: str, at_ms: int) -> None:
    async with stand(name, scenario=scenario(name), at_ms=at_ms, gap_ms="0") as cellar:
        found = await scan_tcp([("127.0.0.1", cellar.port)], TCP_UNITS, PROBES, RULES)
    known = [each for each in found if each.identity.how]
    assert [each.identity.profile for each in known] == ([] if name == "lambda-eu" else [PROFILES[name]])
    assert all(each.unit == family(name).unit for each in known)
    assert found, "somebody answers"


@pytest.mark.parametrize("name", ["eastron-sdm630", "carlo-gavazzi-em24-rs485", "samson-trovis"])
async def test_a_family_is_named_on_a_serial_line(name: str) -> None:
    async with stand(name, "rtu", scenario=scenario(name)) as cellar:
        baud = int(family(name).line.split("N")[0])
        settings = SerialSettings(str(cellar.by_id), baud)
        unit = cellar.unit_id
        found = await scan_serial(settings, (unit - 1, unit), PROBES, ScanRules(0.3, 0.0))
    assert [(each.unit, each.identity.profile) for each in found] == [(unit, PROFILES[name])]


MINE = """
name = "whatever"
maker = "Meier"
model = "Meter"
sources = ["its sheet"]
[[fingerprint]]
function = 4
address = 70
type = "f32"
low = 49.0
high = 51.0
[[register]]
signal = "grid_power"
function = 4
address = 52
type = "f32"
"""


async def test_a_profile_of_ones_own_is_found_by_its_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "meiers-meter.toml").write_text(MINE)
    own = [profile for profile in ProfileShelf.beside(tmp_path / "site.toml").sound()[0] if profile.maker == "Meier"]
    async with stand("eastron-sdm630", "rtu") as cellar:
        settings = SerialSettings(str(cellar.by_id), 9600)
        found = await scan_serial(settings, (1,), probes_from(own), ScanRules(0.3, 0.0))
    assert [each.identity.profile for each in found] == ["meiers-meter"]


async def test_the_command_tells_of_a_profile_that_is_not_sound_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "broken.toml").write_text(MINE.replace("52", '"x"'))
    async with stand("nibe-s", scenario="boiler-healthy") as cellar:
        command = ("scan", "--host", f"127.0.0.1:{cellar.port}", "--config", tmp_path / "site.toml")
        done = await asyncio.to_thread(run, "agent", *command)
    assert done.returncode == 0
    assert "profile nibe-s" in done.stdout
    assert "broken.toml:15: register grid_power, field address: got 'x'" in done.stderr
