"""What is on a range is found and named; nothing is written, nobody else is asked. Loopback addresses only."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from agent.clock import SystemClock
from agent.domain.errors import BadSetup
from agent.domain.signals import GRID_POWER
from agent.scanning import hosts_of, lines, plain, scan_tcp, units_of
from agent.sources.fingerprints import LOW_WORDS, TCP_UNITS, Identity, shipped_probes
from agent.sources.modbus import ModbusSource
from agent.sources.profile_file import load_profile
from agent.sources.scan import Found, ScanRules
from agent.sources.tcp_client import TcpLink
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.programs import run
from tests.helpers.sunspec_device import hybrid, serve, text

RULES = ScanRules(timeout_s=0.5, pace_s=0.0)


@pytest.fixture
async def server() -> AsyncIterator[ModbusServer]:
    async with ModbusServer() as server:
        yield server


async def scan(server: ModbusServer, rules: ScanRules = RULES) -> list[Found]:
    return await scan_tcp([("127.0.0.1", server.port)], TCP_UNITS, shipped_probes(), rules)


async def test_a_sunspec_device_is_named_by_its_own_words(server: ModbusServer) -> None:
    serve(server, hybrid(), unit=1)
    found = await scan(server)
    assert [(each.unit, each.identity.model, each.identity.profile) for each in found] == [(1, "Hybrid 10", "sunspec")]
    assert found[0].identity.firmware == "1.28.7"


async def test_a_meter_in_the_same_chain_needs_no_unit_of_its_own(server: ModbusServer) -> None:
    """What is said about the other kind of meter holds only where values are missing."""
    places = serve(server, hybrid())
    server.put(places[1] + 2, text("Fronius", 16))
    (found,) = await scan(server)
    assert found.identity.profile == "fronius-gen24"
    assert found.identity.note.startswith("where the grid's values are missing its meter is a unit of its own")
    link = TcpLink("127.0.0.1", server.port)
    async with ModbusSource("inverter", load_profile(found.identity.profile), link, clock=SystemClock()) as home:
        assert GRID_POWER in (await home.read()).values


async def test_a_family_is_named_by_its_fingerprint(server: ModbusServer) -> None:
    server.put(30000, text("SUN2000-10KTL-M1", 15))
    found = await scan(server)
    assert [each.identity.profile for each in found] == ["huawei-sun2000"]


async def test_a_further_unit_is_found(server: ModbusServer) -> None:
    server.put(30051, [0, 8001], unit=3)
    server.put(30773, [0x8000, 0], unit=3)
    server.put(31393, [0, 0], unit=3)
    found = await scan(server)
    assert found[-1].identity.profile == "sma-tripower-smart-energy"


def growatt(server: ModbusServer) -> None:
    low = [0] * LOW_WORDS
    low[9:12], low[23:28], low[43] = text("DH1.0", 3), text("ABC1234567", 5), 5100
    server.put(0, low)


async def test_a_growatt_is_never_asked_high_registers(server: ModbusServer) -> None:
    growatt(server)
    found = await scan(server, ScanRules(0.5, 0.0, everywhere=True))
    assert found[0].identity.maker == "Growatt"
    assert max(address for _, _, address, _ in server.requests) == 0


async def test_what_answers_the_low_registers_and_is_unknown_is_not_swept(server: ModbusServer) -> None:
    server.put(0, range(LOW_WORDS))
    found = await scan(server)
    assert found[0].identity == Identity()
    assert max(address for _, function, address, _ in server.requests if function in (3, 4)) < 30000


async def test_a_device_may_tell_its_name_itself(server: ModbusServer) -> None:
    server.objects = {0: b"Acme", 1: b"HP-7", 2: b"2.4"}
    identity = (await scan(server))[0].identity
    assert (identity.maker, identity.model, identity.firmware, identity.how) == (
        "Acme",
        "HP-7",
        "2.4",
        "identification",
    )


async def test_a_refusal_is_an_answer(server: ModbusServer) -> None:
    server.put(60000, [1])
    found = await scan(server)
    assert [each.unit for each in found] == [1]
    assert all(not each.identity.profile for each in found)


async def test_only_reads_are_sent(server: ModbusServer) -> None:
    serve(server, hybrid())
    await scan(server)
    assert {function for _, function, _, _ in server.requests} <= {3, 4, 43}


async def test_nobody_there_is_told_soon() -> None:
    assert await scan_tcp([("127.0.0.9", 9)], TCP_UNITS, shipped_probes(), RULES) == []


async def test_one_that_never_answers_is_nobody(server: ModbusServer) -> None:
    server.faults.silent = True
    assert await scan_tcp([("127.0.0.1", server.port)], (1,), shipped_probes(), ScanRules(0.1, 0.0)) == []


def test_ranges_and_units() -> None:
    assert hosts_of("127.0.0.0/30", [], 502) == [("127.0.0.1", 502), ("127.0.0.2", 502)]
    assert units_of("1-2,9") == (1, 2, 9)
    for wrong in ("10.0.0.0/8", "somewhere"):
        with pytest.raises(BadSetup, match="--tcp"):
            hosts_of(wrong, [], 502)
    with pytest.raises(BadSetup, match="--units"):
        units_of("1-999")
    with pytest.raises(BadSetup, match="--host"):
        hosts_of(None, ["a:b"], 502)


@pytest.mark.parametrize("text", ["h:0", "h:99999", ":502", " "])
def test_a_host_that_cannot_be(text: str) -> None:
    with pytest.raises(BadSetup, match=r"--host: got .*, expected a host and a port from 1 to 65535"):
        hosts_of(None, [text], 502)


@pytest.mark.parametrize("name", ["nohost.invalid", "a..b", "x" * 70])
async def test_a_name_of_nobody_is_not_a_device_that_is_switched_off(name: str) -> None:
    with pytest.raises(BadSetup, match=f"^{name}: no such name"):
        await scan_tcp([("127.0.0.9", 9), (name, 502)], TCP_UNITS, shipped_probes(), RULES)


def test_words_for_a_person() -> None:
    found = Found(
        "127.0.0.1:502", 1, Identity("Fronius", "Symo", "42", "1.3", "fronius-gen24", "sunspec", "look at 200")
    )
    assert lines([found])[0] == "127.0.0.1:502 unit 1   Fronius Symo serial 42 firmware 1.3"
    assert plain(found)["profile"] == "fronius-gen24"


async def test_the_command_scans_what_it_is_told(server: ModbusServer) -> None:
    serve(server, hybrid())
    done = await asyncio.to_thread(run, "agent", "scan", "--host", f"127.0.0.1:{server.port}", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["model"] == "Hybrid 10"
