"""What the wizard needs of the agent, and what it gets."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from agent.domain.proof_change import Change
from agent.domain.proof_model import Channel
from agent.domain.signals import Reading, SignalName


class SourcePlan(msgspec.Struct, frozen=True):
    """One device: its table in the site file, without corrections, and these."""

    table: dict[str, Any]
    correct: Change = Change()

    @property
    def name(self) -> str:
        return str(self.table.get("name", ""))

    @property
    def where(self) -> str:
        """Its address, for a person."""
        if "host" not in self.table:
            return str(self.table.get("port", self.table.get("folder", "")))
        return f"{self.table['host']}:{self.table.get('port', 502)}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that a scan has found; `table` is what its source's table would begin with."""

    says: str
    table: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ProfileChoice:
    """A profile, the variants that it leaves open, each with what it means, and what such a device may be called."""

    name: str
    title: str
    variants: tuple[tuple[str, str], ...] = ()
    call: str = "device"


@dataclass(frozen=True, slots=True)
class Row:
    """One value, live: as text with its unit, and the raw words it was made of. `fault` says why there is none."""

    name: str
    text: str
    unit: str
    raw: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One device as it is now; `trouble` instead of rows where it does not answer."""

    source: str
    says: str = ""
    rows: tuple[Row, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the profiles of a site say about its signals: who gives each, how finely, if load is computed."""

    givers: Mapping[SignalName, str] = field(default_factory=dict)
    channels: Mapping[SignalName, Channel] = field(default_factory=dict)
    load_follows_grid: bool = False


class Watch(Protocol):
    """All devices of the site, read together."""

    async def read(self) -> Reading:
        """Once, now. A device that does not answer gives `MISSING`; a value may be out of its signal's range."""
        ...


class Bench(Protocol):
    """The agent's side. All of it raises `BadSetup` with a line for a person."""

    def profiles(self) -> Sequence[ProfileChoice]: ...

    async def scan(self, where: str, progress: Callable[[str], None]) -> Sequence[Candidate]:
        """Who is at a host, host:port, range or serial port; `progress` hears how far it is."""
        ...

    def check(self, sources: Sequence[SourcePlan]) -> None:
        """Whether the agent could run with these."""
        ...

    def signals(self, source: SourcePlan) -> frozenset[SignalName]:
        """What one device gives."""
        ...

    def facts(self, sources: Sequence[SourcePlan]) -> Facts: ...

    async def look(self, sources: Sequence[SourcePlan]) -> Sequence[Look]: ...

    def watch(self, sources: Sequence[SourcePlan]) -> AbstractAsyncContextManager[Watch]: ...
