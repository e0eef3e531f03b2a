"""The proof against the simulator's own wiring switches: read by the agent's sources over Modbus, judged, named."""

import random

import pytest

from agent.domain.proof_model import Proof
from firmware_sim.scenario import load_scenario
from firmware_sim.wiring import HEAT_WIRING, HOME_WIRING
from tests.helpers.wired_homes import BOILERS, DEYE, HOMES, HUAWEI, SUNGROW, SUNSPEC, Device, Plan, proof_of, wired
from tests.helpers.wired_table import (
    HEAT_ORIGIN_MS,
    HOME_ORIGIN_MS,
    HOUR_MS,
    ON_PHASES,
    POWERS,
    Wrong,
    heat_mistakes,
    home_mistakes,
    named_right,
)

# Panels, battery and grid all move at this hour of the shipped home.
AT_MS = HOME_ORIGIN_MS + 12 * HOUR_MS + HOUR_MS // 2
MORNING_MS = HEAT_ORIGIN_MS + 31 * HOUR_MS
MISTAKES = [
    (device, wrong) for device in (SUNSPEC, SUNGROW, HUAWEI, DEYE) for wrong in home_mistakes(device, random.Random(7))
]
HEATING = [(BOILERS[0], wrong) for wrong in heat_mistakes(BOILERS[0], random.Random(2))]


def test_every_switch_is_tried() -> None:
    assert {wrong.code for _, wrong in MISTAKES} == HOME_WIRING
    assert {wrong.code for _, wrong in HEATING} >= HEAT_WIRING - HOME_WIRING


@pytest.mark.parametrize("device", HOMES, ids=lambda device: device.family)
async def test_a_home_that_is_wired_right_is_proven_right(device: Device) -> None:
    async with wired(device, load_scenario("home-healthy"), HOME_ORIGIN_MS, AT_MS) as cellar:
        proof = await proof_of(device, cellar, ON_PHASES)
    assert proof.right
    assert set(proof.proven) >= POWERS


@pytest.mark.parametrize(
    ("device", "wrong"), MISTAKES, ids=[f"{device.family}-{wrong.code}" for device, wrong in MISTAKES]
)
async def test_a_mistake_at_a_home_is_named(device: Device, wrong: Wrong) -> None:
    async with wired(device, load_scenario("home-healthy"), HOME_ORIGIN_MS, AT_MS) as cellar:
        cellar.wire(wrong.code, **wrong.switch())
        proof = await proof_of(device, cellar, ON_PHASES)
    assert named_right(proof, wrong), proof


async def test_a_meter_of_a_device_that_computes_the_house_is_put_right_in_the_device() -> None:
    async with wired(SUNGROW, load_scenario("home-healthy"), HOME_ORIGIN_MS, AT_MS) as cellar:
        cellar.wire("scale", of="grid", factor=10.0)
        finding = (await proof_of(SUNGROW, cellar, ON_PHASES)).findings[0]
    assert not finding.change
    assert "in the device's own menu" in finding.advice


@pytest.mark.parametrize("device", BOILERS, ids=lambda device: device.family)
async def test_heating_that_is_wired_right_is_proven_right(device: Device) -> None:
    proof = await heat_proof(device, None)
    assert proof.findings == ()
    assert len(proof.proven) == 4


@pytest.mark.parametrize(("device", "wrong"), HEATING, ids=[wrong.code for _, wrong in HEATING])
async def test_a_mistake_at_the_heating_is_named(device: Device, wrong: Wrong) -> None:
    assert named_right(await heat_proof(device, wrong), wrong)


async def heat_proof(device: Device, wrong: Wrong | None) -> Proof:
    async with wired(device, load_scenario("boiler-healthy"), HEAT_ORIGIN_MS, MORNING_MS) as cellar:
        outdoor = cellar.live.site.facts(MORNING_MS)["t_out"]
        assert isinstance(outdoor, float)
        if wrong is not None:
            cellar.wire(wrong.code, **wrong.switch())
        return await proof_of(device, cellar, Plan(phases=(), heat=True, outdoor_about=round(outdoor)))
