"""The agent's side of the wizard against devices on sockets and on a serial line."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.bench import AgentBench
from agent.clock import SystemClock
from agent.domain.errors import BadSetup
from agent.domain.proof_change import Change
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, Quality
from agent.onsite.bench import SourcePlan
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.rtu_slaves import RtuSlaves
from tests.helpers.serial_line import Wire
from tests.helpers.sunspec_device import hybrid, serve

WIDE = """
name = "mine"
maker = "M"
model = "X"
sources = ["test"]
[[register]]
signal = "pv_power"
address = 0
type = "u32"
"""


@pytest.fixture
def bench(tmp_path: Path) -> AgentBench:
    return AgentBench(SystemClock(), tmp_path / "site.toml")


@pytest.fixture
async def server() -> AsyncIterator[ModbusServer]:
    async with ModbusServer() as server:
        serve(server, hybrid())
        yield server


def plan(server: ModbusServer, correct: Change | None = None, **more: object) -> SourcePlan:
    table = {"name": "roof", "profile": "sunspec", "host": "127.0.0.1", "port": server.port, **more}
    return SourcePlan(table, correct or Change())


async def test_a_look_shows_values_and_the_words_behind_them(bench: AgentBench, server: ModbusServer) -> None:
    (look,) = await bench.look([plan(server)])
    rows = {row.name: row for row in look.rows}
    assert look.says.startswith("Maker Hybrid 10")
    assert (rows[GRID_POWER].text, rows[GRID_POWER].unit) == ("-1,200", "W")
    assert any(raw.endswith(": FB50") for raw in rows[GRID_POWER].raw)
    assert {"running", "none"} <= {row.text for row in look.rows}


async def test_a_device_that_is_away_says_so(bench: AgentBench, server: ModbusServer) -> None:
    await server.stop()
    (look,) = await bench.look([plan(server)])
    assert "no connection" in look.trouble


async def test_what_is_watched_is_corrected_and_as_wide_as_it_comes(
    bench: AgentBench, server: ModbusServer, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(WIDE)
    server.put(0, [3000, 0], unit=9)
    flipped = plan(server, Change(flip=(GRID_POWER,)), signals=[GRID_POWER, BATTERY_POWER])
    odd = plan(server, name="odd", profile="mine.toml", unit=9)
    async with bench.watch([flipped, odd]) as watch:
        reading = await watch.read()
    assert reading.values[GRID_POWER] == pytest.approx(1200)
    assert reading.values[BATTERY_POWER] == pytest.approx(900)
    assert reading.values[PV_POWER] == pytest.approx(3000 * 65536)


async def test_what_does_not_answer_is_missing(bench: AgentBench, server: ModbusServer) -> None:
    await server.stop()
    async with bench.watch([plan(server)]) as watch:
        reading = await watch.read()
    assert reading.bad[GRID_POWER] is Quality.MISSING
    assert reading.at_ms > 0


def test_two_devices_that_give_one_signal_are_refused(bench: AgentBench) -> None:
    table = {"profile": "sunspec", "host": "127.0.0.1"}
    with pytest.raises(BadSetup, match="gives too"):
        bench.check([SourcePlan({"name": "a", **table}), SourcePlan({"name": "b", **table})])
    with pytest.raises(BadSetup, match="sunspeck"):
        bench.check([SourcePlan({"name": "a", "profile": "sunspeck", "host": "x"})])
    with pytest.raises(BadSetup, match="hots"):
        bench.check([SourcePlan({"name": "a", "profile": "sunspec", "hots": "x"})])
    with pytest.raises(BadSetup, match="computed from"):
        bench.check([SourcePlan({"name": "a", **table}, Change(times={LOAD_POWER: 10.0}))])


async def test_a_scan_gives_a_table_to_begin_with(bench: AgentBench, server: ModbusServer) -> None:
    (found,) = await bench.scan(f"127.0.0.1:{server.port}", lambda _: None)
    assert found.table == {"profile": "sunspec", "host": "127.0.0.1", "port": server.port, "unit": 1}
    with pytest.raises(BadSetup, match="--tcp"):
        await bench.scan("10.0.0.0/8", lambda _: None)


async def test_a_serial_line_is_scanned_and_read(bench: AgentBench, tmp_path: Path) -> None:
    wire = Wire(tmp_path)
    async with wire:
        slaves = RtuSlaves(wire)
        async with slaves:
            serve(slaves, hybrid(), unit=2)
            (found,) = await bench.scan(f"{wire.path} 19200 E 1-3", lambda _: None)
            assert (found.table["carrier"], found.table["unit"], found.table["baud"]) == ("rtu", 2, 19200)
            assert "Hybrid 10" in found.says
            (look,) = await bench.look([SourcePlan({"name": "roof", **found.table})])
            assert not look.trouble
            assert any(row.name == GRID_POWER and row.raw for row in look.rows)
            assert {function for _, function, _, _ in slaves.requests} <= {3, 4, 43}


async def test_a_serial_port_that_is_not_there_is_told(bench: AgentBench, tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="serial port"):
        await bench.scan(str(tmp_path / "ttyUSB7"), lambda _: None)
