"""The profiles that find their registers by a chain of models, against devices written from the makers' facts."""

import struct
from collections.abc import AsyncIterator, Sequence

import pytest

from agent.domain.signals import (
    BATTERY_CHARGE_TOTAL,
    BATTERY_DISCHARGE_TOTAL,
    BATTERY_POWER,
    BATTERY_SOC,
    BATTERY_TEMPERATURE,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    INVERTER_STATE,
    INVERTER_TEMPERATURE,
    LOAD_POWER,
    PV_POWER,
    InverterState,
    Reading,
)
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import load_profile
from agent.sources.tcp_client import TcpLink
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.sources import SteppedClock
from tests.helpers.sunspec_device import FRONIUS_NAMES, common, inverter, meter, model, mppt, serve, signed, storage

NOW_MS = 1_700_000_000_000
BATTERY_BLOCK = 57600


@pytest.fixture
async def server() -> AsyncIterator[ModbusServer]:
    async with ModbusServer() as running:
        yield running


async def read(server: ModbusServer, profile: str, *variants: str, more_units: tuple[int, ...] = ()) -> Reading:
    link = TcpLink("127.0.0.1", server.port)
    clock = SteppedClock(NOW_MS)
    async with ModbusSource(
        "home", load_profile(profile, variants), link, clock=clock, more_units=more_units, timeout_s=0.5
    ) as source:
        return await source.read()


def low_first(code: str, value: float) -> list[int]:
    data = struct.pack(f">{code}", value)
    return list(struct.unpack(f">{len(data) // 2}H", data))[::-1]


def put_battery(server: ModbusServer, *, watts: float, soc: float, celsius: float) -> None:
    """SolarEdge's own block: low word first, positive = charging."""
    server.put(BATTERY_BLOCK, [0] * 152)
    server.put(BATTERY_BLOCK + 0x6C, low_first("f", celsius))
    server.put(BATTERY_BLOCK + 0x74, low_first("f", watts))
    server.put(BATTERY_BLOCK + 0x76, low_first("Q", 5_000_000_123))
    server.put(BATTERY_BLOCK + 0x7A, low_first("Q", 6_000))
    server.put(BATTERY_BLOCK + 0x84, low_first("f", soc))


def storedge(server: ModbusServer, *, ac: int, dc: int, grid: int) -> None:
    serve(server, [common(), inverter(ac, dc=dc, cabinet=0x8000), common(), meter(grid)])


async def test_fronius_with_its_meter_on_a_unit_of_its_own(server: ModbusServer) -> None:
    serve(server, [common(), inverter(2500), mppt((2000, 1500, 900, 0), FRONIUS_NAMES), storage(6450)])
    serve(server, [common(), meter(-1200)], unit=200)
    values = (await read(server, "fronius-gen24", more_units=(200,))).values
    assert (values[PV_POWER], values[BATTERY_POWER], values[GRID_POWER]) == (3500, 900, -1200)
    assert values[LOAD_POWER] == 1300
    assert values[BATTERY_SOC] == 64.5


async def test_fronius_discharging(server: ModbusServer) -> None:
    serve(server, [common(), inverter(800), mppt((0, 0, 0, 820), FRONIUS_NAMES), storage(3000)])
    assert (await read(server, "fronius-gen24")).values[BATTERY_POWER] == -820


async def test_a_string_without_a_value_is_0_w_only_while_the_inverter_sleeps(server: ModbusServer) -> None:
    none = 0xFFFF
    for state, expected in ((2, 0.0), (4, None)):
        serve(server, [common(), inverter(10, state=state), mppt((none, none, 0, 20), FRONIUS_NAMES), storage(3000)])
        assert (await read(server, "fronius-gen24")).values.get(PV_POWER) == expected


async def test_solaredge_counts_export_and_its_battery_has_the_low_word_first(server: ModbusServer) -> None:
    storedge(server, ac=2000, dc=2050, grid=1500)
    server.put(40069 + 34, [455])
    put_battery(server, watts=950.5, soc=61.25, celsius=24.5)
    reading = await read(server, "solaredge-storedge")
    values = reading.values
    assert values[PV_POWER] == pytest.approx(3000.5)
    assert values[BATTERY_POWER] == pytest.approx(950.5)
    assert (values[GRID_POWER], values[LOAD_POWER]) == (-1500, 500)
    assert (values[BATTERY_SOC], values[BATTERY_TEMPERATURE]) == (61.25, 24.5)
    assert (values[BATTERY_DISCHARGE_TOTAL], values[BATTERY_CHARGE_TOTAL]) == (5_000_000_123, 6000)
    assert (values[GRID_EXPORT_TOTAL], values[GRID_IMPORT_TOTAL]) == (50_000, 700_000)
    assert values[INVERTER_TEMPERATURE] == 45.5
    assert reading.bad == {}


async def test_solaredge_without_a_battery(server: ModbusServer) -> None:
    storedge(server, ac=2000, dc=2050, grid=1500)
    reading = await read(server, "solaredge-storedge")
    assert reading.values[PV_POWER] == 2050
    assert not {BATTERY_POWER, BATTERY_SOC, BATTERY_TEMPERATURE} & {*reading.values, *reading.bad}


def resource(*, ac: int, state: int) -> list[int]:
    """Model 701 of IEEE 1547-2018: its states count from 0."""
    parts: dict[int, Sequence[int]] = {4: [state], 6: [0, 0], 10: [ac], 19: [0, 0, 0, 5000], 115: [0, 0], 120: [0]}
    return model(701, 153, parts)


def ports(*watts: tuple[int, int]) -> list[int]:
    """Model 714: kind and power of each port, in tens of watts."""
    parts: dict[int, Sequence[int]] = {4: [len(watts)], 17: [1]}
    for index, (kind, tens) in enumerate(watts):
        parts[20 + 25 * index] = [kind]
        parts[20 + 25 * index + 12] = [signed(tens)]
    return model(714, 18 + 25 * len(watts), parts)


async def test_the_models_of_2018(server: ModbusServer) -> None:
    chain = [common(), resource(ac=2500, state=3), model(713, 7, {4: [645], 8: [signed(-1)]})]
    serve(server, [*chain, ports((0, 200), (0, 150), (1, 90)), meter(-1200)])
    values = (await read(server, "sunspec")).values
    assert (values[PV_POWER], values[BATTERY_POWER], values[LOAD_POWER]) == (3500, 900, 1300)
    assert (values[BATTERY_SOC], values[INVERTER_STATE]) == (64.5, InverterState.RUNNING)


async def test_a_battery_of_the_800_models_and_its_other_sign(server: ModbusServer) -> None:
    bank = {11: [805], 47: [signed(-12)], 56: [signed(-1)], 63: [2]}
    modules = {4: [signed(-35)], 23: [signed(-1)]}
    serve(server, [common(), model(802, 62, bank), model(803, 26, modules)])
    values = (await read(server, "sunspec")).values
    assert (values[BATTERY_SOC], values[BATTERY_POWER], values[BATTERY_TEMPERATURE]) == (80.5, -1200, -3.5)
    assert (await read(server, "sunspec", "battery_counts_discharge")).values[BATTERY_POWER] == 1200
