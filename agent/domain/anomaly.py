"""Any sensors, no labels: one row in, how unusual it is out; no row is judged by a later one."""

from collections.abc import Sequence
from math import log10
from typing import Any, Final, NamedTuple

from agent.domain.anomaly_joint import JointDetector
from agent.domain.anomaly_series import SeriesDetector

DEFAULT_RATE: Final = 0.05
DEFAULT_TRAIN_ROWS: Final = 400
_STEPS: Final = 25
_GAP: Final = 20
_ROWS_PER_ALARM: Final = 80.0
_LEAVE: Final = 0.45
_LEAVE_ROWS: Final = 5


class Verdict(NamedTuple):
    """One row's judgement; `score` lies in 0 … 1 and is 0.5 at the alarm threshold, `top` are column numbers."""

    score: float
    alarm: bool
    top: tuple[int, ...]


class RowDetector:
    """The detector behind `emberwatt-agent score`.

    Several columns are judged together against the training rows, and an alarm lasts as the departure does. A single
    one is judged against its whole past, and told is what is news: score and alarm rise where something begins or grows
    worse and fall back while the same thing lasts; as long as it does, `top` names the column.

    >>> detector = RowDetector(1, train_rows=50)
    >>> scores = [detector.update(i * 1000, [float(i % 5)]).score for i in range(300)]
    >>> max(scores[100:]) < 0.5 < detector.update(300_000, [40.0]).score
    True
    """

    __slots__ = (
        "departed",
        "joint",
        "last_ms",
        "n",
        "quiet",
        "rate",
        "series",
        "step_ms",
        "steps",
        "train_rows",
        "width",
    )

    def __init__(self, width: int, train_rows: int = DEFAULT_TRAIN_ROWS, rate: float = DEFAULT_RATE) -> None:
        self.width = width
        self.train_rows = train_rows
        self.rate = rate
        self.series = SeriesDetector(train_rows) if width == 1 else None
        self.joint = JointDetector(train_rows, rate) if width > 1 else None
        self.departed = False
        self.quiet = 0
        self.n = 0
        self.last_ms = 0
        self.step_ms = 0
        self.steps: list[int] = []

    def update(self, at_ms: int, row: Sequence[float | None]) -> Verdict:
        """Judge a row, then learn from it. Times are ms; one that goes back counts as no time passed."""
        gap = self._gap(at_ms)
        self.n += 1
        if self.joint is not None:
            if gap:
                self.joint.pause()
            score, top = self.joint.update(row)
            return Verdict(score, self.joint.alarm, tuple(top))
        x = row[0]
        if x is None or self.series is None:
            return Verdict(0.0, False, (0,) if self.departed else ())
        return self._single(self.series, at_ms, x)

    def _gap(self, at_ms: int) -> bool:
        """Learn the usual step from the first rows; whether many of them are missing before this one."""
        step = max(0, at_ms - self.last_ms) if self.n else 0
        self.last_ms = at_ms
        if self.n and len(self.steps) < _STEPS:
            self.steps.append(step)
            if len(self.steps) == _STEPS:
                self.step_ms = sorted(self.steps)[_STEPS // 2]
                if self.series is not None:
                    self.series.expect_step(self.step_ms)
        return 0 < self.step_ms * _GAP < step

    def _single(self, series: SeriesDetector, at_ms: int, x: float) -> Verdict:
        surprise, news, _ = series.update(at_ms, x)
        threshold = -log10(self.rate / _ROWS_PER_ALARM)
        self._switch(surprise / threshold)
        return Verdict(_score(news / threshold), news >= threshold, (0,) if self.departed else ())

    def _switch(self, departure: float) -> None:
        """On at the threshold; off only after some rows well below it."""
        if departure >= 1:
            self.departed, self.quiet = True, 0
        elif self.departed:
            self.quiet = self.quiet + 1 if departure < _LEAVE else 0
            self.departed = self.quiet < _LEAVE_ROWS

    def state(self) -> dict[str, Any]:
        return {
            "plain": [
                self.width,
                self.train_rows,
                self.rate,
                self.departed,
                self.quiet,
                self.n,
                self.last_ms,
                self.step_ms,
            ],
            "steps": list(self.steps),
            "series": None if self.series is None else self.series.state(),
            "joint": None if self.joint is None else self.joint.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "RowDetector":
        width, train_rows, rate, *rest = state["plain"]
        detector = cls(width, train_rows, rate)
        detector.departed, detector.quiet, detector.n, detector.last_ms, detector.step_ms = rest
        detector.steps = list(state["steps"])
        if detector.series is not None:
            detector.series = SeriesDetector.from_state(state["series"])
        if detector.joint is not None:
            detector.joint = JointDetector.from_state(state["joint"])
        return detector


def _score(departure: float) -> float:
    """0 … 1, 0.5 where the departure reaches the threshold."""
    positive = max(0.0, departure)
    return positive / (1 + positive)
