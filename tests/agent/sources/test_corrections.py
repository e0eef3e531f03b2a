"""A change of the site file does to the decoded values what it says."""

from collections.abc import AsyncIterator, Mapping

import pytest

from agent.clock import SystemClock
from agent.domain.errors import BadSetup
from agent.domain.proof_change import Change
from agent.domain.signals import (
    BATTERY_POWER,
    FLOW_TEMPERATURE,
    GRID_POWER,
    LOAD_POWER,
    PV_POWER,
    RETURN_TEMPERATURE,
    SignalName,
)
from agent.sources.corrections import WIDE, channels_of, corrected, follows_grid, terms_of, widened
from agent.sources.modbus import ModbusSource
from agent.sources.profile import Profile
from agent.sources.profile_file import load_profile, parse_profile, profile_names
from agent.sources.tcp_client import TcpLink
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.sunspec_device import hybrid, serve

MINE = """
name = "mine"
maker = "M"
model = "X"
sources = ["test"]
[[register]]
signal = "pv_power"
address = 0
type = "u32"
[[register]]
signal = "battery_power"
address = 2
type = "i16"
direction = "_way"
group = "battery"
[[register]]
signal = "_way"
address = 3
type = "u16"
group = "battery"
map = { 0 = 1, 1 = -1 }
[[register]]
signal = "grid_power"
address = 4
type = "i16"
[[register]]
signal = "load_power"
address = 5
type = "u16"
[[register]]
signal = "flow_temperature"
address = 6
type = "i16"
scale = 0.1
[[register]]
signal = "return_temperature"
address = 7
type = "i16"
scale = 0.1
"""


@pytest.fixture
async def server() -> AsyncIterator[ModbusServer]:
    async with ModbusServer() as server:
        server.put(0, [0, 3000, 800, 0, 500, 2700, 350, 290])
        yield server


def mine() -> Profile:
    return parse_profile(MINE, "mine.toml")


async def values(server: ModbusServer, profile: Profile) -> Mapping[SignalName, float]:
    async with ModbusSource("it", profile, TcpLink("127.0.0.1", server.port), clock=SystemClock()) as source:
        return (await source.read()).values


async def test_without_a_change_nothing_changes() -> None:
    assert corrected(mine(), Change()) == mine()


async def test_each_change(server: ModbusServer) -> None:
    change = Change(flip=(GRID_POWER,), times={PV_POWER: 0.5}, exchange=((FLOW_TEMPERATURE, RETURN_TEMPERATURE),))
    found = await values(server, corrected(mine(), change))
    assert (found[GRID_POWER], found[PV_POWER]) == (-500, 1500)
    assert (found[FLOW_TEMPERATURE], found[RETURN_TEMPERATURE]) == (29.0, 35.0)


async def test_words_change_places(server: ModbusServer) -> None:
    server.put(0, [3000, 0])
    assert (await values(server, corrected(mine(), Change(swap=(PV_POWER,)))))[PV_POWER] == 3000


async def test_a_size_with_a_direction_is_turned(server: ModbusServer) -> None:
    assert (await values(server, mine()))[BATTERY_POWER] == 800
    assert (await values(server, corrected(mine(), Change(flip=(BATTERY_POWER,)))))[BATTERY_POWER] == -800


async def test_the_battery_is_taken_off_the_load(server: ModbusServer) -> None:
    found = await values(server, corrected(mine(), Change(less={LOAD_POWER: BATTERY_POWER})))
    assert found[LOAD_POWER] == 2700 - 800
    assert found[BATTERY_POWER] == 800


async def test_a_computed_load_follows_a_turned_grid() -> None:
    async with ModbusServer() as server:
        serve(server, hybrid(ac=2500, grid=400))
        plain = load_profile("sunspec")
        assert (await values(server, plain))[LOAD_POWER] == 2900
        turned = await values(server, corrected(plain, Change(flip=(GRID_POWER, BATTERY_POWER))))
        assert turned[LOAD_POWER] == 2100
        assert turned[BATTERY_POWER] == -900


async def test_a_wide_profile_shows_what_is_out_of_range(server: ModbusServer) -> None:
    server.put(0, [3000, 0])
    assert PV_POWER not in await values(server, mine())
    found = await values(server, widened(mine()))
    assert found[PV_POWER] * WIDE == pytest.approx(3000 * 65536)
    assert found[GRID_POWER] * WIDE == pytest.approx(500)
    assert found[FLOW_TEMPERATURE] == 35.0


def test_what_a_profile_does_not_give_cannot_be_changed() -> None:
    small = parse_profile(MINE.replace('"return_temperature"', '"room_temperature"'), "mine.toml")
    with pytest.raises(BadSetup, match="return_temperature"):
        corrected(small, Change(exchange=((FLOW_TEMPERATURE, RETURN_TEMPERATURE),)))
    with pytest.raises(BadSetup, match="return_temperature"):
        corrected(small, Change(flip=(RETURN_TEMPERATURE,)))
    with pytest.raises(BadSetup, match="computed from grid_power"):
        corrected(load_profile("sunspec"), Change(times={LOAD_POWER: 10.0}))


def test_what_a_profile_says_about_its_numbers() -> None:
    channels = channels_of(mine())
    assert channels[PV_POWER].words == 2
    assert channels[FLOW_TEMPERATURE].resolution == 0.1
    assert follows_grid(load_profile("sunspec"))
    assert not follows_grid(mine())
    assert terms_of(load_profile("sunspec"), BATTERY_POWER) >= {"_charge_power", "_discharge_power"}


@pytest.mark.parametrize("name", profile_names())
def test_every_shipped_profile_can_be_widened_and_turned(name: str) -> None:
    profile = load_profile(name)
    assert len(widened(profile).register) == len(profile.register)
    if BATTERY_POWER in channels_of(profile):
        assert corrected(profile, Change(flip=(BATTERY_POWER,))) != profile
