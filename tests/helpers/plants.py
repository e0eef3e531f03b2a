"""A plant in memory for the steward."""

from collections.abc import Mapping
from typing import Any

from agent.domain.errors import BadSetup
from agent.domain.twin import Document


class MemoryPlant:
    """`bad` documents are refused, `mute` ones silence the devices, `unbuildable` ones fail when applied."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = {"poll": {"interval_s": 60}}
        self.bad: list[Document] = []
        self.mute: list[Document] = []
        self.unbuildable: list[Document] = []
        self.applied: list[Document] = []
        self.events: list[tuple[str, dict[str, str | int]]] = []
        self.connected = True
        self.needs_s = 0.0
        self.now: Document = {}

    def site(self) -> Mapping[str, Any]:
        return self.tables

    def check(self, doc: Document) -> None:
        if doc in self.bad:
            raise BadSetup("desired.poll", "is bad")

    async def apply(self, doc: Document) -> None:
        if doc in self.unbuildable:
            raise BadSetup("desired.poll", "cannot be built")
        self.applied.append(doc)
        self.now = doc

    def answering(self) -> frozenset[str]:
        return frozenset({"heating"})

    def heard(self) -> frozenset[str]:
        return frozenset() if self.now in self.mute else frozenset({"heating"})

    def round_s(self) -> float:
        return self.needs_s

    async def tell(self, event: str, detail: Mapping[str, str | int]) -> None:
        self.events.append((event, dict(detail)))

    async def last(self) -> int:
        return len(self.events)

    async def acknowledged(self) -> int:
        return len(self.events) if self.connected else -1

    def names(self) -> list[str]:
        return [name for name, _ in self.events]
