"""What HTTPS into the aggregator needs of ingest and of the store; over MQTT the broker does that part."""

from typing import Protocol

from agent.domain.envelope import Letter
from agent.domain.errors import Transient


class Busy(Transient):
    """Too much waits already; the device should come again after `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Door(Protocol):
    """Where messages of devices come in."""

    @property
    def pause_s(self) -> float:
        """How long devices should leave between their questions now; 0 is as they like."""
        ...

    async def take(self, device: str, leaf: str, payload: bytes) -> list[Letter]:
        """The direct answers, once everything is committed. Raises `Transient` when the store refuses, or `Busy`."""
        ...


class Greeter(Protocol):
    """What a device that comes in has to hear first, as a broker would tell it what is retained."""

    def greet(self, device: str) -> list[Letter]:
        """Its desired twin. Raises `Transient`."""
        ...
