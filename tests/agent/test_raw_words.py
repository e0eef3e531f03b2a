"""`emberwatt-agent read`: values in words, with the raw words behind them, of real devices of the simulator."""

import json
from pathlib import Path

import pytest

from agent import once
from agent.config import load
from firmware_sim.cellar import Cellar
from tests.firmware_sim.stand import stand


def site_of(folder: Path, cellar: Cellar, profile: str, more: str = "") -> Path:
    path = folder / "site.toml"
    path.write_text(
        f'[device]\nid = "home-1"\n[[source]]\nname = "device"\nprofile = "{profile}"\nhost = "127.0.0.1"\n'
        f"port = {cellar.port}\nunit = {cellar.unit_id}\n{more}"
    )
    return path


async def told(folder: Path, capsys: pytest.CaptureFixture[str], cellar: Cellar, profile: str, more: str = "") -> str:
    site = load(site_of(folder, cellar, profile, more))
    assert await once.read(site, as_json=False) == 0
    return capsys.readouterr().out


async def test_states_in_words_and_values_with_their_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with stand("sungrow-sh", gap_ms="0") as cellar:
        shown = await told(tmp_path, capsys, cellar, "sungrow-sh")
        lines = {line.split()[0]: line for line in shown.splitlines()}
        assert "running" in lines["inverter_state"]
        assert "none" in lines["inverter_alarm"]
        assert await once.read(load(tmp_path / "site.toml"), as_json=True) == 0
        device = json.loads(capsys.readouterr().out)["device"]
        grid = round(-device["values"]["grid_power"]) & 0xFFFFFFFF
        assert device["raw"]["grid_power"] == [f"13009: {grid & 0xFFFF:04X} {grid >> 16:04X}"]


async def test_words_of_a_chain_of_models_and_of_further_units(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stand("fronius-gen24", gap_ms="0") as cellar:
        shown = await told(tmp_path, capsys, cellar, "fronius-gen24", "more_units = [200]\n")
        assert "grid_power" in shown
        assert all(":" in line for line in shown.splitlines()[1:]), shown
    async with stand("victron-gx") as cellar:
        shown = await told(tmp_path, capsys, cellar, "victron-gx", "more_units = [225, 227]\n")
        lines = {line.split()[0]: line for line in shown.splitlines()}
        assert "262: " in lines["battery_temperature"], "out of the battery's own unit"


async def test_a_profile_of_ones_own_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.toml").write_text(
        'name = "mine"\nmaker = "M"\nmodel = "X"\nsources = ["a sheet"]\n\n[[register]]\nsignal = "grid_power"\n'
        'function = 4\naddress = 13009\ntype = "i32"\norder = "lo"\nsign = -1\n'
    )
    async with stand("sungrow-sh", gap_ms="0") as cellar:
        assert "grid_power" in await told(tmp_path, capsys, cellar, "mine")


async def test_what_is_on_or_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with stand("luxtronik", scenario="boiler-healthy") as cellar:
        shown = await told(tmp_path, capsys, cellar, "luxtronik")
    (line,) = (line for line in shown.splitlines() if "burner_on" in line)
    assert line.split()[1] in ("on", "off")
