"""The desired configuration: validated whole, tried whole, and taken back when it does no good.

What is tried is on the disk before it is tried, and what worked last stays beside it. So a kill at any instant leaves
either the one or the other, and a configuration under which the agent stops again and again is taken back at a start.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from agent.domain.errors import BadSetup, Transient
from agent.domain.twin import Document, TwinMessage, merge_patch
from agent.ports import Clock
from agent.steering.ownership import conflicts, leaves, taken_over
from agent.steering.vault import Judged, Kept, Trial, Vault, Wish

TRIAL: Final = "config_trial"
APPLIED: Final = "config_applied"
ROLLBACK: Final = "rollback"
REFUSED: Final = "config_refused"
MAX_STARTS: Final = 3
_MAX_REASON: Final = 500
_AGAIN_S: Final = 60.0
_log: Final = logging.getLogger("emberwatt.steering")


class SteeringSettings(msgspec.Struct, frozen=True):
    """`probation_s`: seconds of the clock in which a configuration must prove itself, and never less than `least_s`
    real ones: a device does not answer sooner because a simulated clock runs fast."""

    probation_s: float = 600.0
    least_s: float = 0.0


Check = Callable[[Document], None]


class Plant(Protocol):
    """What is steered."""

    def site(self) -> Mapping[str, Any]:
        """The tables of the site file, as they were read at the start."""
        ...

    def check(self, doc: Document) -> None:
        """Whether the site could run with these wishes. Raises `BadSetup`."""
        ...

    async def apply(self, doc: Document) -> None:
        """Go on with these wishes. Raises `BadSetup`, and then goes on as before."""
        ...

    def answering(self) -> frozenset[str]:
        """The sources that answer now."""
        ...

    def heard(self) -> frozenset[str]:
        """The sources that gave a value since the last `apply`, or since the start."""
        ...

    def round_s(self) -> float:
        """Seconds of the clock in which every device is certainly read: no probation can be shorter."""
        ...

    async def tell(self, event: str, detail: Mapping[str, str | int]) -> None:
        """Write an event down and report the twin soon."""
        ...

    async def last(self) -> int:
        """The newest number in the journal."""
        ...

    async def acknowledged(self) -> int:
        """Up to where the aggregator has it."""
        ...


class Steward:
    """Follows the fleet's wishes. `begin` once before anything runs, then `run` for ever."""

    def __init__(self, settings: SteeringSettings, vault: Vault, clock: Clock) -> None:
        self._settings = settings
        self._vault = vault
        self._clock = clock
        self._kept = Kept()
        self._news = asyncio.Event()
        self._newest: Wish | None = None
        self._notes: list[tuple[str, dict[str, str | int]]] = []
        self._in_force = Wish()
        self._waits_for = ""
        self._until_ms = 0

    def begin(self, check: Check) -> Document:
        """The wishes to start with: those on probation, those that worked last, or none but the site file's.

        `check` raises `BadSetup` for wishes that the site cannot run with.
        """
        self._kept = self._vault.load()
        trial = self._kept.trial
        if trial is not None:
            reason = self._count_start(trial) or _problem(check, trial.wish)
            if not reason:
                self._in_force = trial.wish
                return trial.wish.doc
            self._give_up(trial.wish, "rolled_back", reason)
        self._in_force = self._kept.good
        reason = _problem(check, self._in_force)
        if reason:
            # Somebody on site has changed what the wishes stood on: the site file alone still works.
            self._judge(self._in_force, "refused", reason)
            self._in_force = Wish()
        elif self._kept.good.print in self._known():
            self._kept = msgspec.structs.replace(self._kept, judged=None)
        return self._in_force.doc

    def wish(self, message: TwinMessage) -> None:
        """A desired twin has come; one that is known already changes nothing."""
        if message.doc is None:
            _log.warning("the desired twin came as a patch, expected the whole document")
            return
        wish = Wish(message.version, merge_patch({}, message.doc))
        if wish.print in self._known():
            self._newest = None
            return
        self._newest = wish
        self._news.set()

    async def run(self, plant: Plant) -> None:
        """Try what is wished, for ever."""
        self._until_ms = self._from_now_ms(self._probation_s(plant))
        await self._tell_notes(plant)
        while True:
            trial = self._kept.trial
            if trial is not None:
                await self._watch(plant, trial)
            elif self._newest is not None:
                await self._pause(_AGAIN_S)
            else:
                await self._news.wait()
            self._news.clear()
            wish, self._newest = self._newest, None
            if wish is not None:
                await self._consider(plant, wish)
            await self._tell_notes(plant)

    def report(self, plant: Plant) -> Document:
        """`config` of the reported twin."""
        kept, told = self._kept, Document()
        if kept.trial is not None:
            told = {"version": kept.trial.wish.version, "state": "probation", "good": kept.good.version}
        elif kept.judged is not None:
            judged = kept.judged
            told = {"version": judged.version, "state": judged.state, "reason": judged.reason}
            told["good"] = self._in_force.version
        elif kept.good.version:
            told = {"version": kept.good.version, "state": "applied"}
        if self._waits_for:
            told["waits_for"] = self._waits_for
        found = conflicts(self._in_force.doc, plant.site(), kept.taken)
        return told | {"conflicts": found} if found else told

    def _known(self) -> set[tuple[int, int]]:
        kept = self._kept
        judged = set() if kept.judged is None else {(kept.judged.version, kept.judged.crc)}
        if kept.trial is not None:
            return judged | {kept.trial.wish.print}
        # What was judged was good once, and the fleet may wish it again: then it is news.
        return judged or {kept.good.print}

    def _count_start(self, trial: Trial) -> str:
        """Why the trial cannot go on, or nothing."""
        if trial.starts >= MAX_STARTS:
            return f"the agent stopped {trial.starts} times while it was on probation"
        try:
            self._save(msgspec.structs.replace(self._kept, trial=_started(trial)))
        except Transient as error:
            return f"the number of starts cannot be kept: {error}"
        return ""

    def stopped_in_order(self) -> None:
        """A stop that was asked for is not the configuration's fault."""
        trial = self._kept.trial
        if trial is not None and trial.starts:
            try:
                starts = trial.starts - 1
                self._save(msgspec.structs.replace(self._kept, trial=Trial(trial.wish, trial.before, starts)))
            except Transient as error:
                _log.warning("%s", error)

    async def _consider(self, plant: Plant, wish: Wish) -> None:
        if wish.print in self._known():
            return
        problem = _problem(plant.check, wish)
        if problem:
            self._judge(wish, "refused", problem)
            return
        if wish.doc == self._kept.good.doc and self._kept.trial is None and self._in_force.doc == wish.doc:
            if self._saved(wish, Kept(wish, None, None, self._kept.taken)):
                self._notes.append((APPLIED, {"version": wish.version}))
            return
        await self._try(plant, wish)

    async def _try(self, plant: Plant, wish: Wish) -> None:
        before = sorted(plant.answering()) if self._kept.trial is None else self._kept.trial.before
        taken = self._kept.taken | taken_over(wish.doc, plant.site(), self._kept.taken)
        trial = Trial(wish, before, 1)
        if not self._saved(wish, Kept(self._kept.good, trial, None, taken)):
            return
        try:
            await plant.apply(wish.doc)
        except BadSetup as problem:
            self._give_up(wish, "rolled_back", str(problem))
            await self._fall_back(plant)
            return
        self._in_force = wish
        self._until_ms = self._from_now_ms(self._probation_s(plant))
        await plant.tell(TRIAL, {"version": wish.version})

    async def _watch(self, plant: Plant, trial: Trial) -> None:
        """The probation of one wish; another that comes meanwhile interrupts it."""
        mark = await plant.last()
        enough = asyncio.create_task(asyncio.sleep(self._settings.least_s))
        try:
            if await self._pause((self._until_ms - self._clock.monotonic_ms()) / 1000):
                return
            if await self._pause(0.0, enough):
                return
        finally:
            enough.cancel()
        lacking = [f"{name} gave no value" for name in trial.before if name not in plant.heard()]
        if await plant.acknowledged() < mark:
            lacking.append("the aggregator acknowledged nothing")
        if lacking:
            reason = f"{', '.join(lacking)} within {self._probation_s(plant):g} s"
            self._give_up(trial.wish, "rolled_back", reason)
            await self._fall_back(plant)
        else:
            self._pass(trial.wish)

    def _pass(self, wish: Wish) -> None:
        """It has proven itself. What was refused meanwhile stays known."""
        keys = leaves(wish.doc)
        taken = {key: value for key, value in self._kept.taken.items() if key in keys}
        try:
            self._save(Kept(wish, None, self._kept.judged, taken))
        except Transient as error:
            _log.warning("configuration %d stays on probation: %s", wish.version, error)
            self._until_ms = self._from_now_ms(_AGAIN_S)
        else:
            self._notes.append((APPLIED, {"version": wish.version}))

    async def _fall_back(self, plant: Plant) -> None:
        self._in_force = self._kept.good
        try:
            await plant.apply(self._in_force.doc)
        except BadSetup as problem:
            _log.error("the configuration that worked last does not work: %s", problem)
            self._in_force = Wish()
            await plant.apply({})

    def _probation_s(self, plant: Plant) -> float:
        return max(self._settings.probation_s, plant.round_s())

    def _from_now_ms(self, seconds: float) -> int:
        return self._clock.monotonic_ms() + round(seconds * 1000)

    def _give_up(self, wish: Wish, state: str, reason: str) -> None:
        self._kept = msgspec.structs.replace(self._kept, trial=None)
        self._judge(wish, state, reason)

    def _judge(self, wish: Wish, state: str, reason: str) -> None:
        """Remember it as one that is not to be tried again, and have it told."""
        reason = reason[:_MAX_REASON]
        _log.warning("configuration %d %s: %s", wish.version, state.replace("_", " "), reason)
        judged = Judged(*wish.print, state, reason, self._clock.now_ms())
        kept = msgspec.structs.replace(self._kept, judged=judged)
        try:
            self._save(kept)
        except Transient as error:
            _log.warning("%s", error)
            self._kept = kept
        event = ROLLBACK if state == "rolled_back" else REFUSED
        self._notes.append((event, {"version": wish.version, "reason": reason, "good": kept.good.version}))

    def _save(self, kept: Kept) -> None:
        self._vault.save(kept)
        self._kept = kept

    def _saved(self, wish: Wish, kept: Kept) -> bool:
        """False when the disk refuses: nothing is tried that could not be taken back, and it is asked again later."""
        try:
            self._save(kept)
        except Transient as error:
            _log.warning("configuration %d waits: %s", wish.version, error)
            self._newest, self._waits_for = wish, str(error)[:_MAX_REASON]
            return False
        self._waits_for = ""
        return True

    async def _tell_notes(self, plant: Plant) -> None:
        notes, self._notes = self._notes, []
        for event, detail in notes:
            await plant.tell(event, detail)

    async def _pause(self, seconds: float, also: "asyncio.Task[None] | None" = None) -> bool:
        """Until that many seconds have passed and `also` has ended; True when a new wish comes first."""
        rest = asyncio.create_task(self._clock.sleep(max(0.0, seconds))) if also is None else also
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait((rest, news), return_when=asyncio.FIRST_COMPLETED)
        finally:
            rest.cancel()
            news.cancel()
        return self._news.is_set()


def _started(trial: Trial) -> Trial:
    return Trial(trial.wish, trial.before, trial.starts + 1)


def _problem(check: Check, wish: Wish) -> str:
    """Why the site cannot run with it, or nothing."""
    try:
        check(wish.doc)
    except BadSetup as problem:
        return str(problem)
    return ""
