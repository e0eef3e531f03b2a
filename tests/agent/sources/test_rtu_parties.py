"""Slaves that other people wrote, behind a wire with its faults."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from agent.sources.bus import Bus
from agent.sources.client import Client
from agent.sources.line import SerialPort
from agent.sources.links import RtuLink
from agent.sources.serial_settings import SerialSettings
from tests.helpers.serial_line import Wire

SLAVE = Path(__file__).parents[2] / "helpers" / "rtu_slave.c"
BAUD = 38_400


def connect(near: Wire, far: Wire) -> None:
    """The master's wire and the slave's are one."""
    near.device, far.device = far.send, near.send


async def check(near: Wire, unit: int) -> None:
    """Read words and bits, and what is not there."""
    bus = Bus(SerialPort(SerialSettings(str(near.path), baud=BAUD)))
    client: Client = RtuLink(bus, late_s=0.2).client(1.0, lambda _: None)
    assert await client.connect()
    try:
        for address, count in ((0, 1), (7, 20), (0, 100)):
            words = await client.read(3, address, count, unit)
            assert words.registers == [1000 * unit + address + index for index in range(count)]
            words = await client.read(4, address, count, unit)
            assert words.registers == [1000 * unit + address + index for index in range(count)]
            bits = await client.read(1, address, count, unit)
            assert bits.bits[:count] == [(address + index) % 2 == 1 for index in range(count)]
        refused = await client.read(3, 4000, 2, unit)
        assert refused.isError()
        assert refused.exception_code == 2
    finally:
        client.close()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The slave in C, compiled."""
    compiler, config = shutil.which("gcc"), shutil.which("pkg-config")
    if compiler is None or config is None or subprocess.run([config, "--exists", "libmodbus"], check=False).returncode:
        pytest.skip("no libmodbus to compile a slave with: libmodbus-dev, gcc and pkg-config are needed")
    flags = subprocess.run([config, "--cflags", "--libs", "libmodbus"], check=True, capture_output=True, text=True)
    made = tmp_path_factory.mktemp("slave") / "rtu_slave"
    subprocess.run([compiler, str(SLAVE), "-o", str(made), *flags.stdout.split()], check=True)
    return made


@asynccontextmanager
async def libmodbus_slave(program: Path, far: Wire) -> AsyncIterator[None]:
    slave = await asyncio.create_subprocess_exec(program, far.path, str(BAUD), stdout=asyncio.subprocess.PIPE)
    try:
        assert slave.stdout is not None
        assert await asyncio.wait_for(slave.stdout.readline(), 10) == b"ready\n"
        yield
    finally:
        slave.kill()
        await slave.wait()


@pytest.mark.parametrize("fault", ["none", "echo", "pieces", "noise"])
async def test_a_slave_by_libmodbus_is_read(program: Path, tmp_path: Path, fault: str) -> None:
    (tmp_path / "near").mkdir()
    (tmp_path / "far").mkdir()
    async with Wire(tmp_path / "near", baud=BAUD) as near, Wire(tmp_path / "far") as far:
        connect(near, far)
        near.faults.echo = fault == "echo"
        if fault == "pieces":
            near.faults.chunk, near.faults.chunk_gap_s = 60, 0.01
        if fault == "noise":
            near.faults.before = b"\x00\xff"
        async with libmodbus_slave(program, far):
            await check(near, 1)


async def test_two_slaves_by_pymodbus_are_read(tmp_path: Path) -> None:
    (tmp_path / "near").mkdir()
    (tmp_path / "far").mkdir()

    def device(unit: int) -> SimDevice:
        bits = [at % 2 == 1 for at in range(100)]
        words = [1000 * unit + at for at in range(100)]
        return SimDevice(
            unit,
            (
                [SimData(0, values=bits, datatype=DataType.BITS)],
                [SimData(0, values=bits, datatype=DataType.BITS)],
                [SimData(0, values=words, datatype=DataType.REGISTERS)],
                [SimData(0, values=words, datatype=DataType.REGISTERS)],
            ),
        )

    async with Wire(tmp_path / "near", baud=BAUD) as near, Wire(tmp_path / "far") as far:
        connect(near, far)
        server = ModbusSerialServer([device(1), device(2)], port=str(far.path), baudrate=BAUD)
        await server.serve_forever(background=True)
        try:
            await check(near, 1)
            await check(near, 2)
        finally:
            await server.shutdown()
