"""The carriers of Modbus: each opens one pymodbus client with its own retries and reconnection switched off."""

import logging
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pymodbus.client.base import ModbusBaseClient
from pymodbus.client.tcp import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer.socket import FramerSocket
from pymodbus.pdu import DecodePDU, ModbusPDU

# Every failure is reported once by the caller; the library would write a line for each of its own steps.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

OnConnect = Callable[[bool], None]


class Link(Protocol):
    """A way to a device."""

    def client(self, timeout_s: float, on_connect: OnConnect) -> ModbusBaseClient:
        """A client that is not connected yet.

        `on_connect` hears True, and False as soon as the connection is of no more use: the other side has closed it, or
        has sent what cannot be understood.
        """
        ...


@dataclass(frozen=True, slots=True)
class TcpLink:
    """Modbus TCP."""

    host: str
    port: int = 502

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def client(self, timeout_s: float, on_connect: OnConnect) -> ModbusBaseClient:
        return _TcpClient(self.host, self.port, timeout_s, on_connect)


class _TcpClient(AsyncModbusTcpClient):
    """A client that gives a connection up on the first answer that it cannot understand."""

    def __init__(self, host: str, port: int, timeout_s: float, on_connect: OnConnect) -> None:
        super().__init__(host, port=port, timeout=timeout_s, retries=0, reconnect_delay=0, trace_connect=on_connect)

        def give_up() -> None:
            self.close()
            on_connect(False)

        self.ctx.framer = _CautiousFramer(give_up)


class _CautiousFramer(FramerSocket):
    """Reports an answer that breaks the protocol; raised inside the event loop it would fill the log."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        super().__init__(DecodePDU(False))
        self._give_up = give_up

    def handleFrame(  # noqa: N802
        self, data: bytes, exp_devid: int, exp_tid: int
    ) -> tuple[int, ModbusPDU | None]:
        try:
            return super().handleFrame(data, exp_devid, exp_tid)
        except (ModbusException, ValueError, IndexError, struct.error):
            self._give_up()
            return len(data), None
