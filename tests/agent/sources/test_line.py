"""Serial ports that come and go, and converters on the network."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.sources.line import SerialPort, TcpPort, stable_name
from agent.sources.serial_settings import LineLost, SerialSettings
from tests.helpers.serial_line import TcpWire, Wire


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with Wire(tmp_path) as ready:
        yield ready


def port_of(wire: Wire) -> SerialPort:
    return SerialPort(SerialSettings(str(wire.path)), by_id=wire.path.parent)


def handles(name: str) -> int:
    """How often this process has that file open."""
    found = 0
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(fd.readlink()).split(" ")[0] == name
    return found


async def test_bytes_go_both_ways(wire: Wire) -> None:
    line = await port_of(wire).open(1)
    heard = asyncio.Event()
    wire.device = lambda _: heard.set()
    line.write(b"ping")
    await asyncio.wait_for(heard.wait(), 5)
    assert bytes(wire.heard) == b"ping"
    wire.send(b"pong")
    assert await asyncio.wait_for(line.receive(), 5) == b"pong"
    line.close()
    line.close()


async def test_what_nobody_waits_for_can_be_forgotten(wire: Wire) -> None:
    line = await port_of(wire).open(1)
    wire.send(b"old")
    await asyncio.wait_for(line._news.wait(), 5)
    assert line.clear()
    assert not line.clear()
    wire.send(b"new")
    assert await asyncio.wait_for(line.receive(), 5) == b"new"
    line.close()


async def test_a_flood_is_kept_within_bounds(wire: Wire) -> None:
    line = await port_of(wire).open(1)
    for _ in range(100):
        wire.send(b"x" * 1000)
    wire.send(b"end")
    while not bytes(line._got).endswith(b"end"):
        line._news.clear()
        await asyncio.wait_for(line._news.wait(), 5)
    assert len(line._got) <= 8192
    line.close()


async def test_a_pulled_adapter_wakes_who_waits_and_is_closed(wire: Wire) -> None:
    line = await port_of(wire).open(1)
    name = wire.tty
    assert handles(name) == 2
    waiting = asyncio.create_task(line.receive())
    lost = asyncio.Event()
    line.on_lost = lost.set
    await asyncio.sleep(0)
    await wire.unplug()
    with pytest.raises(LineLost, match="gone"):
        await asyncio.wait_for(waiting, 5)
    assert lost.is_set()
    assert not line.is_open
    assert handles(name) == 0
    with pytest.raises(LineLost, match="gone"):
        line.write(b"x")
    with pytest.raises(LineLost, match="gone"):
        await line.receive()


async def test_it_comes_back_under_another_name(wire: Wire, tmp_path: Path) -> None:
    first = wire.tty
    port = port_of(wire)
    (await port.open(1)).close()
    spare = os.open(first, os.O_RDWR | os.O_NOCTTY)
    await wire.unplug()
    with pytest.raises(LineLost, match=r"usb-adapter-0001: there is no such port; is the adapter plugged in\?"):
        await port.open(1)
    # Somebody holds the old name: the kernel gives another one.
    await wire.plug()
    os.close(spare)
    line = await port.open(1)
    wire.send(b"here")
    assert await asyncio.wait_for(line.receive(), 5) == b"here"
    line.close()


async def test_a_name_of_the_moment_is_learnt_by_the_adapters_own(tmp_path: Path) -> None:
    (tmp_path / "by-id").mkdir()
    async with Wire(tmp_path / "by-id") as wire, Wire(tmp_path) as other:
        # As /dev/ttyUSB0 it leads to whichever adapter came first.
        name = tmp_path / "ttyUSB0"
        name.symlink_to(wire.tty)
        port = SerialPort(SerialSettings(str(name)), by_id=tmp_path / "by-id")
        (await port.open(1)).close()
        await wire.unplug()
        await wire.plug()
        name.unlink()
        name.symlink_to(other.tty)
        line = await port.open(1)
        other.send(b"wrong")
        wire.send(b"right")
        assert await asyncio.wait_for(line.receive(), 5) == b"right"
        line.close()


def test_an_adapter_without_a_name_of_its_own(tmp_path: Path) -> None:
    assert stable_name("/dev/null", tmp_path) is None
    assert stable_name("/dev/null", tmp_path / "absent") is None
    (tmp_path / "null").symlink_to("/dev/null")
    assert stable_name("/dev/null", tmp_path) == str(tmp_path / "null")


async def test_one_program_at_a_time(wire: Wire) -> None:
    line = await port_of(wire).open(1)
    with pytest.raises(LineLost, match="in use by another program"):
        await port_of(wire).open(1)
    line.close()


async def test_what_is_no_serial_port(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(LineLost, match=str(file)):
        await SerialPort(SerialSettings(str(file))).open(1)


async def test_opening_that_hangs_is_given_up(tmp_path: Path) -> None:
    """A pipe without a reader blocks whoever opens it, as a hung adapter does."""
    pipe = tmp_path / "hung"
    os.mkfifo(pipe)

    class Hung(SerialPort):
        def _open(self) -> object:
            pipe.read_bytes()
            raise OSError("released")

    with pytest.raises(LineLost, match="cannot be opened in time"):
        await Hung(SerialSettings(str(pipe))).open(0.1)
    pipe.write_bytes(b"")


def test_time_of_a_character() -> None:
    assert SerialSettings("x", 9600).char_s == pytest.approx(10 / 9600)
    assert SerialSettings("x", 2400, parity="E").char_s == pytest.approx(11 / 2400)
    assert SerialSettings("x", 9600, bits=7, parity="E", stop_bits=2).char_s == pytest.approx(11 / 9600)
    assert str(SerialSettings("x", 9600, bits=7, parity="E")) == "9600 baud 7E1"


async def test_a_converter_on_the_network() -> None:
    async with TcpWire() as wire:
        port = TcpPort("127.0.0.1", wire.port)
        line = await port.open(1)
        heard: list[bytes] = []
        came = asyncio.Event()
        wire.device = lambda data: (heard.append(data), came.set())[1]
        line.write(b"ping")
        await asyncio.wait_for(came.wait(), 5)
        wire.send(b"pong")
        assert await asyncio.wait_for(line.receive(), 5) == b"pong"
        await wire.unplug()
        with pytest.raises(LineLost, match="connection"):
            await asyncio.wait_for(line.receive(), 5)
        with pytest.raises(LineLost, match=f"127.0.0.1:{wire.port}"):
            await port.open(1)
    assert str(port) == f"127.0.0.1:{wire.port}"
