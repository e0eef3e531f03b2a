"""Links make clients that do nothing on their own."""

import asyncio
import logging
from pathlib import Path

import pytest
from pymodbus.exceptions import ModbusException
from pymodbus.pdu.other_message import ReadExceptionStatusRequest

from agent.sources.links import RtuOverTcpLink, RtuSerialLink
from agent.sources.serial_settings import LineLost, SerialSettings
from agent.sources.tcp_client import TcpLink
from tests.helpers.modbus_server import ModbusServer
from tests.helpers.rtu_slaves import RtuSlaves, framed
from tests.helpers.serial_line import TcpWire, Wire


async def test_both_ends_of_a_connection_are_heard_of() -> None:
    heard: list[bool] = []
    async with ModbusServer() as server:
        client = TcpLink("127.0.0.1", server.port).client(0.5, heard.append)
        assert await client.connect()
        server.faults.payload = b"\x55\x01"
        with pytest.raises(ModbusException):
            await client.read(3, 0, 1, 1)
        assert heard == [True, False]
        assert not client.connected


def test_a_link_says_where_it_leads() -> None:
    assert str(TcpLink("inverter.lan")) == "inverter.lan:502"
    assert str(RtuOverTcpLink("converter.lan", 4196)) == "converter.lan:4196"
    assert str(RtuSerialLink(SerialSettings("/dev/ttyUSB0"))) == "/dev/ttyUSB0"


async def test_a_link_that_leads_nowhere_says_why(tmp_path: Path) -> None:
    link = RtuSerialLink(SerialSettings(str(tmp_path / "absent")))
    client = link.client(0.5, lambda _: None)
    assert not await client.connect()
    assert not client.connected
    assert str(client) == str(link) == f"{tmp_path}/absent: there is no such port; is the adapter plugged in?"
    with pytest.raises(LineLost):
        await client.read(3, 0, 1, 1)
    client.close()


@pytest.mark.parametrize("echo", [False, True])
async def test_an_echo_is_no_confirmation(tmp_path: Path, echo: bool) -> None:
    async with Wire(tmp_path) as wire:
        slaves = RtuSlaves(wire)
        slaves.put(0, [7])
        wire.faults.echo = echo
        client = RtuSerialLink(SerialSettings(str(wire.path)), late_s=0).client(1.0, lambda _: None)
        assert await client.connect()
        with pytest.raises(ModbusException, match="before something was read"):
            await client.write_word(0, 5, 1)
        await client.read(3, 0, 1, 1)
        # The device says nothing to it.
        wire.device = lambda data: None
        for write in (client.write_word(0, 5, 1), client.write_words(0, [5, 6], 1)):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(write, 0.15)
        wire.device = lambda data: wire.send(data if data[1] == 6 else framed(1, data[1:6]))
        assert await client.connect()
        assert (await client.write_word(0, 5, 1)).registers == [5]
        assert (await client.write_words(0, [5, 6], 1)).count == 2
        client.close()


async def test_what_has_no_known_form_is_not_sent(tmp_path: Path) -> None:
    async with Wire(tmp_path) as wire:
        client = RtuSerialLink(SerialSettings(str(wire.path))).client(1.0, lambda _: None)
        assert await client.connect()
        with pytest.raises(ModbusException, match="function 7"):
            await client.execute(ReadExceptionStatusRequest(dev_id=1))
        assert wire.heard == b""
        client.close()


async def test_bits_words_refusals_and_identification_over_a_line() -> None:
    async with TcpWire() as wire:
        slaves = RtuSlaves(wire)
        slaves.put(0, [1, 0, 1], function=1)
        slaves.put(0, [5, 6], function=4)
        heard: list[bool] = []
        client = RtuOverTcpLink("127.0.0.1", wire.port).client(1.0, heard.append)
        assert await client.connect()
        assert heard == [True]
        assert (await client.read(1, 0, 3, 1)).bits[:3] == [True, False, True]
        assert (await client.read(4, 0, 2, 1)).registers == [5, 6]
        assert (await client.read(3, 9, 2, 1)).exception_code == 2
        wire.device = lambda data: wire.send(framed(1, b"\x2b\x0e\x01\x01\x00\x00\x01\x00\x04Acme"))
        told = await client.read_identity(1)
        assert told.information == {0: b"Acme"}
        client.close()


def test_the_library_keeps_silent() -> None:
    assert not logging.getLogger("pymodbus.logging").isEnabledFor(logging.CRITICAL)
