"""Every kind of source with the device behind it, and the device's switches."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from agent.domain.signals import (
    BATTERY_SOC,
    FLOW_TEMPERATURE,
    GRID_POWER,
    RETURN_TEMPERATURE,
    SIGNALS,
    Quality,
    SignalName,
)
from agent.ports import Source
from agent.sources.bus import Bus
from agent.sources.in_turn import InTurn
from agent.sources.line import Port, SerialPort, TcpPort
from agent.sources.links import RtuLink
from agent.sources.modbus import ModbusSource
from agent.sources.onewire import OneWireSource
from agent.sources.profile_file import load_profile
from agent.sources.serial_mbus import MbusAddress, MbusSource
from agent.sources.serial_p1 import P1Source
from agent.sources.serial_settings import SerialSettings
from agent.sources.serial_vedirect import VeDirectSource
from agent.sources.tcp_client import TcpLink
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.rtu_slaves import RtuSlaves
from tests.helpers.serial_line import TcpWire, Wire
from tests.helpers.serial_meters import (
    GRID_METER,
    MONITOR,
    MONITOR_HISTORY,
    SOLAR_CHARGER,
    MbusMeters,
    Talker,
    digits,
    p1_telegram,
    vedirect_block,
    w1_slave,
)
from tests.helpers.sources import MemorySource, SteppedClock
from tests.helpers.sunspec_device import hybrid, serve

NOW_MS = 1_700_000_000_000
ANY = list(SIGNALS)


class Bench(Protocol):
    """A source and the switches of the device behind it."""

    source: Source
    clock: SteppedClock

    async def power_off(self) -> None: ...

    async def power_on(self) -> None: ...

    def fall_silent(self, silent: bool) -> None: ...

    def spoil(self) -> SignalName:
        """One of the signals has no value from now on; gives its name."""
        ...


class MemoryBench:
    def __init__(self) -> None:
        self.clock = SteppedClock(NOW_MS)
        self.double = MemorySource("unit", {ANY[0]: 1.0, ANY[1]: 2.0}, clock=self.clock, budget_s=0.2)
        self.source: Source = self.double

    async def power_off(self) -> None:
        self.double.dead = True

    async def power_on(self) -> None:
        self.double.dead = False

    def fall_silent(self, silent: bool) -> None:
        self.double.hang = silent

    def spoil(self) -> SignalName:
        self.double.bad[ANY[0]] = Quality.INVALID
        return ANY[0]


class ModbusBench:
    def __init__(self, server: ModbusServer) -> None:
        self.clock = SteppedClock(NOW_MS)
        self.server = server
        self.places = serve(server, hybrid())
        self.source: Source = self._source()

    def _source(self) -> Source:
        link = TcpLink("127.0.0.1", self.server.port)
        return ModbusSource("unit", load_profile("sunspec"), link, clock=self.clock, timeout_s=0.5)

    async def power_off(self) -> None:
        await self.server.stop()

    async def power_on(self) -> None:
        await self.server.start()

    def fall_silent(self, silent: bool) -> None:
        self.server.faults.silent = silent

    def spoil(self) -> SignalName:
        self.server.put(self.places[203] + 22, [0x8000])
        return next(name for name in self.source.signals if name.startswith(GRID_POWER))


class RtuBench(ModbusBench):
    def __init__(self, wire: Wire | TcpWire, port: Port) -> None:
        self.bus = Bus(port)
        self.wire = wire
        super().__init__(RtuSlaves(wire))

    def _source(self) -> Source:
        link = RtuLink(self.bus, late_s=0.1)
        source = ModbusSource("unit", load_profile("sunspec"), link, clock=self.clock, timeout_s=0.5)
        return InTurn(source, self.bus, [1])

    async def power_off(self) -> None:
        await self.wire.unplug()

    async def power_on(self) -> None:
        await self.wire.plug()


class SerialBench:
    def __init__(
        self,
        wire: Wire,
        device: Talker | MbusMeters,
        source: Source,
        clock: SteppedClock,
        spoil: Callable[[], SignalName],
    ):
        self.clock = clock
        self.source = source
        self.spoil = spoil
        self._wire = wire
        self._device = device

    async def power_off(self) -> None:
        await self._wire.unplug()

    async def power_on(self) -> None:
        await self._wire.plug()

    def fall_silent(self, silent: bool) -> None:
        self._device.silent = silent


@asynccontextmanager
async def memory_bench(_: Path) -> AsyncIterator[Bench]:
    yield MemoryBench()


@asynccontextmanager
async def modbus_bench(_: Path) -> AsyncIterator[Bench]:
    async with ModbusServer() as server:
        bench = ModbusBench(server)
        async with bench.source:
            yield bench


@asynccontextmanager
async def rtu_bench(folder: Path) -> AsyncIterator[Bench]:
    async with Wire(folder) as wire:
        bench = RtuBench(wire, SerialPort(SerialSettings(str(wire.path))))
        async with bench.source:
            yield bench


@asynccontextmanager
async def rtu_over_tcp_bench(_: Path) -> AsyncIterator[Bench]:
    async with TcpWire() as wire:
        bench = RtuBench(wire, TcpPort("127.0.0.1", wire.port))
        async with bench.source:
            yield bench


def _serial(wire: Wire) -> SerialPort:
    return SerialPort(SerialSettings(str(wire.path), baud=19_200))


@asynccontextmanager
async def vedirect_bench(folder: Path) -> AsyncIterator[Bench]:
    fields = {**MONITOR, **SOLAR_CHARGER}
    clock = SteppedClock(NOW_MS)

    def messages() -> list[bytes]:
        return [vedirect_block(fields), vedirect_block(MONITOR_HISTORY)]

    def spoil() -> SignalName:
        fields["SOC"] = "---"
        return BATTERY_SOC

    async with Wire(folder) as wire, Talker(wire, messages) as talker:
        source = VeDirectSource("unit", _serial(wire), clock=clock, timeout_s=0.5, max_age_s=0)
        async with source:
            yield SerialBench(wire, talker, source, clock, spoil)


@asynccontextmanager
async def p1_bench(folder: Path) -> AsyncIterator[Bench]:
    lines = dict(GRID_METER)
    clock = SteppedClock(NOW_MS)

    def spoil() -> SignalName:
        lines["1-0:1.7.0"] = "9999.999*kW"
        return GRID_POWER

    async with Wire(folder) as wire, Talker(wire, lambda: [p1_telegram(lines)]) as talker:
        source = P1Source("unit", _serial(wire), clock=clock, timeout_s=0.5, max_age_s=0)
        async with source:
            yield SerialBench(wire, talker, source, clock, spoil)


def heat_records(flow: bytes = digits(555, 2)) -> bytes:
    """Energy, power, flow and return temperature in tenths of a degree."""
    energy, power = b"\x0c\x06" + digits(12_345, 4), b"\x0b\x2d" + digits(42, 3)
    return energy + power + b"\x0a\x5a" + flow + b"\x0a\x5e" + digits(412, 2)


@asynccontextmanager
async def mbus_bench(folder: Path) -> AsyncIterator[Bench]:
    clock = SteppedClock(NOW_MS)
    async with Wire(folder) as wire:
        meters = MbusMeters(wire, {5: "12345678"}, {5: [heat_records()]})
        bus = Bus(SerialPort(SerialSettings(str(wire.path), baud=2400)))

        def spoil() -> SignalName:
            meters.telegrams[5] = [heat_records(b"\xaa\x0a")]
            return FLOW_TEMPERATURE

        source = MbusSource("unit", bus, MbusAddress(5), role="heat", clock=clock, timeout_s=0.5)
        async with source:
            yield SerialBench(wire, meters, source, clock, spoil)


class W1Folder:
    """What the kernel shows of two sensors; a hung bus is a pipe that nobody writes to."""

    SENSORS = MappingProxyType({"28-0000000000a1": FLOW_TEMPERATURE, "28-0000000000b2": RETURN_TEMPERATURE})

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "devices"
        self.clock = SteppedClock(NOW_MS)
        self.celsius = {"28-0000000000a1": 55.5, "28-0000000000b2": 41.25}
        self.source: Source = OneWireSource("unit", self.SENSORS, clock=self.clock, folder=self.folder, timeout_s=0.5)
        self._write()

    async def power_off(self) -> None:
        shutil.rmtree(self.folder)

    async def power_on(self) -> None:
        self._write()

    def fall_silent(self, silent: bool) -> None:
        files = [self.folder / sensor / "w1_slave" for sensor in self.SENSORS]
        if silent:
            for file in files:
                file.unlink()
                os.mkfifo(file)
            return
        pipes = [os.open(file, os.O_RDWR) for file in files]
        self._write()
        for pipe in pipes:
            os.close(pipe)

    def spoil(self) -> SignalName:
        file = self.folder / "28-0000000000a1" / "w1_slave"
        file.write_text(file.read_text().replace("YES", "NO"))
        return FLOW_TEMPERATURE

    def _write(self) -> None:
        for sensor, celsius in self.celsius.items():
            (self.folder / sensor).mkdir(parents=True, exist_ok=True)
            (self.folder / sensor / "w1_slave").unlink(missing_ok=True)
            (self.folder / sensor / "w1_slave").write_text(w1_slave(celsius))


@asynccontextmanager
async def onewire_bench(folder: Path) -> AsyncIterator[Bench]:
    bench = W1Folder(folder)
    async with bench.source:
        yield bench


BENCHES: dict[str, Callable[[Path], AbstractAsyncContextManager[Bench]]] = {
    "memory": memory_bench,
    "modbus": modbus_bench,
    "rtu": rtu_bench,
    "rtu-over-tcp": rtu_over_tcp_bench,
    "vedirect": vedirect_bench,
    "p1": p1_bench,
    "mbus": mbus_bench,
    "onewire": onewire_bench,
}
