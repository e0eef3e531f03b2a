"""One series without labels: what in the newest row is news, given all rows before it.

Several views of the series (error of an online linear prediction, sustained error, level, change over several spans,
roughness, distance from its daily profile, standing still) each keep the tail of their own history. The rarest view
counts, and the next rarest a little. A row is news when it is rarer than what was already reported of the same
departure.
"""

from collections.abc import Sequence
from math import log, log10
from typing import Any, Final

from agent.domain.anomaly_linear import RecursiveLeastSquares
from agent.domain.anomaly_tail import Tail

DAY_MS: Final = 86_400_000
VIEWS: Final = (
    "unpredicted",
    "sustained",
    "high",
    "low",
    "jump",
    "change",
    "daily change",
    "rough",
    "smooth",
    "profile",
    "still",
)
_LAGS: Final = 6
_SPANS: Final = (1, 12)
_STEP: Final = 1.0
_NEAR: Final = 1.5
_SECOND: Final = 0.35


class Smooth:
    """Exponentially weighted mean; the first samples count as a plain mean does."""

    __slots__ = ("mean", "n", "span")

    def __init__(self, span: float) -> None:
        self.span = span
        self.mean = 0.0
        self.n = 0

    def update(self, x: float) -> float:
        self.n += 1
        self.mean += (x - self.mean) / min(self.n, self.span)
        return self.mean

    def value(self) -> float:
        return self.mean

    def state(self) -> list[Any]:
        return [self.span, self.mean, self.n]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Smooth":
        smooth = cls(state[0])
        smooth.mean, smooth.n = state[1], state[2]
        return smooth


