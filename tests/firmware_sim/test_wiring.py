"""Every wiring mistake, as the registers show it and as a right reader of them would be misled."""

import pytest

from agent.domain.signals import GRID_POWER, OUTDOOR_TEMPERATURE, ROOM_TEMPERATURE
from firmware_sim.errors import BadArgument, SimError
from tests.firmware_sim.stand import DAY_MS, NIGHT_MS, Tcp, client, move, signed32, stand
from tests.firmware_sim.support import MINUTE_MS

P_PV, P_GRID, P_BATT, P_LOAD = 5016, 5600, 5213, 13007


async def sungrow(reader: Tcp, address: int) -> int:
    return signed32((await reader.words(address, 2, 4))[::-1])


@pytest.mark.parametrize("at_ms", [DAY_MS, NIGHT_MS])
async def test_a_battery_the_wrong_way_round(at_ms: int) -> None:
    async with stand("sungrow-sh", at_ms=at_ms) as cellar, client(cellar) as reader:
        right = [await sungrow(reader, address) for address in (P_PV, P_GRID, P_BATT, 13026, 13040)]
        cellar.wire("battery_sign")
        wrong = [await sungrow(reader, address) for address in (P_PV, P_GRID, P_BATT, 13040, 13026)]
        assert right[2] != 0
        assert wrong == [*right[:2], -right[2], *right[3:]]


async def test_a_direction_word_turns_with_the_battery() -> None:
    async with stand("solis-hybrid", gap_ms="0") as cellar, client(cellar) as reader:
        assert await reader.words(33135, 1, 4) == [0]
        cellar.wire("battery_sign")
        assert await reader.words(33135, 1, 4) == [1]


async def test_a_clamp_the_wrong_way_round_misleads_the_inverter_s_load_too() -> None:
    async with stand("sungrow-sh") as cellar, client(cellar) as reader:
        right, ac = await sungrow(reader, P_GRID), await sungrow(reader, 13033)
        imports, exports = await sungrow(reader, 13036), await sungrow(reader, 13045)
        cellar.wire("grid_clamp")
        assert await sungrow(reader, P_GRID) == -right
        assert await sungrow(reader, P_LOAD) == pytest.approx(max(0, ac - right), abs=2)
        assert (await sungrow(reader, 13036), await sungrow(reader, 13045)) == (exports, imports)
        cellar.unwire()
        assert await sungrow(reader, P_GRID) == right


@pytest.mark.parametrize("phase", [1, 2, 3])
async def test_a_phase_is_missing(phase: int) -> None:
    async with stand("sungrow-sh") as cellar, client(cellar) as reader:
        phases = [await sungrow(reader, 5602 + 2 * number) for number in range(3)]
        assert sum(phases) == pytest.approx(await sungrow(reader, P_GRID), abs=2)
        cellar.wire("phase_missing", phase=phase)
        seen = [await sungrow(reader, 5602 + 2 * number) for number in range(3)]
        assert seen == [0 if number == phase else watts for number, watts in enumerate(phases, 1)]
        assert await sungrow(reader, P_GRID) == pytest.approx(sum(seen), abs=2)


@pytest.mark.parametrize(("of", "address"), [("grid", P_GRID), ("battery", P_BATT), ("pv", P_PV), ("load", P_LOAD)])
@pytest.mark.parametrize("factor", [0.1, 10.0, 1000.0])
async def test_a_scale_is_off(of: str, address: int, factor: float) -> None:
    async with stand("sungrow-sh") as cellar, client(cellar) as reader:
        right = await sungrow(reader, address)
        cellar.wire("scale", of=of, factor=factor)
        assert await sungrow(reader, address) == pytest.approx(right * factor, abs=0.51 * factor + 0.51)


async def test_a_scale_that_no_register_holds_stays_at_its_end() -> None:
    async with stand("victron-gx", at_ms=DAY_MS) as cellar, client(cellar) as reader:
        cellar.wire("scale", of="battery", factor=1000.0)
        assert await reader.words(842, 1) == [0x7FFF]


async def test_words_are_swapped() -> None:
    async with stand("sungrow-sh") as cellar, client(cellar) as reader:
        right = await reader.words(P_PV, 2, 4)
        cellar.wire("words_swapped")
        assert await reader.words(P_PV, 2, 4) == right[::-1]


