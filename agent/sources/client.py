"""A Modbus master's end of one connection; the carrier says how a request and its answer are moved."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from agent.sources import pdu
from agent.sources.pdu import Reply, Request

OnConnect = Callable[[bool], None]


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
    async def execute(self, request: Request) -> Reply:
        """Send a request and return its answer. Raises `OSError`, `BadAnswer`."""

    def read(self, function: int, address: int, count: int, unit: int) -> Awaitable[Reply]:
        """Bits (functions 1 and 2) or words (3 and 4)."""
        return self.execute(pdu.read(unit, function, address, count))

    def read_identity(self, unit: int) -> Awaitable[Reply]:
        """Function 43/14: maker, product code, version."""
        return self.execute(pdu.identify(unit))

    def write_word(self, address: int, value: int, unit: int) -> Awaitable[Reply]:
        """Function 6."""
        return self.execute(pdu.write_word(unit, address, value))

    def write_words(self, address: int, values: Sequence[int], unit: int) -> Awaitable[Reply]:
        """Function 16."""
        return self.execute(pdu.write_words(unit, address, values))


class Link(Protocol):
    """A way to a device."""

    def client(self, timeout_s: float, on_connect: OnConnect) -> Client:
        """A client that is not connected yet.

        `on_connect` hears True, and False as soon as the connection is of no more use: the other side has closed it, or
        has sent what cannot be understood.
        """
        ...
