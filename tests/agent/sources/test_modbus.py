"""A Modbus source against a server on a socket, when all is well and when it is not."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise
from random import Random

import pytest

from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BOILER_FAULT,
    BURNER_ON,
    DHW_TEMPERATURE,
    FLOW_TEMPERATURE,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    INVERTER_ALARM,
    INVERTER_STATE,
    INVERTER_TEMPERATURE,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    Equipment,
    InverterAlarm,
    InverterState,
    Quality,
    Reading,
)
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import load_profile
from agent.sources.tcp_client import TcpLink
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.sources import SteppedClock
from tests.helpers.sunspec_device import common, hybrid, inverter, meter, serve, signed

NOW_MS = 1_700_000_000_000


@pytest.fixture
async def server() -> AsyncIterator[ModbusServer]:
    async with ModbusServer() as running:
        yield running


def source(
    server: ModbusServer,
    profile: str = "sunspec",
    *,
    variants: tuple[str, ...] = (),
    unit: int | None = None,
    more_units: tuple[int, ...] = (),
    timeout_s: float = 0.5,
) -> ModbusSource:
    return ModbusSource(
        "home",
        load_profile(profile, variants),
        TcpLink("127.0.0.1", server.port),
        clock=SteppedClock(NOW_MS),
        unit=unit,
        more_units=more_units,
        timeout_s=timeout_s,
    )


async def until_it_answers(home: ModbusSource) -> Reading:
    for _ in range(100):
        with suppress(SourceUnavailable):
            return await home.read()
    raise AssertionError("it never answers again")


async def test_a_hybrid_home(server: ModbusServer) -> None:
    serve(server, hybrid(ac=2500, grid=-1200, modules=(2000, 1500, 900, 0), soc=6450))
    async with source(server) as home:
        reading = await home.read()
    assert reading.bad == {}
    values = reading.values
    assert values[PV_POWER] == 3500
    assert values[BATTERY_POWER] == 900
    assert values[GRID_POWER] == -1200
    assert values[LOAD_POWER] == 1300
    assert values[BATTERY_SOC] == pytest.approx(64.5)
    assert values[INVERTER_TEMPERATURE] == pytest.approx(31.5)
    assert values[INVERTER_STATE] == InverterState.RUNNING
    assert values[INVERTER_ALARM] == InverterAlarm.NONE
    assert values[GRID_IMPORT_TOTAL] == 700_000


async def test_discharging_is_negative(server: ModbusServer) -> None:
    serve(server, hybrid(ac=800, grid=0, modules=(0, 0, 0, 820)))
    async with source(server) as home:
        values = (await home.read()).values
    assert values[BATTERY_POWER] == -820
    assert values[PV_POWER] == 0


async def test_a_meter_that_counts_export(server: ModbusServer) -> None:
    serve(server, [common(), inverter(2500), meter(1200)])
    async with source(server, variants=("meter_counts_export",)) as home:
        values = (await home.read()).values
    assert (values[GRID_POWER], values[LOAD_POWER]) == (-1200, 1300)


async def test_a_meter_behind_another_unit_of_the_same_device(server: ModbusServer) -> None:
    serve(server, [common(), inverter(2500)])
    serve(server, [common(), meter(-1200)], unit=200)
    async with source(server, more_units=(200,)) as home:
        assert (await home.read()).values[LOAD_POWER] == 1300


async def test_a_scale_factor_that_moves_is_read_with_its_value(server: ModbusServer) -> None:
    places = serve(server, hybrid())
    async with source(server) as home:
        await home.read()
        server.put(places[203] + 18, [signed(-12)])
        server.put(places[203] + 22, [2])
        assert (await home.read()).values[GRID_POWER] == -1200
    together = [request for request in server.requests if request[2] <= places[203] + 18 < request[2] + request[3]]
    assert together
    assert all(address + count > places[203] + 22 for _, _, address, count in together)


async def test_a_poll_is_one_request_per_model(server: ModbusServer) -> None:
    serve(server, hybrid())
    async with source(server) as home:
        await home.read()
        server.requests.clear()
        await home.read()
    assert len(server.requests) == 4


async def test_a_refused_block_costs_its_own_signals_only(server: ModbusServer) -> None:
    places = serve(server, hybrid())
    async with source(server) as home:
        await home.read()
        server.faults.refuse[3, places[124] + 8] = 2
        reading = await home.read()
        assert reading.bad == {BATTERY_SOC: Quality.INVALID}
        server.faults.refuse.clear()
        assert BATTERY_SOC in (await home.read()).values


async def test_a_part_that_was_never_there_is_not_explored_with_every_poll(server: ModbusServer) -> None:
    places = serve(server, hybrid())
    server.faults.refuse[3, places[124] + 8] = 2
    async with source(server) as home:
        for _ in range(3):
            server.requests.clear()
            reading = await home.read()
            assert BATTERY_SOC not in {*reading.values, *reading.bad}
            assert BATTERY_SOC not in home.signals
    assert len(server.requests) == 3


async def test_a_busy_device_makes_signals_missing(server: ModbusServer) -> None:
    places = serve(server, hybrid())
    async with source(server) as home:
        await home.read()
        server.faults.refuse[3, places[124] + 8] = 6
        assert (await home.read()).bad == {BATTERY_SOC: Quality.MISSING}


async def test_a_gateway_whose_device_is_gone_is_unavailable(server: ModbusServer) -> None:
    server.put(0, [0] * 100, unit=247)
    server.faults.refuse = {(function, address): 11 for function in (1, 3) for address in range(200)}
    async with source(server, "samson-trovis-557x") as home:
        with pytest.raises(SourceUnavailable, match="exception 11"):
            await home.read()


async def test_reads_at_once_share_one_connection_and_take_turns(server: ModbusServer) -> None:
    serve(server, hybrid())
    async with source(server) as home:
        await asyncio.gather(home.read(), home.identify(), home.read())
        assert server.connections == 1
        discovery, read_twice = 12, 8
        assert len(server.requests) == discovery + read_twice + 1 + 4


async def test_a_late_answer_meets_nobody(server: ModbusServer) -> None:
    places = serve(server, hybrid())
    async with source(server, timeout_s=0.15) as home:
        await home.read()
        server.faults.delay_s = 0.3
        with pytest.raises(SourceUnavailable, match=r"no answer within 0\.15 s"):
            await home.read()
        server.faults.delay_s = 0.0
        server.put(places[203] + 18, [777])
        assert (await home.read()).values[GRID_POWER] == 777
    assert server.connections == 2


async def test_a_foreign_transaction_is_never_taken(server: ModbusServer) -> None:
    serve(server, hybrid())
    async with source(server) as home:
        await home.read()
        server.faults.wrong_transaction = True
        with pytest.raises(SourceUnavailable):
            await home.read()


async def test_an_answer_of_another_length_is_never_taken(server: ModbusServer) -> None:
    serve(server, hybrid())
    async with source(server) as home:
        await home.read()
        server.faults.truncate = True
        with pytest.raises(SourceUnavailable, match="does not fit"):
            await home.read()
        server.faults.truncate = False
        assert (await home.read()).values


async def test_a_hang_up_is_noticed_at_once(server: ModbusServer) -> None:
    serve(server, hybrid())
    async with source(server, timeout_s=20.0) as home:
        await home.read()
        server.faults.hang_up = True
        started = time.monotonic()
        with pytest.raises(SourceUnavailable, match="lost the connection"):
            await home.read()
        assert time.monotonic() - started < 5


async def test_a_connection_closed_between_polls_is_made_anew(server: ModbusServer) -> None:
    serve(server, hybrid())
    async with source(server) as home:
        before = await home.read()
        await server.stop()
        await server.start()
        # The close may be under way while the first request is written.
        assert (await until_it_answers(home)).values == before.values


async def test_a_device_that_is_no_sunspec(server: ModbusServer) -> None:
    server.put(40000, [1, 2, 3])
    async with source(server) as home:
        with pytest.raises(SourceUnavailable, match="no SunSpec marker at 40000, 0, 50000"):
            await home.read()


async def test_a_map_that_moves_is_explored_again(server: ModbusServer) -> None:
    serve(server, hybrid(soc=5000))
    async with source(server) as home:
        await home.read()
        server.store.clear()
        moved = hybrid(soc=6000)
        serve(server, [moved[0], moved[2], moved[1], *moved[3:]])
        with pytest.raises(SourceUnavailable, match="map has changed"):
            await home.read()
        assert (await home.read()).values[BATTERY_SOC] == pytest.approx(60.0)


async def test_the_device_says_who_it_is(server: ModbusServer) -> None:
    serve(server, hybrid())
    async with source(server) as home:
        assert await home.identify() == Equipment("Maker", "Hybrid 10", "S-0042", "1.28.7")


def trovis(server: ModbusServer) -> None:
    """A district-heating controller, by the numbers of its register list minus 40001 and coils minus 1."""
    server.put(0, [5576, 25, 231, 3, 0, 4711, 0], unit=247)
    server.put(9, [0x7FFF] * 32, unit=247)
    server.put(9, [signed(-53)], unit=247)
    server.put(12, [584], unit=247)
    server.put(16, [421], unit=247)
    server.put(19, [207], unit=247)
    server.put(98, [0] * 57, unit=247)
    server.put(106, [35], unit=247)
    server.put(40, [0] * 30, unit=247, function=1)
    server.put(56, [1], unit=247, function=1)


async def test_a_heating_controller(server: ModbusServer) -> None:
    trovis(server)
    async with source(server, "samson-trovis-557x") as boiler:
        reading = await boiler.read()
        assert await boiler.identify() == Equipment("Samson", "TROVIS 5576", "4711", "2.31")
    assert reading.values == pytest.approx(
        {
            OUTDOOR_TEMPERATURE: -5.3,
            FLOW_TEMPERATURE: 58.4,
            RETURN_TEMPERATURE: 42.1,
            ROOM_TEMPERATURE: 20.7,
            BURNER_ON: 1.0,
            PUMP_ON: 1.0,
            BOILER_FAULT: 0.0,
        }
    )
    assert reading.bad == {}
    assert DHW_TEMPERATURE not in reading.values


async def test_no_request_touches_a_hole(server: ModbusServer) -> None:
    trovis(server)
    profile = load_profile("samson-trovis-557x")
    ranges = [(r.first, r.last) for r in profile.limits.readable]
    async with source(server, "samson-trovis-557x") as boiler:
        await boiler.read()
        await boiler.identify()
    for _, function, address, count in server.requests:
        if function == 3:
            assert any(first <= address and address + count - 1 <= last for first, last in ranges)


async def test_requests_are_paced(server: ModbusServer) -> None:
    trovis(server)
    arrived: list[float] = []
    server.on_request = lambda: arrived.append(time.monotonic())
    async with source(server, "samson-trovis-557x") as boiler:
        await boiler.read()
    gaps = [later - earlier for earlier, later in pairwise(arrived)]
    assert gaps
    assert min(gaps) >= 0.028


def test_more_units_are_for_chains_only() -> None:
    link = TcpLink("127.0.0.1", 1)
    with pytest.raises(BadSetup, match="source boiler: more_units"):
        ModbusSource("boiler", load_profile("samson-trovis-557x"), link, clock=SteppedClock(NOW_MS), more_units=(3,))


async def test_leaving_closes_the_connection(server: ModbusServer) -> None:
    serve(server, hybrid())
    async with source(server) as home:
        await home.read()
    for _ in range(500):
        if server.open_connections:
            await asyncio.sleep(0.01)
    assert server.open_connections == 0


async def test_only_wanted_signals(server: ModbusServer) -> None:
    serve(server, hybrid())
    link = TcpLink("127.0.0.1", server.port)
    wanted = frozenset({GRID_POWER})
    async with ModbusSource(
        "meter", load_profile("sunspec"), link, clock=SteppedClock(NOW_MS), wanted=wanted
    ) as meter_only:
        reading = await meter_only.read()
        assert set(reading.values) == meter_only.signals == wanted


async def test_an_inverter_without_a_cabinet_sensor_gives_its_heat_sinks(server: ModbusServer) -> None:
    places = serve(server, [common(), inverter(100, cabinet=0x8000)])
    server.put(places[103] + 34, [412])
    async with source(server) as home:
        assert (await home.read()).values[INVERTER_TEMPERATURE] == pytest.approx(41.2)
        server.put(places[103] + 34, [0x8000])
        assert (await home.read()).bad == {INVERTER_TEMPERATURE: Quality.INVALID}


@pytest.mark.parametrize("seed", range(4))
async def test_noise_is_never_more_than_a_source_that_is_unavailable(
    server: ModbusServer, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Random payloads with the right transaction number, and bytes that nobody asked for."""
    places = serve(server, hybrid())
    server.put(places[203] + 18, [50])
    random = Random(seed)
    async with source(server, timeout_s=0.05) as home:
        await home.read()
        for _ in range(15):
            noise = random.randbytes(random.randrange(1, 40))
            if random.random() < 0.5:
                server.faults.payload = noise
            else:
                server.faults.garbage = noise
            try:
                reading = await home.read()
            except SourceUnavailable:
                pass
            else:
                # Noise behind good frames costs nothing, or a signal its value, but never gives a wrong one.
                assert reading.values.get(GRID_POWER, 50) == 50
            server.faults.payload, server.faults.garbage = b"", b""
        assert (await until_it_answers(home)).values[GRID_POWER] == 50
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("profile", ["sunspec", "samson-trovis-557x", "goodwe-et"])
async def test_a_gateway_without_that_unit_is_told_apart_from_a_device(server: ModbusServer, profile: str) -> None:
    server.faults.refuse = {(function, address): 11 for function in (1, 3, 4) for address in range(0x10000)}
    async with source(server, profile, unit=7) as home:
        with pytest.raises(SourceUnavailable, match=r"Modbus exception 11: nothing there under unit 7$"):
            await home.read()
