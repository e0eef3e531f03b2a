"""Choose, read, prove, write: the wizard behind the terminal and the page."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from agent.domain.errors import BadSetup, EmberwattError
from agent.domain.proof import prove
from agent.domain.proof_change import Change
from agent.domain.proof_model import Finding, Proof, Trial
from agent.domain.signals import FLOW_TEMPERATURE, GRID_POWER, Reading
from agent.onsite.bench import Bench, Candidate, Facts, Look, SourcePlan
from agent.onsite.cues import Cue, Cues, ProofPlan
from agent.onsite.keeping import Draft, drop_draft, drop_proof, save_draft, save_proof, write_site
from agent.onsite.sharing import Prefer, shared_out
from agent.onsite.site_text import merged_text, new_text
from agent.ports import Clock

_POLL_S: Final = 1.5
_MOST_READINGS: Final = 3000


@dataclass(frozen=True, slots=True)
class Place:
    """The site file and the folder of the agent's state; `state_text` is its name in the site file."""

    config: Path
    state: Path
    state_text: str = "state"


class Wizard:
    """One setup. Every change is kept at once, so that a lost connection costs nothing."""

    def __init__(self, place: Place, bench: Bench, clock: Clock, draft: Draft) -> None:
        self.place = place
        self.bench = bench
        self.clock = clock
        self.draft = draft
        self.run: ProofRun | None = None
        self.searching: Search | None = None
        self.proof: Proof | None = None
        self.changed = False

    # Choose.

    def name_site(self, device: str, site: Mapping[str, Any]) -> None:
        """What the site is called; parts that are not given stay."""
        self._keep(msgspec.structs.replace(self.draft, device=device, site={**self.draft.site, **site}))

    def add(self, table: Mapping[str, Any], *, prefer: Prefer | None = None) -> None:
        """Another device. Raises `BadSetup` when the agent could not run with it.

        Where it gives what others give too, `prefer` says whose values count; without it that is an `Overlap`.
        """
        new = SourcePlan({**table, "name": self._free_name(str(table.get("name") or table.get("profile", "device")))})
        self.bench.check((new,))
        sources = shared_out(self.bench, self.draft.sources, new, prefer)
        self.bench.check(sources)
        self._use(sources)
        self._unprove()

    def remove(self, name: str) -> None:
        self._use(tuple(source for source in self.draft.sources if source.name != name))
        self._unprove()

    def _unprove(self) -> None:
        """What was proven is no longer this site."""
        self.proof = None
        drop_proof(self.place.state)
        self._keep(msgspec.structs.replace(self.draft, proof=None))

    def _free_name(self, wanted: str) -> str:
        taken = {source.name for source in self.draft.sources}
        names = (wanted if number == 1 else f"{wanted}-{number}" for number in range(1, len(taken) + 2))
        return next(name for name in names if name not in taken)

    async def search(self, where: str) -> None:
        """Begin to look who is there; one that goes on is given up."""
        await self.give_up()
        self.searching = Search(self.bench, where)

    async def give_up(self) -> None:
        """End a search, if one is going on."""
        search, self.searching = self.searching, None
        if search is not None:
            await search.end()

    # Read.

    async def look(self) -> Sequence[Look]:
        """All devices as they are now."""
        return await self.bench.look(self.draft.sources)

    def facts(self) -> Facts:
        return self.bench.facts(self.draft.sources)

    def provable(self) -> tuple[bool, bool]:
        """Whether there are powers to prove with a load, and temperatures to prove with heat."""
        givers = self.facts().givers
        return GRID_POWER in givers, FLOW_TEMPERATURE in givers

    # Prove.

    async def start(self, plan: ProofPlan) -> "ProofRun":
        """Begin to watch; an earlier proof is forgotten."""
        await self.stop()
        self.proof, self.changed = None, False
        self.run = ProofRun(self.bench, self.clock, self.draft.sources, self.facts(), plan)
        self.run.begin()
        return self.run

    async def stop(self) -> None:
        """End watching and searching, if it is going on."""
        await self.give_up()
        run, self.run = self.run, None
        if run is not None:
            await run.end()

    async def conclude(self) -> Proof:
        """The verdict on what was watched, kept as a report."""
        run = self.run
        if run is None:
            raise BadSetup("proof", "nothing was watched yet")
        await self.stop()
        self.proof = prove(run.trial())
        self._report([])
        return self.proof

    def can_apply(self, finding: Finding) -> bool:
        """Whether the site file can put it right: what a change touches must be of one device."""
        givers = self.facts().givers
        if not finding.change or len({givers.get(name) for name in finding.signals}) != 1:
            return False
        try:
            self.bench.check(self._with(finding))
        except BadSetup:
            return False
        return True

    def _with(self, finding: Finding) -> tuple[SourcePlan, ...]:
        giver = self.facts().givers.get(finding.signals[0])
        return tuple(
            msgspec.structs.replace(source, correct=joined(source.correct, finding.change))
            if source.name == giver
            else source
            for source in self.draft.sources
        )

    def apply(self, finding: Finding) -> None:
        """Put a finding right in the plan; it has to be proven again. Raises `BadSetup`."""
        sources = self._with(finding)
        self.bench.check(sources)
        self._use(sources)
        self._report([finding.says])
        self.changed = True
        if self.proof is not None:
            self.proof = replace(self.proof, findings=tuple(f for f in self.proof.findings if f is not finding))

    def _report(self, applied: list[str]) -> None:
        if self.proof is None:
            return
        before = (self.draft.proof or {}).get("applied", []) if applied else []
        report = {"at_ms": self.clock.now_ms(), **self.proof.plain(), "applied": [*before, *applied]}
        self._keep(msgspec.structs.replace(self.draft, proof=report))
        save_proof(self.place.state, report)

    # Write.

    def text(self) -> str:
        """The site file as it would be written. Raises `BadSetup`."""
        if self.place.config.exists():
            return merged_text(self.place.config.read_text(encoding="utf-8"), self.draft.sources)
        return new_text(self.draft.device, self.draft.site, self.place.state_text, self.draft.sources)

    def write(self) -> Path | None:
        """Write it, and return where the old one went."""
        backup = write_site(self.place.config, self.text(), self.clock.now_ms())
        drop_draft(self.place.state)
        return backup

    def _use(self, sources: tuple[SourcePlan, ...]) -> None:
        self._keep(msgspec.structs.replace(self.draft, sources=sources))

    def _keep(self, draft: Draft) -> None:
        self.draft = draft
        save_draft(self.place.state, draft)


