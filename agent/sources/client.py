"""A Modbus master's end of one connection: pymodbus says what requests and answers are, the carrier moves them.

The library's own clients are not used: they cost a task and a retry for every request, and take any frame of the right
station for the answer.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

# Every failure is reported once by the caller; the library would write a line for each of its own steps.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

OnConnect = Callable[[bool], None]

_READS: Final[Mapping[int, type[ModbusPDU]]] = {
    1: ReadCoilsRequest,
    2: ReadDiscreteInputsRequest,
    3: ReadHoldingRegistersRequest,
    4: ReadInputRegistersRequest,
}


class Client(ABC):
    """A way to one device, used for one request at a time; a time-out is the caller's."""

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Whether a request can be sent."""

    @abstractmethod
    async def connect(self) -> bool:
        """Whether it worked."""

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    async def execute(self, request: ModbusPDU) -> ModbusPDU:
        """Send a request and return its answer. Raises `OSError`, `ModbusException`."""

    def read(self, function: int, address: int, count: int, unit: int) -> Awaitable[ModbusPDU]:
        """Bits (functions 1 and 2) or words (3 and 4)."""
        return self.execute(_READS[function](dev_id=unit, address=address, count=count))

    def read_identity(self, unit: int) -> Awaitable[ModbusPDU]:
        """Function 43/14: maker, product code, version."""
        return self.execute(ReadDeviceInformationRequest(read_code=1, object_id=0, dev_id=unit))

    def write_word(self, address: int, value: int, unit: int) -> Awaitable[ModbusPDU]:
        """Function 6."""
        return self.execute(WriteSingleRegisterRequest(dev_id=unit, address=address, registers=[value]))

    def write_words(self, address: int, values: Sequence[int], unit: int) -> Awaitable[ModbusPDU]:
        """Function 16."""
        return self.execute(WriteMultipleRegistersRequest(dev_id=unit, address=address, registers=list(values)))


class Link(Protocol):
    """A way to a device."""

    def client(self, timeout_s: float, on_connect: OnConnect) -> Client:
        """A client that is not connected yet.

        `on_connect` hears True, and False as soon as the connection is of no more use: the other side has closed it, or
        has sent what cannot be understood.
        """
        ...
