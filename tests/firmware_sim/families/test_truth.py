import pytest

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BURNER_ON,
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_STATE,
    LOAD_POWER,
    PUMP_ON,
    PV_ENERGY_TOTAL,
    PV_POWER,
    InverterAlarm,
    InverterState,
)
from firmware_sim.families.speech import speech_of
from firmware_sim.families.truth import register_steps, told
from tests.firmware_sim.stand import DAY_MS, NIGHT_MS, stand


async def test_powers_are_those_of_the_plant_and_balance() -> None:
    async with stand("goodwe-et") as cellar:
        truth, facts = cellar.truth(), cellar.live.site.facts(DAY_MS)
        assert truth[PV_POWER].value == facts["p_pv"]
        assert truth[BATTERY_POWER].value == facts["p_batt"]
        assert truth[GRID_POWER].value == facts["p_grid"]
        losses = truth[PV_POWER].value + truth[GRID_POWER].value - truth[BATTERY_POWER].value - truth[LOAD_POWER].value
        assert 0 <= losses < 0.05 * truth[PV_POWER].value


@pytest.mark.parametrize(
    ("family", "options", "signal", "step"),
    [
        ("huawei-sun2000", {}, GRID_POWER, 1.0),
        ("growatt", {}, GRID_POWER, 0.2),
        ("victron-gx", {}, GRID_POWER, 3.0),
        ("goodwe-et", {}, PV_POWER, 2.0),
        ("deye-sunsynk", {"model": "three-phase-hv"}, BATTERY_POWER, 10.0),
        ("sungrow-sh", {}, PV_ENERGY_TOTAL, 100.0),
        ("eastron-sdm630", {}, GRID_POWER, 3283.93 * 2**-23),
        ("victron-gx", {}, BATTERY_SOC, 1.0),
        ("huawei-sun2000", {}, LOAD_POWER, 1.0),
        ("sma-hybrid", {}, LOAD_POWER, 3.0),
    ],
)
async def test_a_step_is_what_one_unit_of_the_registers_is_worth(
    family: str, options: dict[str, str], signal: object, step: float
) -> None:
    async with stand(family, **options) as cellar:
        (found,) = (one for name, one in cellar.truth().items() if name == signal)
        assert found.step == pytest.approx(step, rel=1e-4)


async def test_a_state_is_told_where_the_registers_can() -> None:
    async with stand("huawei-sun2000") as cellar:
        assert cellar.truth()[INVERTER_STATE].value == InverterState.RUNNING
        assert cellar.truth()[INVERTER_STATE].also == set()
        assert cellar.truth()[INVERTER_ALARM].value == InverterAlarm.NONE
    async with stand("goodwe-et") as cellar:
        # Throttled and running are one number there.
        state = cellar.truth()[INVERTER_STATE]
        assert (state.value, state.also) == (InverterState.RUNNING, {InverterState.THROTTLED})
    async with stand("sma-hybrid", at_ms=NIGHT_MS) as cellar:
        assert INVERTER_ALARM in cellar.truth()


async def test_heat_is_told_by_burner_compressor_or_valve() -> None:
    for family in ("nibe-s", "stiebel-wpm", "luxtronik", "idm-navigator", "lambda-eu", "samson-trovis"):
        unit = "246" if family == "samson-trovis" else "1"
        async with stand(family, scenario="boiler-healthy", unit=unit) as cellar:
            truth, facts = cellar.truth(), cellar.live.site.facts(DAY_MS)
            meant = float(round(float(str(facts["valve_percent"]))) > 0) if unit == "246" else facts["burner"]
            assert truth[BURNER_ON].value == meant
            assert (PUMP_ON in truth) is (family in {"stiebel-wpm", "samson-trovis"})


def test_a_meter_tells_the_grid_only() -> None:
    facts = {"p_grid": 5.0, "p_pv": 7.0, "e_import": 1.0, "e_export": 2.0, "p_load": 12.0, "p_ac": 7.0}
    assert len(told(facts, speech_of("eastron-sdm630", {}))) == 3
    assert "p_pv" not in register_steps(speech_of("solaredge-storedge", {}))