class Search:
    """A scan that goes on while the person waits; `says` is how far it is."""

    def __init__(self, bench: Bench, where: str) -> None:
        self.where = where
        self.says = ""
        self._task = asyncio.create_task(self._scan(bench), name="scan")

    async def _scan(self, bench: Bench) -> Sequence[Candidate]:
        return await bench.scan(self.where, self._hear)

    def _hear(self, says: str) -> None:
        self.says = says

    def found(self) -> Sequence[Candidate] | None:
        """Who is there; None while it goes on. Raises what the scan has raised."""
        return self._task.result() if self._task.done() else None

    async def end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError, EmberwattError):
            await self._task


class ProofRun:
    """Readings come in while a person does what the cues ask."""

    def __init__(
        self, bench: Bench, clock: Clock, sources: Sequence[SourcePlan], facts: Facts, plan: ProofPlan
    ) -> None:
        self._bench = bench
        self._clock = clock
        self._sources = sources
        self._facts = facts
        self._plan = plan
        self._cues = Cues(plan, clock.now_ms())
        self._readings: list[Reading] = []
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="watch")

    async def end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        async with self._bench.watch(self._sources) as watch:
            while True:
                self._readings.append(await watch.read())
                del self._readings[:-_MOST_READINGS]
                await self._clock.sleep(_POLL_S)

    @property
    def latest(self) -> Reading | None:
        return self._readings[-1] if self._readings else None

    def cue(self) -> Cue | None:
        """What to do now; None when everything was done. Raises what ended the watching."""
        if self._task is not None and self._task.done():
            self._task.result()
        return self._cues.now(self._clock.now_ms())

    def press(self) -> None:
        """The person has done what was asked."""
        self._cues.press(self._clock.now_ms())

    def trial(self) -> Trial:
        """What was seen."""
        facts = self._facts
        return Trial(
            tuple(self._readings),
            tuple(self._cues.steps),
            facts.channels,
            facts.load_follows_grid,
            self._plan.outdoor_about,
            self._cues.heat_on_ms,
            frozenset(facts.givers),
        )


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


def joined(before: Change, more: Change) -> Change:
    """Both changes: twice turned is not turned, factors multiply."""
    times = dict(before.times)
    for name, factor in more.times.items():
        times[name] = float(f"{times.get(name, 1.0) * factor:.6g}")
    return Change(
        swap=_either(before.swap, more.swap),
        exchange=_either(before.exchange, more.exchange),
        times={name: factor for name, factor in times.items() if factor != 1.0},
        flip=_either(before.flip, more.flip),
        less={**before.less, **more.less},
    )


def _either(one: tuple[Any, ...], other: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*(each for each in one if each not in other), *(each for each in other if each not in one))