async def test_panels_are_counted_on_both_sides() -> None:
    async with stand("sungrow-sh") as cellar, client(cellar) as reader:
        right = await sungrow(reader, P_PV)
        cellar.wire("pv_both_sides")
        assert await sungrow(reader, P_PV) == pytest.approx(1.97 * right, abs=2)
    async with stand("victron-gx") as cellar, client(cellar) as reader:
        (right,) = await reader.words(850, 1)
        assert await reader.words(808, 1) == [0]
        cellar.wire("pv_both_sides")
        assert await reader.words(850, 1) == [right]
        assert (await reader.words(808, 1))[0] == pytest.approx(0.97 * right, abs=1)


async def test_a_load_that_already_contains_the_battery() -> None:
    async with stand("sungrow-sh") as cellar, client(cellar) as reader:
        load, battery = await sungrow(reader, P_LOAD), -(await sungrow(reader, P_BATT))
        assert battery > 100
        cellar.wire("load_with_battery")
        assert await sungrow(reader, P_LOAD) == pytest.approx(load + battery, abs=2)


@pytest.mark.parametrize(
    ("code", "one", "other"), [("flow_return_exchanged", 10105, 10100), ("outdoor_room_exchanged", 10108, 10106)]
)
async def test_sensors_are_exchanged(code: str, one: int, other: int) -> None:
    async with stand("luxtronik", scenario="boiler-healthy") as cellar, client(cellar) as reader:
        first, second = await reader.words(one, 1, 4), await reader.words(other, 1, 4)
        assert first != second
        cellar.wire(code)
        assert (await reader.words(one, 1, 4), await reader.words(other, 1, 4)) == (second, first)


async def test_sensors_are_exchanged_at_a_trovis_too() -> None:
    async with stand("samson-trovis", scenario="boiler-healthy", unit="246") as cellar, client(cellar) as reader:
        flow, back = await reader.words(12, 1), await reader.words(16, 1)
        cellar.wire("flow_return_exchanged")
        assert (await reader.words(12, 1), await reader.words(16, 1)) == (back, flow)


async def test_a_sensor_is_stuck_at_what_it_showed() -> None:
    async with stand("luxtronik", scenario="boiler-healthy") as cellar, client(cellar) as reader:
        cellar.wire("sensor_stuck", sensor=OUTDOOR_TEMPERATURE)
        held = await reader.words(10108, 1, 4)
        rooms = set()
        for hour in range(1, 13):
            move(cellar, DAY_MS + hour * 60 * MINUTE_MS)
            assert await reader.words(10108, 1, 4) == held
            rooms.add((await reader.words(10105, 1, 4))[0])
        assert len(rooms) > 3
        cellar.unwire()
        assert await reader.words(10108, 1, 4) != held


async def test_a_sensor_is_not_connected() -> None:
    async with stand("luxtronik", scenario="boiler-healthy") as cellar, client(cellar) as reader:
        cellar.wire("sensor_disconnected", sensor=ROOM_TEMPERATURE)
        assert await reader.words(10106, 1, 4) == [0x7FFF]
    async with stand("sungrow-sh") as cellar, client(cellar) as reader:
        cellar.wire("sensor_disconnected", sensor=GRID_POWER)
        assert await reader.words(P_GRID, 2, 4) == [0xFFFF, 0x7FFF]


async def test_the_truth_does_not_change_with_the_wiring() -> None:
    async with stand("sungrow-sh") as cellar:
        right = dict(cellar.truth())
        cellar.wire("grid_clamp")
        cellar.wire("battery_sign")
        assert dict(cellar.truth()) == right


async def test_mistakes_that_cannot_be_made_are_one_clear_line() -> None:
    async with stand("sungrow-sh") as home, stand("luxtronik", scenario="boiler-healthy") as boiler:
        with pytest.raises(BadArgument, match="wiring crossed: 'crossed' is not a valid WiringCode"):
            home.wire("crossed")
        with pytest.raises(BadArgument, match="wiring flow_return_exchanged: expected one of battery_sign"):
            home.wire("flow_return_exchanged")
        with pytest.raises(BadArgument, match="unknown signal 'outdor_temperature'; did you mean outdoor_temperature"):
            boiler.wire("sensor_stuck", sensor="outdor_temperature")
        with pytest.raises(SimError, match="no load can be switched at a heating site"):
            boiler.load(2000)
