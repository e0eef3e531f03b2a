"""The seams of the agent, on one page. Every part knows these and the domain, never another part."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from agent.domain.signals import Equipment, Reading, SignalName
from agent.domain.timeline import Correction
from agent.domain.wire import Body, Record


class Clock(Protocol):
    """Wall and monotonic time of this device. The only place a program reads time from."""

    def now_ms(self) -> int:
        """Wall clock, ms since 1970-01-01T00:00:00Z."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since some fixed instant of this boot; never steps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long on this clock."""
        ...


class Source(Protocol):
    """One device that can be read. Opened with `async with`; the constructor does no I/O."""

    @property
    def name(self) -> str:
        """Its name in the site file."""
        ...

    @property
    def signals(self) -> frozenset[SignalName]:
        """What a reading of it can contain."""
        ...

    async def read(self) -> Reading:
        """Read everything once, now.

        A signal without a good value is in `Reading.bad`. Raises `SourceUnavailable` when the device does not answer at
        all; the next call tries again from the start.
        """
        ...

    async def identify(self) -> Equipment:
        """What the device says it is. Raises `SourceUnavailable`."""
        ...

    async def __aenter__(self) -> "Source": ...

    async def __aexit__(self, *exc: object) -> None: ...


class Position(msgspec.Struct, frozen=True):
    """Where a journal stands: `acknowledged` ≤ `last`; 0 means none yet."""

    epoch: bytes
    acknowledged: int
    last: int


class Outbox(Protocol):
    """The append-only journal. Opened with `async with`."""

    async def append(
        self,
        bodies: Sequence[tuple[int, Body]],
        *,
        checkpoint: bytes | None = None,
        corrections: Sequence[Correction] = (),
    ) -> int:
        """Append `(at_ms, body)` records, and the checkpoint with them, in one transaction.

        Before that, in the same transaction, what is not acknowledged yet is put right by `corrections` of its boot.
        Returns the last sequence number once everything is durable. Raises `Transient` when the disk refuses.
        """
        ...

    async def checkpoint(self) -> bytes | None:
        """The checkpoint of the newest append that had one."""
        ...

    async def position(self) -> Position: ...

    async def after(self, seq: int, *, limit: int) -> list[Record]:
        """Up to `limit` records behind `seq`, in order; numbers may be missing where records were dropped."""
        ...

    async def acknowledge(self, epoch: bytes, through: int) -> None:
        """The aggregator has committed everything up to `through`. Going back is allowed; another epoch is ignored.

        What is acknowledged may be dropped when the space budget needs the room, and never before.
        """
        ...


class Message(msgspec.Struct, frozen=True):
    """One message from the broker."""

    topic: str
    payload: bytes
    retained: bool


class BrokerSession(Protocol):
    """One live connection. Every call raises `UplinkUnavailable` once it is broken."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns when the broker has confirmed it (QoS 1). That is not yet the aggregator's word."""
        ...

    async def subscribe(self, *topics: str) -> None: ...

    def messages(self) -> AsyncIterator[Message]: ...


class Aside(Protocol):
    """What else is said over the connection to the aggregator, such as commands and their replies."""

    @property
    def topics(self) -> Sequence[str]:
        """To subscribe to."""
        ...

    def take(self, topic: str, payload: bytes) -> bool:
        """A message has come; False when it is none of these topics. Raises `BadMessage`."""
        ...

    async def speak(self, session: BrokerSession) -> None:
        """Say what there is to say over this connection, for ever. Raises `UplinkUnavailable` once it is broken."""
        ...


class Broker(Protocol):
    """The way to the aggregator. `connect` raises `UplinkUnavailable`, or `BadSetup` when it is refused for good."""

    def connect(self) -> AbstractAsyncContextManager[BrokerSession]: ...
