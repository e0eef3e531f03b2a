"""Independent masters read the families: mbpoll (libmodbus) over TCP and serial ports, pysunspec2 over TCP.

What must come out is written here by hand from the makers' own words, not taken from the tables under test.
"""

import asyncio
import struct
from collections.abc import Callable, Mapping

import pytest
import sunspec2.modbus.client as sunspec_client

from tests.firmware_sim.mbpoll import needs_mbpoll, poll, rtu, tcp
from tests.firmware_sim.stand import DAY_MS, NIGHT_MS, stand

Facts = Mapping[str, object]


def number(facts: Facts, name: str) -> float:
    value = facts[name]
    assert isinstance(value, float)
    return value


# family, options, unit, mbpoll -t, address, what it must show in the device's own units
Probe = tuple[str, dict[str, str], int, str, int, Callable[[Facts], float]]
PROBES: list[Probe] = [
    ("huawei-sun2000", {}, 1, "4:int", 37113, lambda f: -number(f, "p_grid")),
    ("huawei-sun2000", {}, 1, "4:int", 37765, lambda f: number(f, "p_batt")),
    ("huawei-sun2000", {}, 1, "4:int", 37502, lambda f: number(f, "p_grid")),
    ("huawei-sun2000", {}, 1, "4", 37760, lambda f: 10 * number(f, "soc")),
    ("goodwe-et", {}, 247, "4:int", 35182, lambda f: -number(f, "p_batt")),
    ("goodwe-et", {}, 247, "4:int", 36025, lambda f: -number(f, "p_grid")),
    ("goodwe-et", {}, 247, "4:int16", 37003, lambda f: 10 * number(f, "t_batt")),
    ("goodwe-et", {}, 247, "4:float", 36017, lambda f: number(f, "e_import")),
    ("growatt", {"gap_ms": "0"}, 1, "3:int", 1009, lambda f: 10 * max(0.0, -number(f, "p_batt"))),
    ("growatt", {"gap_ms": "0"}, 1, "3:int", 1011, lambda f: 10 * max(0.0, number(f, "p_batt"))),
    ("growatt", {"gap_ms": "0"}, 1, "3:int", 1021, lambda f: 10 * max(0.0, number(f, "p_grid"))),
    ("growatt", {"gap_ms": "0"}, 1, "3:int", 1029, lambda f: 10 * max(0.0, -number(f, "p_grid"))),
    ("growatt", {"gap_ms": "0", "map": "b"}, 1, "3:int", 3180, lambda f: 10 * max(0.0, number(f, "p_batt"))),
    ("victron-gx", {}, 100, "4:int16", 842, lambda f: number(f, "p_batt")),
    ("victron-gx", {}, 100, "4:int16", 820, lambda f: number(f, "p_grid_l1")),
    ("victron-gx", {}, 225, "3:int16", 262, lambda f: 10 * number(f, "t_batt")),
    ("deye-sunsynk", {}, 1, "4:int16", 590, lambda f: -number(f, "p_batt")),
    ("deye-sunsynk", {}, 1, "4:int16", 625, lambda f: number(f, "p_grid")),
    ("deye-sunsynk", {}, 1, "4", 586, lambda f: 1000 + 10 * number(f, "t_batt")),
    ("deye-sunsynk", {"model": "three-phase-hv"}, 1, "4:int16", 590, lambda f: -number(f, "p_batt") / 10),
    ("deye-sunsynk", {"model": "one-phase"}, 1, "4:int16", 190, lambda f: -number(f, "p_batt")),
    ("sma-hybrid", {}, 3, "4:int", 31393, lambda f: max(0.0, number(f, "p_batt"))),
    ("sma-hybrid", {}, 3, "4:int", 30867, lambda f: max(0.0, -number(f, "p_grid"))),
    ("solis-hybrid", {"gap_ms": "0"}, 1, "3:int", 33263, lambda f: -number(f, "p_grid")),
    ("solis-hybrid", {"gap_ms": "0"}, 1, "3:int", 33149, lambda f: abs(number(f, "p_batt"))),
    ("solis-hybrid", {"gap_ms": "0"}, 1, "3", 33135, lambda f: float(number(f, "p_batt") < 0)),
    ("solis-hybrid", {"gap_ms": "0", "battery": "signed"}, 1, "3:int", 33149, lambda f: number(f, "p_batt")),
    ("carlo-gavazzi-em24-ethernet", {}, 1, "4", 0x000B, lambda f: 1648),
    ("nibe-s", {}, 1, "3:int16", 1, lambda f: 10 * number(f, "t_out")),
    ("nibe-s", {}, 1, "3:int16", 7, lambda f: 10 * number(f, "t_return")),
    ("stiebel-wpm", {}, 1, "3:int16", 507, lambda f: 10 * number(f, "t_flow")),
    ("stiebel-wpm", {}, 1, "3", 502, lambda f: 0x8000),
    ("luxtronik", {}, 1, "3:int16", 10108, lambda f: 10 * number(f, "t_out")),
    ("lambda-eu", {}, 1, "4:int16", 5002, lambda f: 10 * number(f, "t_flow")),
]
HEAT = {"nibe-s", "stiebel-wpm", "luxtronik", "lambda-eu", "idm-navigator"}


