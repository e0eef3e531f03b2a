"""One model at one site: readings into frames, frames through the network, days against what was expected."""

from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.domain.detecting import ModelDay
from agent.domain.learned_artifact import Artifact
from agent.domain.learned_drift import Drift
from agent.domain.learned_head import DaySums
from agent.domain.learned_plan import Target
from agent.domain.learned_watch import DayScore, SiteWatch, TargetWatch
from agent.domain.learned_window import Window
from agent.domain.local_time import LocalTime
from agent.domain.signals import Reading
from agent.domain.timeline import Move
from agent.learned.runtime import Network, load

_MOST_INPUT: Final = 1.5


class SiteModel:
    """Follows a site with `artifact`. The network is loaded with the first frame, not before."""

    def __init__(
        self, artifact: Artifact, mark: str, place: tuple[float, float] | None, zone: ZoneInfo, runtime: str = ""
    ) -> None:
        plan = artifact.plan
        self.artifact = artifact
        self.mark = mark
        self._runtime = runtime
        self._network: Network | None = None
        self._window = Window(plan, place, zone)
        self._local = LocalTime(zone)
        self._sizes = [target.units + 1 for target in plan.targets]
        parts = zip(artifact.priors, plan.targets, artifact.limits, strict=True)
        self.watch = SiteWatch([TargetWatch(*each) for each in parts])
        self._drift = Drift(artifact.references)
        self._fresh()
        self._day: int | None = None
        self._first_day: int | None = None
        self._days_of_sizes = max((size.days for size in plan.sizes), default=0)
        self.told: DayScore | None = None

    def _fresh(self) -> None:
        self._sums = [DaySums(size) for size in self._sizes]

    @property
    def runtime(self) -> str:
        """What runs the network; empty before it was needed."""
        return self._network.name if self._network is not None else ""

    @property
    def learned_days(self) -> int:
        return max(target.head.days for target in self.watch.targets)

    def update(self, reading: Reading) -> DayScore | None:
        """Take in a reading; returns the score of the local day that it closes."""
        closed = self._window.update(reading)
        if closed is None:
            return None
        start_ms, terms = closed
        told, day = None, self._local.day(start_ms)
        if self._first_day is None:
            self._first_day = day
        if self._day is not None and day != self._day:
            told = self._close()
        self._day = day
        self._take(start_ms, terms)
        return told

    def _close(self) -> DayScore:
        ready = (self._day or 0) - (self._first_day or 0) >= self._days_of_sizes
        self.told = self.watch.close(self._sums, ready=ready)
        self._fresh()
        return self.told

    def _take(self, start_ms: int, terms: Sequence[float | None]) -> None:
        """A frame: its numbers for each target of which everything is known."""
        artifact = self.artifact
        self._drift.update([terms[each.term] for each in artifact.references])
        counted = [self._counts(target, terms) for target in artifact.plan.targets]
        if not any(counted):
            return
        if self._network is None:
            self._network = load(artifact.network, self._runtime)
        units = self._network.run(self._inputs(terms))
        frame, place = start_ms // (artifact.plan.frame_s * 1000), 0
        heads = zip(artifact.plan.targets, counted, self._sums, self.watch.targets, strict=True)
        for target, counts, sums, watch in heads:
            if counts:
                x = [*units[place : place + target.units], 1.0]
                y = terms[target.y] or 0.0
                residual, weight = watch.head.residual(x, y)
                sums.add(x, y, residual, weight)
                if target.reach >= 0:
                    sums.reach.add(frame, terms[target.reach] or 0.0, y, y - residual)
            place += target.units

    def _counts(self, target: Target, terms: Sequence[float | None]) -> bool:
        if terms[target.y] is None or any(terms[place] is None for place in target.inputs):
            return False
        for gate in target.gates:
            value = terms[gate.term]
            if value is None or not gate.low <= value <= gate.high:
                return False
        return True

    def _inputs(self, terms: Sequence[float | None]) -> list[float]:
        scaling, values = self.artifact.scaling, []
        for place, centre, half in zip(scaling.terms, scaling.centre, scaling.half, strict=True):
            term = terms[place]
            value = 0.0 if term is None else (term - centre) / half
            values.append(max(-_MOST_INPUT, min(_MOST_INPUT, value)))
        return values

    def blamed(self) -> dict[str, float]:
        """The signals that contribute most to the score, each with the score of the target that names it first."""
        ranked = sorted(zip(self.watch.scores, self.artifact.plan.targets, strict=True), key=lambda pair: -pair[0])
        signals: dict[str, float] = {}
        for score, target in ranked:
            if score >= 0.7 or not signals:
                for name in target.blames:
                    signals.setdefault(name, round(score, 2))
        return signals

    def day(self, at_ms: int, role: str) -> ModelDay:
        """What is told of the day that ended at `at_ms`."""
        artifact, plan = self.artifact, self.artifact.plan
        indices = self._drift.indices()
        moved = {
            plan.terms[artifact.references[place].term].name: indices[place] or 0.0 for place in self._drift.moved()
        }
        scores = {t.name: round(s, 2) for t, s in zip(plan.targets, self.watch.scores, strict=True)}
        score = round(self.told.score, 3) if self.told else 0.0
        return ModelDay(
            at_ms, artifact.name, artifact.version, self.mark, role, self.runtime, self.learned_days, score, scores,
            moved, bool(moved),
        )  # fmt: skip

    def move(self, move: Move) -> None:
        """The clock was set."""
        before = self._window.start_ms
        self._window.move(move)
        after = self._window.start_ms
        if before is None or after is None or self._day is None:
            return
        days = self._local.day(after) - self._local.day(before)
        self._day += days
        if self._first_day is not None:
            self._first_day += days

    def state(self) -> list[Any]:
        told = None if self.told is None else [self.told.score, self.told.targets]
        sums = [each.state() for each in self._sums]
        return [
            *(self.mark, self._window.state(), self.watch.state(), self._drift.state()),
            *(sums, self._day, self._first_day, told),
        ]

    def restore(self, state: Sequence[Any]) -> None:
        """Continue with a state of the same model."""
        self._window.restore(state[1])
        self.watch.restore(state[2])
        self._drift.restore(state[3])
        self._sums = [DaySums.from_state(each) for each in state[4]]
        self._day, self._first_day = state[5], state[6]
        self.told = None if state[7] is None else DayScore(*state[7])
