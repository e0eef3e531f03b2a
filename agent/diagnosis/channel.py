"""One fault on one component: its rule, its tracker, and the records that its life leaves."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.domain.begun import knows_begin
from agent.domain.blocks import Block
from agent.domain.causes import CONSEQUENCES, EARLY
from agent.domain.episodes import Episode, EpisodeTracker, Tracker
from agent.domain.faults import FAULTS, FaultCode
from agent.domain.rules import Rule
from agent.domain.signals import Reading, SignalName
from agent.domain.timeline import Move
from agent.domain.wire import Fault

LOST_MONEY: Final = "lost_money"
UPDATE_EVERY_MS: Final = 6 * 3_600_000


class Channel:
    """Follows the fault `code` on `component` (empty: the site as a whole). `rule` is None where the caller judges.

    `price_per_kwh` is what a lost kWh costs, in the site's money; 0 where nobody said.
    """

    def __init__(
        self, code: FaultCode, tracker: Tracker, rule: Rule | None = None, component: str = "", price: float = 0.0
    ) -> None:
        self.code = code
        self.tracker = tracker
        self.rule = rule
        self.component = component
        self.price_per_kwh = price
        self.is_cause = code in CONSEQUENCES
        self._early = code in EARLY
        self.stood = False  # whether it stood as a cause when the silence was looked at last
        self.signals = frozenset(name for names in rule.needs for name in names) if rule else frozenset()
        self._signals = tuple(sorted(self.signals))
        self._begun = knows_begin(rule)
        self._evidence: dict[str, float] = {}
        self._told_ms = 0
        self._told_failing_ms = 0
        self._kept_id = ""  # of an episode that was told before the clock was set

    def observe(self, reading: Reading) -> list[Fault] | None:
        """Judge a reading and follow it up; None when it cannot have changed anything."""
        verdict = self.rule.judge(reading) if self.rule else None
        if verdict is None:
            if self.tracker.quiet:
                return None
        elif not verdict and self.tracker.passes(reading.at_ms):
            return None
        return self.follow(verdict, reading)

    def pass_over(self, block: Block, *, silenced: bool) -> int:
        """Take in the block's readings up to the one with which something begins, ends or is to be told.

        Returns how many come before that one. When it is fewer than the block has, what it remembers is spoilt.
        """
        if silenced:
            return self._pass_silenced(block)
        passed = 0
        tracker = self.tracker
        if self.rule is not None and isinstance(tracker, EpisodeTracker) and tracker.is_well:
            verdicts = self.rule.judge_all(block)
            failed = verdicts[-1] is True
            passed = len(verdicts) - failed
            if passed:
                tracker.pass_all(block.times[:passed], verdicts[:passed])
            if failed:
                if self.follow(True, block.readings[passed]) or self.stands != self.stood:
                    return passed
                passed += 1
        for reading in block.readings[passed:]:
            if self.observe(reading) or self.stands != self.stood:
                return passed
            passed += 1
        return passed

    @property
    def is_calm(self) -> bool:
        """Whether healthy readings lead to nothing."""
        return not self.stood and isinstance(self.tracker, EpisodeTracker) and self.tracker.is_well

    def pass_well(self, times: Sequence[int]) -> None:
        """`follow` with a healthy verdict at each of the times; only while calm."""
        for at_ms in times:
            if not self.tracker.passes(at_ms):
                self.tracker.update(at_ms, False)

    def _pass_silenced(self, block: Block) -> int:
        for passed, reading in enumerate(block.readings):
            if self.tracker.quiet:
                break
            if self.follow(None, reading):
                return passed
        return len(block)

    def follow(self, verdict: bool | None, reading: Reading, noted: Mapping[str, float] | None = None) -> list[Fault]:
        """Take in a verdict, with evidence `noted` by the caller; returns the steps in the fault's life it leads to."""
        at_ms, values = reading.at_ms, reading.values
        loss_w = self.rule.loss_w(values) if verdict and self.rule else None
        since_ms = self._begun.since_ms if verdict and self._begun else None
        before_ms = self.tracker.suspected_ms
        changes = self.tracker.update(at_ms, verdict, loss_w, since_ms)
        if not verdict and not changes and not self.tracker.active:
            return []
        steps = [self._end(change) for change in changes if change.end_ms is not None]
        if verdict:
            self._keep_evidence(values, noted, begins=self.tracker.suspected_ms != before_ms)
        steps += [self._start(at_ms, change) for change in changes if change.end_ms is None]
        if self.tracker.active and at_ms - self._told_ms >= UPDATE_EVERY_MS:
            steps += self._update(at_ms)
        return steps

    @property
    def stands(self) -> bool:
        """Whether it silences its consequences now."""
        tracker = self.tracker
        return self.is_cause and (tracker.suspected_ms is not None if self._early else tracker.active)

    def note(self, evidence: Mapping[str, float]) -> None:
        """Evidence that the caller came to know later."""
        self._evidence.update(evidence)

    def _keep_evidence(
        self, values: Mapping[SignalName, float], noted: Mapping[str, float] | None, *, begins: bool
    ) -> None:
        """The values that started it, what the rule knows, and how bad the watched value became."""
        if begins:
            self._evidence = {name: values[name] for name in self._signals if name in values}
        if noted:
            self._evidence.update(noted)
        if self.rule is None:
            return
        if self.tracker.active:
            self._evidence.update(self.rule.seen())
        watched = self.rule.watched
        if watched is not None and watched in values:
            key = f"worst_{watched}"
            self._evidence[key] = min(self._evidence.get(key, values[watched]), values[watched])

    def move(self, move: Move, *, rename: bool) -> None:
        """The clock was set. With `rename` what was told is put right as well, so that a fault's id moves too."""
        if self.tracker.active and not rename:
            self._kept_id = self._id(self.tracker.episode())
        self.tracker.move(move)
        self._told_ms = move(self._told_ms)
        if self.rule is not None:
            self.rule.move(move)

    def _start(self, at_ms: int, episode: Episode) -> Fault:
        self._kept_id = ""
        return self._tell("start", at_ms, episode)

    def _end(self, episode: Episode) -> Fault:
        return self._tell("end", episode.end_ms or 0, episode)

    def _update(self, at_ms: int) -> list[Fault]:
        episode = self.tracker.episode()
        if episode.failing_ms == self._told_failing_ms:
            return []
        return [self._tell("update", at_ms, episode)]

    def _tell(self, phase: str, at_ms: int, episode: Episode) -> Fault:
        self._told_ms, self._told_failing_ms = at_ms, episode.failing_ms
        return self._fault(phase, episode)

    def _fault(self, phase: str, episode: Episode) -> Fault:
        lost_wh = None if episode.lost_wh is None else round(episode.lost_wh, 1)
        evidence = dict(self._evidence)
        if lost_wh is not None and self.price_per_kwh:
            evidence[LOST_MONEY] = round(lost_wh / 1000 * self.price_per_kwh, 2)
        return Fault(
            id=self._id(episode),
            code=self.code,
            phase=phase,
            severity=FAULTS[self.code].severity,
            component=self.component,
            start_ms=episode.start_ms,
            end_ms=episode.end_ms,
            failing_s=episode.failing_ms / 1000,
            evidence=evidence,
            lost_wh=lost_wh,
        )

    def _id(self, episode: Episode) -> str:
        if self._kept_id:
            return self._kept_id
        return ".".join(part for part in (self.code, self.component, str(episode.start_ms)) if part)

    def active_fault(self) -> Fault | None:
        """The fault that lasts now, as far as it has come."""
        return self._fault("update", self.tracker.episode()) if self.tracker.active else None

    def state(self) -> list[Any]:
        rule = self.rule.state() if self.rule else []
        told = [self._told_ms, self._told_failing_ms, self._kept_id]
        return [self.tracker.state(), rule, self._evidence, *told]

    def restore(self, state: list[Any]) -> None:
        tracker, rule, self._evidence, self._told_ms, self._told_failing_ms = state[:5]
        self._kept_id = state[5] if len(state) > 5 else ""
        self.tracker.restore(tracker)
        if self.rule is not None:
            self.rule.restore(rule)