@needs_mbpoll
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe[0]}-{probe[4]}-{'-'.join(probe[1].values())}")
@pytest.mark.parametrize("at_ms", [DAY_MS, NIGHT_MS], ids=["day", "night"])
async def test_mbpoll_reads_what_the_maker_says(probe: Probe, at_ms: int) -> None:
    family, options, unit, kind, address, meant = probe
    scenario = "boiler-healthy" if family in HEAT else "home-healthy"
    async with stand(family, scenario=scenario, at_ms=at_ms, **options) as cellar:
        (seen,) = await asyncio.to_thread(poll, tcp(cellar.port), unit, kind, address)
        facts = cellar.live.site.facts(at_ms)
        assert float(seen) == pytest.approx(meant(facts), abs=0.51, rel=1e-6)


@needs_mbpoll
async def test_mbpoll_reads_values_with_the_low_word_first() -> None:
    async with stand("sungrow-sh") as cellar:
        low, high = await asyncio.to_thread(poll, tcp(cellar.port), 1, "3", 13009, 2)
        (grid,) = struct.unpack(">i", struct.pack(">2H", int(high), int(low)))
        assert grid == round(-number(cellar.live.site.facts(DAY_MS), "p_grid"))
    async with stand("idm-navigator", scenario="boiler-healthy") as cellar:
        low, high = await asyncio.to_thread(poll, tcp(cellar.port), 1, "3", 1000, 2)
        (outdoor,) = struct.unpack(">f", struct.pack(">2H", int(high), int(low)))
        assert outdoor == pytest.approx(number(cellar.live.site.facts(DAY_MS), "t_out"), rel=1e-6)
    async with stand("deye-sunsynk") as cellar:
        (low,) = await asyncio.to_thread(poll, tcp(cellar.port), 1, "4", 625)
        (high,) = await asyncio.to_thread(poll, tcp(cellar.port), 1, "4", 690)
        (grid,) = struct.unpack(">i", struct.pack(">2H", int(high), int(low)))
        assert grid == round(number(cellar.live.site.facts(DAY_MS), "p_grid"))


@needs_mbpoll
async def test_mbpoll_reads_meters_on_a_serial_port() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar:
        (seen,) = await asyncio.to_thread(poll, rtu(str(cellar.by_id)), 1, "3:float", 52)
        assert float(seen) == pytest.approx(number(cellar.live.site.facts(DAY_MS), "p_grid"), rel=1e-5)
        assert await asyncio.to_thread(poll, rtu(str(cellar.by_id), baud=19200), 1, "3:float", 52) == []
    async with stand("carlo-gavazzi-em24-rs485", "rtu") as cellar:
        low, high = await asyncio.to_thread(poll, rtu(str(cellar.tty)), 1, "3", 0x28, 2)
        (grid,) = struct.unpack(">i", struct.pack(">2H", int(high), int(low)))
        assert grid == round(10 * number(cellar.live.site.facts(DAY_MS), "p_grid"))
    async with stand("samson-trovis", "rtu", scenario="boiler-healthy", unit="246") as cellar:
        (seen,) = await asyncio.to_thread(poll, rtu(str(cellar.tty), baud=19200), 246, "4:int16", 9)
        assert int(seen) == round(10 * number(cellar.live.site.facts(DAY_MS), "t_out"))


