"""Days of a site against what was expected of them: what is unusual, since when, and by which signals.

Of each target five figures are followed: the mean residual over a few days and over some weeks, whether *every* one
of the last days lay on one side (which weather does not do), whether days are rougher than they were, and what is
missing even in good moments. Each is divided by its limit, which the fleet's healthy sites set, and by what the site's
own past makes of it; the largest is the score. What was judged is learned some days later, and only if nothing was
suspected by then, so that a failure that comes slowly does not teach itself as normal.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from agent.domain.learned_head import BLOCK_FREE_DAYS, Block, DaySums, DayVerdict, Head, Prior
from agent.domain.learned_plan import Target
from agent.domain.learned_reach import Reach

FIGURES: Final = ("days", "weeks", "persistent", "rough", "reach")
LAST_DAYS: Final = 10
BLOCK_DAYS: Final = 7
HOLD_BLOCKS: Final = 6
SUSPECT: Final = 0.6
NEW_NORMAL_DAYS: Final = 150
_FAST: Final = 1.0 / 3.0
_SLOW: Final = 1.0 / 15.0
_ROUGH: Final = 1.0 / 8.0
_MOST: Final = (8.0, 5.0, 8.0, 6.0)
_OWN_DAYS: Final = 40.0
_FADED_DAYS: Final = 360.0


class Limits(msgspec.Struct, array_like=True, frozen=True):
    """Of each figure its usual size and its limit over healthy sites of the fleet, in the order of `FIGURES`."""

    usual: list[float]
    limit: list[float]


class TargetWatch:
    """One target at one site."""

    __slots__ = ("_blocks", "_limits", "_own", "_own_days", "_prior", "_reach", "_target", "fast", "head", "last",
                 "missing", "rough", "slow")  # fmt: skip

    def __init__(self, prior: Prior, target: Target, limits: Limits) -> None:
        self._prior = prior
        self._target = target
        self._limits = limits
        self.head = Head(prior, target.tau)
        self.restart()

    def restart(self) -> None:
        """Know nothing of this site any more."""
        self.head = Head(self._prior, self._target.tau)
        self.fast = self.slow = self.rough = 0.0
        self.last: deque[float] = deque(maxlen=LAST_DAYS)
        self._own = [1.0] * len(FIGURES)
        self._own_days = 0
        self._reach = Reach()
        self.missing = 0.0
        self._blocks = [self._block()]

    def _block(self) -> Block:
        return Block(len(self._prior.weights))

    def judge(self, day: DaySums) -> list[float] | None:
        """Take in a day; returns the figures, each 1 at its limit. None where it has too few samples."""
        verdict = self.head.judge(day)
        if verdict is None:
            return None
        self._follow(verdict)
        if self._target.reach >= 0:
            self.missing = self._reach.update(day.reach)
        self._blocks[-1].take(day, verdict)
        figures = self.figures()
        kept = self._blocks[-1].figures or [0.0] * len(FIGURES)
        self._blocks[-1].figures = [
            total + min(9.0, (value / usual) ** 2)
            for total, value, usual in zip(kept, figures, self._limits.usual, strict=True)
        ]
        limits = zip(figures, self._limits.limit, self._own, strict=True)
        return [value / (limit * max(1.0, own) ** 0.5) for value, limit, own in limits]

    def _follow(self, verdict: DayVerdict) -> None:
        self.fast += _FAST * (_within(verdict.mean, _MOST[0]) - self.fast)
        self.slow += _SLOW * (_within(verdict.mean, _MOST[1]) - self.slow)
        self.last.append(_within(verdict.mean, _MOST[2]))
        self.rough += _ROUGH * (_within(verdict.spread, _MOST[3]) - self.rough)

    def figures(self) -> list[float]:
        """The figures, each larger the more unusual."""
        low, high = (min(self.last), max(self.last)) if len(self.last) == LAST_DAYS else (0.0, 0.0)
        side = self._target.side
        if side:
            signed = [side * self.fast, side * self.slow, low if side > 0 else -high]
        else:
            signed = [abs(self.fast), abs(self.slow), max(low, -high)]
        return [max(0.0, value) for value in (*signed, self.rough, self.missing)]

    def learn(self, *, suspected: bool) -> None:
        """A day is over. Learn what has waited long enough, unless something is suspected."""
        first = self.head.days < 3 * BLOCK_DAYS
        length = 1 if first else BLOCK_DAYS
        if self._blocks[-1].days >= length:
            self._blocks.append(self._block())
        hold = HOLD_BLOCKS if suspected and not first else 2
        while len(self._blocks) > hold:
            oldest = self._blocks.pop(0)
            self.head.learn(oldest)
            self._learn_own(oldest)

    def _learn_own(self, block: Block) -> None:
        """How much more the figures move here than elsewhere."""
        rate = min(0.5, block.days / (_OWN_DAYS + min(self._own_days, _FADED_DAYS)))
        for place, total in enumerate(block.figures):
            self._own[place] += rate * (total / block.days - self._own[place])
        self._own_days += block.days

    def forget_waiting(self) -> None:
        """What waits was a failure: it is not learned."""
        self._blocks = [self._block()]

    def state(self) -> list[Any]:
        return [
            *(self.head.state(), self.fast, self.slow, self.rough, list(self.last), self._own, self._own_days),
            *([block.state() for block in self._blocks], list(self._reach.days), self.missing),
        ]

    def restore(self, state: Sequence[Any]) -> None:
        self.head.restore(state[0])
        self.fast, self.slow, self.rough = state[1:4]
        self.last = deque(state[4], maxlen=LAST_DAYS)
        self._own, self._own_days = list(state[5]), state[6]
        self._blocks = [Block.from_state(each) for each in state[7]]
        self._reach.days.extend(list(each) for each in state[8])
        self.missing = state[9]


def _within(value: float, most: float) -> float:
    return max(-most, min(most, value))


class DayScore(msgspec.Struct, array_like=True, frozen=True):
    """A site's day: `score` is 1 at the alarm's limit; `targets` are the scores of the targets, 0 where unknown."""

    score: float
    targets: list[float]


class SiteWatch:
    """All targets of a site. `active` says that the days are unusual now."""

    def __init__(self, targets: Sequence[TargetWatch], *, debounce_days: int = 2, clear_days: int = 4) -> None:
        self.targets = list(targets)
        self._debounce_days = debounce_days
        self._clear_days = clear_days
        self.active = False
        self._over = 0
        self._under = 0
        self._active_days = 0
        self.scores = [0.0] * len(self.targets)

    def close(self, days: Sequence[DaySums | None], *, ready: bool) -> DayScore:
        """A day is over. Without `ready` the site's sizes are not known yet, and nothing is judged."""
        if not ready:
            return DayScore(0.0, [0.0] * len(self.targets))
        for place, (target, day) in enumerate(zip(self.targets, days, strict=True)):
            figures = None if day is None else target.judge(day)
            if figures is not None:
                self.scores[place] = max(figures) if target.head.days >= BLOCK_FREE_DAYS else 0.0
        score = max(self.scores)
        self._switch(score)
        if self.active:
            for target in self.targets:
                target.forget_waiting()
        else:
            for target in self.targets:
                target.learn(suspected=score >= SUSPECT)
        return DayScore(score, list(self.scores))

    def _switch(self, score: float) -> None:
        self._over = self._over + 1 if score >= 1.0 else 0
        self._under = self._under + 1 if score < 0.7 else 0
        if not self.active and self._over >= self._debounce_days:
            self.active, self._active_days = True, 0
        elif self.active:
            self._active_days += 1
            if self._active_days >= NEW_NORMAL_DAYS:
                for target in self.targets:
                    target.restart()
                self.active, self.scores = False, [0.0] * len(self.targets)
            elif self._under >= self._clear_days:
                self.active = False

    def state(self) -> list[Any]:
        return [
            [target.state() for target in self.targets],
            *(self.active, self._over, self._under, self._active_days, self.scores),
        ]

    def restore(self, state: Sequence[Any]) -> None:
        for target, each in zip(self.targets, state[0], strict=True):
            target.restore(each)
        self.active, self._over, self._under, self._active_days = state[1:5]
        self.scores = list(state[5])
