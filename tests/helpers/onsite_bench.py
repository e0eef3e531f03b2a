"""The agent's side of the wizard without devices: what it is asked is kept, what it says is set."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agent.domain.errors import BadSetup
from agent.domain.proof_model import Channel, Trial
from agent.domain.signals import BATTERY_POWER, GRID_POWER, LOAD_POWER, PV_POWER, Reading, SignalName
from agent.onsite.bench import Candidate, Facts, Look, ProfileChoice, Row, SourcePlan
from tests.helpers.trial_homes import START_MS

POWERS = (PV_POWER, LOAD_POWER, BATTERY_POWER, GRID_POWER)


@dataclass
class Replayed:
    """Gives the readings of a trial one after the other, then the last for ever."""

    trial: Trial
    at: int = 0

    async def read(self) -> Reading:
        self.at = min(self.at + 1, len(self.trial.readings))
        return self.trial.readings[self.at - 1]


@dataclass
class PlainBench:
    """`refuse`: what `check` raises. `looks`: what the devices show. `gives`: the signals of a device by its name."""

    refuse: str = ""
    looks: list[Look] = field(default_factory=list)
    trial: Trial = field(default_factory=lambda: Trial((Reading(START_MS, {GRID_POWER: 400.0}),)))
    watching: int = 0
    gate: asyncio.Event | None = None
    gives: dict[str, tuple[SignalName, ...]] = field(default_factory=dict)

    def profiles(self) -> Sequence[ProfileChoice]:
        return [ProfileChoice("sunspec", "any <SunSpec>", (("other_way", "the meter counts the other way"),))]

    async def scan(self, where: str, progress: Callable[[str], None]) -> Sequence[Candidate]:
        progress("1 of 1 addresses")
        if self.gate is not None:
            await self.gate.wait()
        if where == "broken":
            raise BadSetup("scan", "no such range")
        if where == "nowhere":
            return []
        return [Candidate(f"a thing at {where}", {"profile": "sunspec", "host": where, "port": 502, "unit": 1}, "mind")]

    def check(self, sources: Sequence[SourcePlan]) -> None:
        if self.refuse:
            raise BadSetup("device", self.refuse)

    def signals(self, source: SourcePlan) -> frozenset[SignalName]:
        return frozenset(source.table.get("signals") or self.gives.get(source.name, ()))

    def facts(self, sources: Sequence[SourcePlan]) -> Facts:
        giver = sources[0].name if sources else ""
        givers = dict.fromkeys(POWERS, giver) if sources else {}
        return Facts(givers, {name: Channel(1.0, 2) for name in POWERS}, self.trial.load_follows_grid)

    async def look(self, sources: Sequence[SourcePlan]) -> Sequence[Look]:
        row = Row(GRID_POWER, "400", "W", ("40000: 0190",))
        return self.looks or [Look(source.name, "A <thing>", (row,)) for source in sources]

    @asynccontextmanager
    async def watch(self, sources: Sequence[SourcePlan]) -> AsyncIterator[Replayed]:
        self.watching += 1
        try:
            yield Replayed(self.trial)
        finally:
            self.watching -= 1
