"""Links make clients that do nothing on their own."""

import logging

import pytest
from pymodbus.exceptions import ModbusException

from agent.sources.links import TcpLink
from tests.helpers.modbus_server import ModbusServer


async def test_a_client_neither_retries_nor_reconnects() -> None:
    client = TcpLink("127.0.0.1", 1502).client(0.5, lambda _: None)
    assert client.ctx.retries == 0
    assert client.comm_params.reconnect_delay == 0
    assert (client.comm_params.host, client.comm_params.port) == ("127.0.0.1", 1502)
    assert not client.connected


async def test_both_ends_of_a_connection_are_heard_of() -> None:
    heard: list[bool] = []
    async with ModbusServer() as server:
        client = TcpLink("127.0.0.1", server.port).client(0.5, heard.append)
        assert await client.connect()
        server.faults.payload = b"\x55\x01"
        with pytest.raises(ModbusException):
            await client.read_holding_registers(0, count=1, device_id=1)
        assert heard == [True, False]
        assert not client.connected


def test_a_link_says_where_it_leads() -> None:
    assert str(TcpLink("inverter.lan")) == "inverter.lan:502"


def test_the_library_keeps_silent() -> None:
    assert not logging.getLogger("pymodbus.logging").isEnabledFor(logging.CRITICAL)