class DailyProfile:
    """What is usual at a time of day, and how far from it is usual; in 48 slots."""

    __slots__ = ("bias", "days", "slots")

    def __init__(self) -> None:
        self.slots: list[list[float]] = [[0.0, 0.0] for _ in range(48)]
        self.bias = Smooth(3.0)
        self.days = 0.0

    def update(self, at_ms: int, x: float, share: float) -> float:
        """Distance of `x` from the profile; `share` is how much of a day a row stands for."""
        slot = self.slots[at_ms % DAY_MS * 48 // DAY_MS]
        distance = x - slot[0] if slot[1] else 0.0
        slot[1] = min(slot[1] + 1, max(4.0, 10 / (48 * share)))
        slot[0] += (x - slot[0]) / slot[1]
        self.days += share
        return distance

    def state(self) -> list[Any]:
        return [[list(slot) for slot in self.slots], self.bias.state(), self.days]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "DailyProfile":
        profile = cls()
        profile.slots = [list(slot) for slot in state[0]]
        profile.bias, profile.days = Smooth.from_state(state[1]), state[2]
        return profile


class SeriesDetector:
    """News of one series: `update` gives `(surprise, news, view)`, both as -log10 of a probability per row."""

    __slots__ = (
        "daily",
        "hold",
        "last",
        "level",
        "memory",
        "model",
        "n",
        "noise",
        "profile",
        "recent",
        "rough",
        "scale",
        "still",
        "sustained",
        "tails",
        "warm_up",
    )

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up
        self.n = 0
        self.recent: list[float] = []
        self.memory = 48
        self.daily = 0.0
        self.scale = Smooth(2000.0)
        self.level = Smooth(4.0)
        self.noise = Smooth(500.0)
        self.sustained = Smooth(8.0)
        self.rough = Smooth(24.0)
        self.model = RecursiveLeastSquares(_LAGS + 1)
        self.profile = DailyProfile()
        self.tails = [Tail() for _ in VIEWS]
        self.still = 0
        self.last = 0.0
        self.hold = 0.0

    def expect_step(self, step_ms: int) -> None:
        """Tell the usual step, once it is known, so that days can be told."""
        rows = DAY_MS / step_ms if step_ms > 0 else 0.0
        if 6 <= rows <= 4320:
            self.daily = 1 / rows
            self.memory = max(48, round(rows))

    def update(self, at_ms: int, x: float) -> tuple[float, float, str]:
        """Take in a row."""
        views = self._views(at_ms, x)
        self.n += 1
        if views is None:
            return 0.0, 0.0, ""
        surprises = [
            tail.update(view) if view is not None else 0.0 for tail, view in zip(self.tails, views, strict=True)
        ]
        if self.n <= self.warm_up:
            return 0.0, 0.0, ""
        second, rarest = sorted(surprises)[-2:]
        # Views are not independent, so that the second says less than it seems to; in most rows it is below 1.
        surprise = max(0.0, rarest + _SECOND * max(0.0, second - 1) - log10(len(VIEWS)))
        return surprise, self._news(surprise), VIEWS[surprises.index(rarest)]

    def _news(self, surprise: float) -> float:
        """`surprise` where it goes beyond what is reported already, else next to nothing."""
        if surprise >= self.hold + _STEP:
            self.hold = surprise
            return surprise
        if surprise < self.hold - _NEAR:
            self.hold -= (self.hold - surprise) / self.memory
        return min(surprise, 1.0)

    def _views(self, at_ms: int, x: float) -> list[float | None] | None:
        self.recent.append(x)
        if len(self.recent) > 2 * self.memory + 2 * _SPANS[1]:
            del self.recent[0]
        if self.n == 0:
            self.last = x
        level, step = self.level.update(x), x - self.last
        self.still = self.still + 1 if step == 0 else 0
        self.last = x
        if len(self.recent) < 2 * _SPANS[1]:
            self.scale.update(abs(step))
            return None
        error, noise = self._error()
        rough = log(self.rough.update(min(abs(step), 6 * self._usual_step(step))) + 0.05 * self.scale.mean + 1e-12)
        distance = self.profile.update(at_ms, level, self.daily) if self.daily else 0.0
        return [
            abs(error) / noise,
            abs(self.sustained.update(max(-6.0, min(6.0, error / noise)))),
            level,
            -level,
            abs(step),
            abs(self._change(_SPANS[1])),
            abs(self._change(self.memory)) if len(self.recent) >= 2 * self.memory else None,
            rough,
            -rough,
            abs(self.profile.bias.update(distance)) if self.profile.days >= 3 else None,
            log(1 + self.still),
        ]

    def _usual_step(self, step: float) -> float:
        """Mean size of a step, in which one huge step counts little."""
        usual = self.scale.mean
        self.scale.update(min(abs(step), 6 * usual) if usual else abs(step))
        return self.scale.mean

    def _error(self) -> tuple[float, float]:
        """Error of the prediction from the rows before, and how large it usually is."""
        unit = self.scale.mean or 1.0
        window = self.recent[-_LAGS - 2 :]
        base = window[-2]
        inputs = [1.0, *((base - earlier) / unit for earlier in window[-3::-1][:_LAGS])]
        inputs = inputs + [0.0] * (_LAGS + 1 - len(inputs))
        usual = self.noise.mean or 1.0
        error = self.model.update(inputs, (window[-1] - base) / unit, 6 * usual)
        noise = usual + 0.05
        self.noise.update(min(abs(error), 6 * usual))
        return error, noise

    def _change(self, span: int) -> float:
        """Mean of the last `span` rows less that of the `span` before."""
        recent = self.recent
        return (sum(recent[-span:]) - sum(recent[-2 * span : -span])) / span

    def state(self) -> list[Any]:
        plain = [self.warm_up, self.n, list(self.recent), self.memory, self.daily, self.still, self.last, self.hold]
        smooth = [each.state() for each in (self.scale, self.level, self.noise, self.sustained, self.rough)]
        return [plain, smooth, self.model.state(), self.profile.state(), [tail.state() for tail in self.tails]]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "SeriesDetector":
        plain, smooth, model, profile, tails = state
        series = cls(plain[0])
        series.n, recent, series.memory, series.daily, series.still, series.last, series.hold = plain[1:]
        series.recent = list(recent)
        series.scale, series.level, series.noise, series.sustained, series.rough = map(Smooth.from_state, smooth)
        series.model = RecursiveLeastSquares.from_state(model)
        series.profile = DailyProfile.from_state(profile)
        series.tails = [Tail.from_state(each) for each in tails]
        return series
