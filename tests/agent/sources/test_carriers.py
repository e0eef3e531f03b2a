"""Sources made from tables, and lines that they share or must not share."""

from pathlib import Path
from typing import Any

import pytest

from agent.domain.errors import BadSetup
from agent.domain.signals import BATTERY_SOC, FLOW_TEMPERATURE, GRID_POWER, PV_POWER, SIGNALS
from agent.sources.carriers import Carriers
from agent.sources.in_turn import InTurn
from agent.sources.modbus import ModbusSource
from agent.sources.onewire import OneWireSource
from agent.sources.profile_file import load_profile
from agent.sources.serial_mbus import MbusSource
from agent.sources.serial_p1 import P1Source
from agent.sources.serial_vedirect import VeDirectSource
from tests.helpers.rtu_slaves import RtuSlaves
from tests.helpers.serial_line import TcpWire, Wire
from tests.helpers.serial_meters import MONITOR, MONITOR_HISTORY, MbusMeters, Talker, vedirect_block
from tests.helpers.source_benches import NOW_MS, heat_records
from tests.helpers.source_tables import PORT, RIGHT
from tests.helpers.sources import SteppedClock
from tests.helpers.sunspec_device import hybrid, serve

KINDS = {
    "tcp": ModbusSource,
    "rtu": InTurn,
    "rtu-over-tcp": InTurn,
    "vedirect": VeDirectSource,
    "p1": P1Source,
    "mbus": MbusSource,
    "onewire": OneWireSource,
}


def carriers() -> Carriers:
    return Carriers(SteppedClock(NOW_MS))


def table(carrier: str, name: str = "unit", **changes: Any) -> dict[str, Any]:
    return {"name": name, "carrier": carrier, **RIGHT[carrier], **changes}


@pytest.mark.parametrize("carrier", KINDS)
def test_each_carrier_has_its_source(carrier: str) -> None:
    source = carriers().make(table(carrier, timeout_s=2.5))
    assert isinstance(source, KINDS[carrier])
    assert source.name == "unit"
    assert source.signals
    assert source.signals <= set(SIGNALS)


@pytest.mark.parametrize("carrier", KINDS)
def test_signals_limit_what_it_gives(carrier: str) -> None:
    source = carriers().make(table(carrier, signals=[PV_POWER]))
    assert source.signals <= {PV_POWER}


async def test_devices_on_one_port_share_its_line(tmp_path: Path) -> None:
    async with Wire(tmp_path) as wire:
        slaves = RtuSlaves(wire)
        for unit, grid in ((1, 100), (2, 200)):
            serve(slaves, hybrid(grid=grid), unit=unit)
        made = carriers()
        sources = [
            made.make(table("rtu", f"unit {unit}", port=str(wire.path), unit=unit, timeout_s=1)) for unit in (1, 2)
        ]
        async with sources[0] as first, sources[1] as second:
            for _ in range(2):
                assert (await first.read()).values[GRID_POWER] == 100
                assert (await second.read()).values[GRID_POWER] == 200


async def test_a_converter_on_the_network(tmp_path: Path) -> None:
    async with TcpWire() as wire:
        serve(RtuSlaves(wire), hybrid(grid=300))
        source = carriers().make(table("rtu-over-tcp", host="127.0.0.1", port=wire.port, timeout_s=1))
        async with source:
            assert (await source.read()).values[GRID_POWER] == 300


async def test_meters_behind_a_converter(tmp_path: Path) -> None:
    async with TcpWire() as wire:
        MbusMeters(wire, {5: "12345678"}, {5: [heat_records()]})
        source = carriers().make(table("mbus", port=f"tcp://127.0.0.1:{wire.port}"))
        async with source:
            assert (await source.read()).values[FLOW_TEMPERATURE] == 55.5


async def test_a_talker_at_its_port(tmp_path: Path) -> None:
    def blocks() -> list[bytes]:
        return [vedirect_block(MONITOR), vedirect_block(MONITOR_HISTORY)]

    async with Wire(tmp_path) as wire, Talker(wire, blocks):
        source = carriers().make(table("vedirect", port=str(wire.path), signals=[BATTERY_SOC]))
        async with source:
            assert (await source.read()).values == {BATTERY_SOC: 87.6}


def test_one_port_has_one_setting() -> None:
    made = carriers()
    made.make(table("rtu", "first"))
    made.make(table("rtu", "second", unit=2))
    with pytest.raises(
        BadSetup, match=r"source third: port: got '/dev/.*19200 baud 8N1, but source first has it with 9600"
    ):
        made.make(table("rtu", "third", unit=3, baud=19200))


def test_one_port_has_one_kind_of_device() -> None:
    made = carriers()
    made.make(table("vedirect", "charger"))
    with pytest.raises(BadSetup, match="which source charger has for vedirect"):
        made.make(table("vedirect", "monitor"))
    with pytest.raises(BadSetup, match="which source charger has for vedirect"):
        made.make(table("mbus", "heat"))


def test_profiles_come_from_where_the_program_says() -> None:
    asked: list[tuple[str, list[str]]] = []

    def load(name: str, variants: Any) -> Any:
        asked.append((name, list(variants)))
        return load_profile("sunspec")

    Carriers(SteppedClock(NOW_MS), load=load).make(table("rtu", profile="own.toml", variants=["a"], port=PORT))
    assert asked == [("own.toml", ["a"])]
