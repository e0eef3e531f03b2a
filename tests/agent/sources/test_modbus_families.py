"""What single families need of a Modbus source: further units, a look at what stands there, patience."""

import time
from collections.abc import AsyncIterator

import pytest

from agent.domain.errors import BadSetup, SourceUnavailable
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, BATTERY_TEMPERATURE, GRID_POWER, PV_POWER, Quality
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import load_profile, parse_profile
from agent.sources.tcp_client import TcpLink
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.sources import SteppedClock

NOW_MS = 1_700_000_000_000
TEXT = """
name = "t"
maker = "m"
model = "x"
sources = ["a data sheet"]
[limits]
timeout_s = 0.5
{limits}
[[register]]
signal = "grid_power"
address = 10
type = "i16"
[[register]]
signal = "battery_soc"
address = 900
type = "u16"
"""


@pytest.fixture
async def server() -> AsyncIterator[ModbusServer]:
    async with ModbusServer() as running:
        yield running


def source(server: ModbusServer, profile: str, *variants: str, more_units: tuple[int, ...] = ()) -> ModbusSource:
    loaded = load_profile(profile, variants)
    link, clock = TcpLink("127.0.0.1", server.port), SteppedClock(NOW_MS)
    return ModbusSource("home", loaded, link, clock=clock, more_units=more_units, timeout_s=0.5)


def plain(server: ModbusServer, limits: str = "") -> ModbusSource:
    profile = parse_profile(TEXT.format(limits=limits), "t.toml")
    return ModbusSource("home", profile, TcpLink("127.0.0.1", server.port), clock=SteppedClock(NOW_MS))


def victron(server: ModbusServer) -> None:
    server.put(808, [0] * 15, unit=100)
    server.put(840, [0, 0, 500, 60, 1], unit=100)
    server.put(850, [700], unit=100)
    server.put(262, [215], unit=225)
    server.put(266, [604], unit=225)
    server.put(31, [9, 0], unit=227)


async def test_further_units_in_the_order_of_the_profiles_stations(server: ModbusServer) -> None:
    victron(server)
    async with source(server, "victron-gx", more_units=(225, 227)) as home:
        reading = await home.read()
    assert reading.values[BATTERY_TEMPERATURE] == 21.5
    assert reading.values[BATTERY_SOC] == 60.4
    assert reading.values[PV_POWER] == 700
    assert reading.bad == {}


@pytest.mark.parametrize("more_units", [(), (0, 227)])
async def test_a_unit_that_is_not_there_is_left_out(server: ModbusServer, more_units: tuple[int, ...]) -> None:
    victron(server)
    async with source(server, "victron-gx", more_units=more_units) as home:
        reading = await home.read()
    assert BATTERY_TEMPERATURE not in {*reading.values, *reading.bad}
    assert reading.values[BATTERY_SOC] == 60
    assert all(unit != 225 for unit, *_ in server.requests)


async def test_more_units_than_the_profile_has_stations(server: ModbusServer) -> None:
    with pytest.raises(BadSetup, match="at most one each for battery, vebus"):
        source(server, "victron-gx", more_units=(1, 2, 3))


async def test_another_kind_of_inverter_is_not_read(server: ModbusServer) -> None:
    server.put(0, [0] * 700)
    server.put(0, [5])
    async with source(server, "deye-sunsynk-1p") as home:
        with pytest.raises(SourceUnavailable, match="register 0 says 5, profile deye-sunsynk-1p is for 3 or 768"):
            await home.read()
    async with source(server, "deye-sunsynk-3p") as home:
        assert (await home.read()).values[GRID_POWER] == 0
    async with source(server, "deye-sunsynk-3p", "hv") as home:
        with pytest.raises(SourceUnavailable, match="it needs: leave out variant hv"):
            await home.read()


async def test_what_a_device_lacks_is_asked_for_again_after_a_while(server: ModbusServer) -> None:
    server.put(10, [100])
    async with plain(server) as home:
        assert BATTERY_SOC not in (await home.read()).bad
        server.put(900, [55])
        for _ in range(70):
            reading = await home.read()
        assert reading.values[BATTERY_SOC] == 55


async def test_a_busy_device_is_asked_once_more(server: ModbusServer) -> None:
    server.put(10, [100])
    server.put(900, [55])
    server.faults.refuse[3, 10] = 6
    seen = len(server.requests)

    def calm() -> None:
        if len(server.requests) > seen + 1:
            server.faults.refuse.clear()

    server.on_request = calm
    async with plain(server, "busy_retry_ms = 20") as home:
        assert (await home.read()).values[GRID_POWER] == 100


async def test_a_device_that_needs_a_moment_after_connecting(server: ModbusServer) -> None:
    server.put(10, [100])
    server.put(900, [55])
    started = time.monotonic()
    async with plain(server, "after_connect_ms = 150") as home:
        await home.read()
    assert time.monotonic() - started >= 0.15


async def test_a_fault_between_two_polls_costs_a_reading_and_no_more(server: ModbusServer) -> None:
    server.put(10, [100])
    server.put(900, [55])
    async with plain(server) as home:
        assert (await home.read()).bad == {}
        server.put(900, [0])
        assert (await home.read()).bad == {BATTERY_SOC: Quality.INVALID}
        server.put(900, [54])
        reading = await home.read()
    assert reading.values[BATTERY_SOC] == 54
    assert BATTERY_POWER not in reading.values
