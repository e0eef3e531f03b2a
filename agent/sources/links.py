"""The carriers of Modbus: each opens one pymodbus client with its own retries and reconnection switched off."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pymodbus.client.base import ModbusBaseClient
from pymodbus.client.tcp import AsyncModbusTcpClient

# Every failure is reported once by the caller; the library would write a line for each of its own steps.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)


class Link(Protocol):
    """A way to a device."""

    def client(self, timeout_s: float, on_connect: Callable[[bool], None]) -> ModbusBaseClient:
        """A client that is not connected yet; `on_connect` hears True and, when the other side closes, False."""
        ...


@dataclass(frozen=True, slots=True)
class TcpLink:
    """Modbus TCP."""

    host: str
    port: int = 502

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def client(self, timeout_s: float, on_connect: Callable[[bool], None]) -> ModbusBaseClient:
        return AsyncModbusTcpClient(
            self.host, port=self.port, timeout=timeout_s, retries=0, reconnect_delay=0, trace_connect=on_connect
        )
