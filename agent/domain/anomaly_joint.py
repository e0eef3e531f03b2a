"""Several signals against rows that are normal: levels, what they have in common, and how restless each is.

The components of a row are its standardised signals, how restless each is (a logarithm), and of each its
distance from what the others say, so that a broken relation shows that no single signal shows. Each is tracked at
several spans; the sum of their robust (Student) log-likelihoods and the largest of them are compared with what held-out
normal rows gave. `Episode` decides what of that is an alarm.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import log, log1p, sqrt
from operator import truediv
from statistics import median
from typing import Any, Final

from agent.domain.anomaly_episode import Episode
from agent.domain.anomaly_relation import Relation
from agent.domain.anomaly_track import SPANS, Track

Row = Sequence[float | None]
_FREEDOM: Final = 4.0
_ROUGH_SPAN: Final = 8.0
_FLOOR: Final = 0.15
_FOLDS: Final = 4
_EXCUSE: Final = 2.0
_PRIOR: Final = 1.0
_WEIGHT: Final = 6.0


class Frame:
    """What turns a row into components: centres, scales, usual restlessness."""

    __slots__ = ("centres", "last", "rough", "scales", "usual")

    def __init__(self, centres: list[float], scales: list[float], usual: list[float]) -> None:
        self.centres = centres
        self.scales = scales
        self.usual = usual
        self.rough = list(usual)
        self.last: list[float] = [0.0] * len(centres)

    @classmethod
    def fit(cls, rows: Sequence[Row]) -> "Frame":
        columns = [[x for x in column if x is not None] for column in zip(*rows, strict=True)]
        centres = [median(column) if column else 0.0 for column in columns]
        scales = [_spread(column, centre) for column, centre in zip(columns, centres, strict=True)]
        frame = cls(centres, scales, [1.0] * len(centres))
        standard = [frame.standardise(row) for row in rows]
        frame.usual = _mean_steps(standard)
        frame.rough = list(frame.usual)
        frame.last = standard[0]
        return frame

    def standardise(self, row: Row) -> list[float]:
        """Signals in units of their spread; a missing one stays where it was."""
        last = self.last
        return [
            last[i] if x is None else max(-50.0, min(50.0, (x - centre) / scale))
            for i, (x, centre, scale) in enumerate(zip(row, self.centres, self.scales, strict=True))
        ]

    def update(self, row: Row) -> list[float]:
        """The components of the next row: where each signal is, then how restless each is."""
        standard = self.standardise(row)
        rough = self.rough
        for i, (now, before) in enumerate(zip(standard, self.last, strict=True)):
            step = now - before if now >= before else before - now
            rough[i] += (min(step, 8 * self.usual[i]) - rough[i]) / _ROUGH_SPAN
        self.last = standard
        restless = [log(value / usual + _FLOOR) for value, usual in zip(rough, self.usual, strict=True)]
        return [*standard, *restless]

    def state(self) -> list[Any]:
        return [list(self.centres), list(self.scales), list(self.usual), list(self.rough), list(self.last)]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Frame":
        centres, scales, usual, rough, last = state
        frame = cls(list(centres), list(scales), list(usual))
        frame.rough, frame.last = list(rough), list(last)
        return frame


def _spread(column: Sequence[float], centre: float) -> float:
    """Robust standard deviation; of a signal that never moved, a thousandth of its size."""
    if not column:
        return 1.0
    quartile = 1.4826 * median(abs(x - centre) for x in column)
    plain = sqrt(sum((x - centre) ** 2 for x in column) / len(column))
    return max(quartile, 0.5 * plain) or max(1e-3 * abs(centre), 1e-6)


def _mean_steps(rows: Sequence[Sequence[float]]) -> list[float]:
    columns = zip(*rows, strict=True)
    steps = [sum(abs(b - a) for a, b in pairwise(c)) / max(1, len(rows) - 1) for c in columns]
    return [max(step, 1e-3) for step in steps]


class JointDetector:
    """How unusual a row is beside normal rows, with the signals that depart most.

    The first `train_rows` rows are taken as normal and give 0. Memory is that of the training rows at first, then of
    the components alone.
    """

    __slots__ = ("centres", "episode", "frame", "relation", "rows", "spreads", "tracks", "train_rows")

    def __init__(self, train_rows: int, rate: float = 0.05) -> None:
        self.train_rows = train_rows
        self.rows: list[list[float | None]] = []
        self.frame: Frame | None = None
        self.tracks: list[Track] = []
        self.relation = Relation([])
        self.centres: list[float] = []
        self.spreads: list[float] = []
        self.episode = Episode(rate)

    @property
    def alarm(self) -> bool:
        return self.episode.alarm

    def update(self, row: Row) -> tuple[float, list[int]]:
        """`(score, signals that depart most)`, the latter in an alarm; levels learn nothing while one lasts."""
        if self.frame is None:
            self.rows.append(list(row))
            if len(self.rows) >= self.train_rows:
                self._fit()
            return 0.0, []
        hold = self.episode.alarm
        components = self._components(self.frame.update(row))
        spans = list(
            zip(*(track.update(x, hold=hold) for track, x in zip(self.tracks, components, strict=True)), strict=True)
        )
        statistics = [each for span in spans for each in _statistics(span)]
        score = self.episode.update(self._departure(statistics))
        return score, self._top(spans) if self.episode.alarm else []

    def _components(self, framed: list[float]) -> list[float]:
        """Where each signal is, how restless, and how far from what the others say."""
        return framed + self.relation.distances(framed[: len(framed) // 2])

    def _departure(self, statistics: Sequence[float]) -> float:
        return sum(map(_standard, statistics, self.centres, self.spreads)) / len(statistics)

    def _top(self, spans: Sequence[Sequence[float]]) -> list[int]:
        """The signals that depart most."""
        largest = [max(map(abs, each)) ** 2 for each in zip(*spans, strict=True)]
        size = len(self.frame.centres) if self.frame is not None else 0
        shares = [sum(largest[i::size]) for i in range(size)]
        return sorted(range(size), key=lambda i: -shares[i])[:3]

    def _fit(self) -> None:
        """Learn the normal rows, then go through them as if live to see what the statistics usually are."""
        self.frame = Frame.fit(self.rows)
        framed = [self.frame.update(row) for row in self.rows]
        self.relation, apart = Relation.fit([row[: len(row) // 2] for row in framed])
        components = [[*row, *more] for row, more in zip(framed, apart, strict=True)]
        columns = list(zip(*components, strict=True))
        self.tracks = [Track.fit(column) for column in columns]
        head = len(components) // 3
        rehearsal = [_back(track, column[:head]) for track, column in zip(self.tracks, columns, strict=True)]
        runs: list[list[Sequence[float]]] = [[] for _ in SPANS]
        for row in components[head:]:
            found = [track.update(x, hold=False) for track, x in zip(rehearsal, row, strict=True)]
            for run, span in zip(runs, zip(*found, strict=True), strict=True):
                run.append(span)
        self._calibrate(_held_out(runs), len(columns))
        self.rows = []

    def _calibrate(self, statistics: Sequence[Sequence[float]], components: int) -> None:
        """What is usual is told by held-out rows, up to a bound: rows that change all along would excuse anything.

        Few of them say little: then it is what independent normal components would give.
        """
        plain = [(0.2 * components, 0.5 * sqrt(components)), (1.5, 0.5)] * len(SPANS)
        found = []
        for i, ((mean, spread), (high, wide)) in enumerate(zip(_moments(statistics), plain, strict=True)):
            trust = 1 / (1 + _PRIOR * SPANS[i // 2] / len(statistics))
            mean, spread = high + (mean - high) * trust, wide + (spread - wide) * trust
            found.append((min(mean, _EXCUSE * high), min(spread, _EXCUSE * wide)))
        self.centres, self.spreads = [mean for mean, _ in found], [spread for _, spread in found]
        self.episode.learn(map(self._departure, statistics))

    def pause(self) -> None:
        """Rows are missing: what was smoothed over them says nothing."""
        for track in self.tracks:
            track.pause()

    def state(self) -> list[Any]:
        frame = None if self.frame is None else self.frame.state()
        rows = [list(row) for row in self.rows]
        tracks = [track.state() for track in self.tracks]
        fitted = [self.relation.state(), list(self.centres), list(self.spreads), self.episode.state()]
        return [self.train_rows, rows, frame, tracks, fitted]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "JointDetector":
        train_rows, rows, frame, tracks, (relation, centres, spreads, episode) = state
        joint = cls(train_rows)
        joint.rows = [list(row) for row in rows]
        joint.frame = None if frame is None else Frame.from_state(frame)
        joint.tracks = [Track.from_state(each) for each in tracks]
        joint.relation, joint.episode = Relation.from_state(relation), Episode.from_state(episode)
        joint.centres, joint.spreads = list(centres), list(spreads)
        return joint


Run = Sequence[Sequence[float]]


def _held_out(runs: Sequence[Run]) -> list[list[float]]:
    """The statistics of each part of the rows as they are when scales were learned from the other parts."""
    found = []
    rows = len(runs[0])
    for start, stop in pairwise([rows * k // _FOLDS for k in range(_FOLDS + 1)]):
        others = ([*run[:start], *run[stop:]] for run in runs)
        scales = [_root_mean_squares(run, span) for run, span in zip(others, SPANS, strict=True)]
        parts = list(map(_scaled, (run[start:stop] for run in runs), scales))
        found += [[x for span in row for x in _statistics(span)] for row in zip(*parts, strict=True)]
    return found


def _root_mean_squares(run: Run, span: float) -> list[float]:
    """Of each component, drawn towards 1 the more the fewer independent rows there are."""
    n = len(run) / span
    return [sqrt((sum(x * x for x in column) / span + _WEIGHT) / (n + _WEIGHT)) for column in zip(*run, strict=True)]


def _scaled(run: Run, scales: Sequence[float]) -> list[list[float]]:
    return [list(map(truediv, row, scales)) for row in run]


def _back(track: Track, head: Sequence[float]) -> Track:
    """A copy as it stood behind the first rows."""
    copy = Track.from_state(track.state())
    copy.level, copy.n = sum(head) / len(head), float(len(head))
    copy.pause()
    return copy


def _standard(x: float, centre: float, spread: float) -> float:
    return (x - centre) / spread


def _statistics(distances: Sequence[float]) -> tuple[float, float]:
    """The sum of the Student log-likelihoods of the components of one span, and the largest."""
    terms = [log1p(x * x / _FREEDOM) for x in distances]
    return sum(terms), 2 * max(terms)


def _moments(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Mean and standard deviation of each column."""
    found = []
    for column in zip(*rows, strict=True):
        mean = sum(column) / len(column)
        found.append((mean, max(sqrt(sum((x - mean) ** 2 for x in column) / len(column)), 1e-3)))
    return found