@needs_mbpoll
async def test_mbpoll_sees_noise_as_no_answer() -> None:
    async with stand("eastron-sdm630", "rtu") as cellar:
        cellar.fault("noise", count=1)
        assert await asyncio.to_thread(poll, rtu(str(cellar.tty)), 1, "3:float", 52) == []
        assert len(await asyncio.to_thread(poll, rtu(str(cellar.tty)), 1, "3:float", 52)) == 1


def scanned(port: int, unit: int) -> dict[int, dict[str, float | str | None]]:
    """Every point of every model, by pysunspec2; of a model that is there twice, the last."""
    device = sunspec_client.SunSpecModbusClientDeviceTCP(slave_id=unit, ipaddr="127.0.0.1", ipport=port)
    try:
        device.scan()
        return {
            key: {name: point.cvalue for name, point in models[-1].points.items()}
            for key, models in device.models.items()
            if isinstance(key, int)
        }
    finally:
        device.close()


async def test_pysunspec2_reads_the_gen24_and_its_meter_on_another_unit() -> None:
    async with stand("fronius-gen24") as cellar:
        facts = cellar.live.site.facts(DAY_MS)
        inverter = await asyncio.to_thread(scanned, cellar.port, 1)
        meter = await asyncio.to_thread(scanned, cellar.port, 200)
        assert set(inverter) == {1, 103, 120, 124, 160}
        assert set(meter) == {1, 203}
        assert inverter[103]["W"] == pytest.approx(number(facts, "p_ac"), abs=1)
        assert inverter[124]["ChaState"] == pytest.approx(number(facts, "soc"), abs=0.01)
        assert meter[203]["W"] == pytest.approx(number(facts, "p_grid"), abs=1)
        assert meter[203]["TotWhImp"] == pytest.approx(number(facts, "e_import"), abs=1)
    async with stand("fronius-gen24", meter="240") as cellar:
        assert set(await asyncio.to_thread(scanned, cellar.port, 240)) == {1, 203}


async def test_pysunspec2_reads_the_storedge_whose_meter_counts_export() -> None:
    async with stand("solaredge-storedge") as cellar:
        facts = cellar.live.site.facts(DAY_MS)
        models = await asyncio.to_thread(scanned, cellar.port, 1)
        assert models[203]["W"] == pytest.approx(-number(facts, "p_grid"), abs=1)
        assert models[103]["DCW"] == pytest.approx(number(facts, "p_pv") - number(facts, "p_batt"), abs=1)
        assert models[103]["TmpSnk"] == pytest.approx(number(facts, "t_inv"), abs=0.06)
        assert models[103]["TmpCab"] is None


@needs_mbpoll
async def test_mbpoll_reads_the_storedge_s_battery_block_and_fixed_places() -> None:
    async with stand("solaredge-storedge") as cellar:
        facts = cellar.live.site.facts(DAY_MS)
        low, high = await asyncio.to_thread(poll, tcp(cellar.port), 1, "4", 0xE174, 2)
        (watts,) = struct.unpack(">f", struct.pack(">2H", int(high), int(low)))
        assert watts == pytest.approx(number(facts, "p_batt"), rel=1e-6)
        parts = await asyncio.to_thread(poll, tcp(cellar.port), 1, "4", 0xE17A, 4)
        assert sum(int(word) << 16 * place for place, word in enumerate(parts)) == round(number(facts, "e_charge"))
        # The places that the maker's note names: power of the meter at 40206, its scale at 40210.
        power = await asyncio.to_thread(poll, tcp(cellar.port), 1, "4:int16", 40206, 5)
        assert int(power[0]) * 10.0 ** int(power[4]) == pytest.approx(-number(facts, "p_grid"), abs=1)


async def test_pysunspec2_finds_a_map_that_has_moved() -> None:
    async with stand("sunspec") as cellar:
        cellar.fault("moved", words=10_000)
        models = await asyncio.to_thread(scanned, cellar.port, 1)
        assert set(models) == {1, 103, 120, 124, 160, 203}
