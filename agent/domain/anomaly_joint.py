"""Several signals against rows that are normal: levels, what they have in common, and how restless each is.

The components of a row are its standardised signals, their principal axes (so that a broken relation shows that no
single signal shows: T² and Q in one, Jackson, "A User's Guide to Principal Components", 1991) and the logarithm of
each signal's restlessness. Each is tracked at several spans; the sum of their robust (Student) log-likelihoods and
the largest of them are compared with what the normal rows gave.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import log, log1p, sqrt
from statistics import median
from typing import Any, Final

from agent.domain.anomaly_linear import correlation, principal_axes
from agent.domain.anomaly_track import SPANS, Track

Row = Sequence[float | None]
MAX_AXES: Final = 48
_FREEDOM: Final = 4.0
_ROUGH_SPAN: Final = 8.0
_FLOOR: Final = 0.15
_SHRINK: Final = 0.06
_FOLDS: Final = 2
_LASTING: Final = 16.0
_EXCUSE: Final = 2.0
_HIGHEST: Final = 4.0
_ROWS_PER_EXCESS: Final = 10.0
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


class Axes:
    """What the signals' distances have in common, and what is left when that is taken away."""

    __slots__ = ("scales", "vectors")

    def __init__(self, vectors: list[list[float]], scales: list[list[float]]) -> None:
        self.vectors = vectors
        self.scales = scales

    @classmethod
    def fit(cls, runs: Sequence[Sequence[Sequence[float]]]) -> "Axes":
        """From the signals' distances per span (`runs[span][row][signal]`) over normal rows."""
        if not 2 <= len(runs[0][0]) <= MAX_AXES:
            return cls([], [])
        vectors = [axis for _, axis in principal_axes(correlation(runs[0], _SHRINK))]
        scales = []
        for axis in vectors:
            along = [[sum(map(float.__mul__, axis, row)) for row in run] for run in runs]
            value = sum(x * x for x in along[0]) / len(along[0])
            scales.append([_axis_scale(each, value, span) for each, span in zip(along, SPANS, strict=True)])
        return cls(vectors, scales)

    def distances(self, per_span: Sequence[Sequence[float]]) -> list[list[float]]:
        """Per axis the standardised distance at each span."""
        return [
            [sum(map(float.__mul__, axis, row)) / scale for row, scale in zip(per_span, scales, strict=True)]
            for axis, scales in zip(self.vectors, self.scales, strict=True)
        ]

    def state(self) -> list[Any]:
        return [[list(axis) for axis in self.vectors], [list(each) for each in self.scales]]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Axes":
        return cls([list(axis) for axis in state[0]], [list(each) for each in state[1]])


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
    """Departure of a row from normal rows, in units of the alarm threshold, with the signals that depart most.

    The first `train_rows` rows are taken as normal and give 0. Memory is that of the training rows at first, then of
    the components alone.
    """

    __slots__ = ("axes", "centres", "energy", "frame", "rate", "rows", "spreads", "threshold", "tracks", "train_rows")

    def __init__(self, train_rows: int, rate: float) -> None:
        self.train_rows = train_rows
        self.rate = rate
        self.rows: list[list[float | None]] = []
        self.frame: Frame | None = None
        self.tracks: list[Track] = []
        self.axes = Axes([], [])
        self.centres: list[float] = []
        self.spreads: list[float] = []
        self.threshold = 1.0
        self.energy: list[float] = []

    def update(self, row: Row, *, hold: bool) -> tuple[float, list[int]]:
        """`(departure, signals that depart most)`; nothing is learned while `hold` says that a fault may be on."""
        if self.frame is None:
            self.rows.append(list(row))
            if len(self.rows) >= self.train_rows:
                self._fit()
            return 0.0, []
        distances = self._distances(self.frame.update(row), hold=hold)
        statistics = _statistics(distances)
        self.energy = _lasting(self.energy, statistics)
        departure = self._departure([*statistics, *self.energy]) / self.threshold
        return departure, self._top(distances) if departure >= 0.5 else []

    def _distances(self, components: Sequence[float], *, hold: bool) -> list[list[float]]:
        single = [track.update(x, hold=hold) for track, x in zip(self.tracks, components, strict=True)]
        signals = single[: len(single) // 2]
        return [*single, *self.axes.distances(list(zip(*signals, strict=True)))]

    def _departure(self, statistics: Sequence[float]) -> float:
        return sum(map(_standard, statistics, self.centres, self.spreads)) / len(statistics)

    def _top(self, distances: Sequence[Sequence[float]]) -> list[int]:
        """The signals that depart most; an axis speaks through those that moved along it."""
        size = len(distances) - len(self.axes.vectors)
        size //= 2
        shares = [
            max(map(abs, where)) ** 2 + max(map(abs, rough)) ** 2
            for where, rough in zip(distances[:size], distances[size : 2 * size], strict=True)
        ]
        for axis, spans in zip(self.axes.vectors, distances[2 * size :], strict=True):
            along = [abs(a * distances[i][-1]) for i, a in enumerate(axis)]
            shares[along.index(max(along))] += max(map(abs, spans)) ** 2
        return sorted(range(size), key=lambda i: -shares[i])[:3]

    def _fit(self) -> None:
        """Learn the normal rows, then go through them as if live to see what the statistics usually are."""
        self.frame = Frame.fit(self.rows)
        components = [self.frame.update(row) for row in self.rows]
        self.tracks = [Track.fit(column) for column in zip(*components, strict=True)]
        size, head = len(components[0]) // 2, len(components) // 3
        final, self.tracks = (
            self.tracks,
            [_back(t, c[:head]) for t, c in zip(self.tracks, zip(*components, strict=True), strict=True)],
        )
        singles = [self._distances(row, hold=False) for row in components[head:]]
        self.tracks = final
        self.axes = _axes(singles, size)
        statistics = _with_lasting(_held_out(singles, size))
        self._calibrate(statistics, 3 * size)
        self.energy = statistics[-1][-2:]
        self.rows = []

    def _calibrate(self, statistics: Sequence[Sequence[float]], components: int) -> None:
        """What is usual is told by held-out rows, up to a bound: rows that change all along would excuse anything."""
        most = [(_EXCUSE * 0.2 * components, _EXCUSE * 0.5 * sqrt(components)), (_EXCUSE * 1.5, _EXCUSE * 0.5)] * 4
        found = [
            (min(mean, high), min(spread, wide))
            for (mean, spread), (high, wide) in zip(_moments(statistics), most, strict=True)
        ]
        self.centres, self.spreads = [mean for mean, _ in found], [spread for _, spread in found]
        self.threshold = min(_threshold([self._departure(each) for each in statistics], self.rate), _HIGHEST)

    def pause(self) -> None:
        """Rows are missing: what was smoothed over them says nothing."""
        for track in self.tracks:
            track.pause()

    def state(self) -> list[Any]:
        frame = None if self.frame is None else self.frame.state()
        rows = [list(row) for row in self.rows]
        tracks = [track.state() for track in self.tracks]
        return [
            self.train_rows,
            self.rate,
            rows,
            frame,
            tracks,
            self.axes.state(),
            self.centres[:],
            self.spreads[:],
            self.threshold,
            list(self.energy),
        ]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "JointDetector":
        train_rows, rate, rows, frame, tracks, axes, centres, spreads, threshold, energy = state
        joint = cls(train_rows, rate)
        joint.rows = [list(row) for row in rows]
        joint.frame = None if frame is None else Frame.from_state(frame)
        joint.tracks = [Track.from_state(each) for each in tracks]
        joint.axes = Axes.from_state(axes)
        joint.centres, joint.spreads, joint.threshold = list(centres), list(spreads), threshold
        joint.energy = list(energy)
        return joint


def _axis_scale(along: Sequence[float], value: float, span: float) -> float:
    """Root mean square along an axis, drawn towards that of the shortest span where samples are few."""
    n = len(along) / span
    mean_square = (sum(x * x for x in along) / span + value * _WEIGHT) / (n + _WEIGHT)
    return sqrt(max(mean_square, _SHRINK) * (1 + 3 / n))


Distances = Sequence[Sequence[float]]


def _axes(rows: Sequence[Distances], size: int) -> Axes:
    """The axes of the signals' distances, over rows without them."""
    return Axes.fit([[[each[i] for each in row[:size]] for row in rows] for i in range(len(SPANS))])


def _held_out(rows: Sequence[Distances], size: int) -> list[list[float]]:
    """The statistics of each part of the rows as they are when scales and axes were learned from the other parts."""
    found = []
    edges = [len(rows) * k // _FOLDS for k in range(_FOLDS + 1)]
    for start, stop in pairwise(edges):
        others = [*rows[:start], *rows[stop:]]
        scales = _root_mean_squares(others)
        axes = _axes([_scaled(row, scales) for row in others], size)
        for row in rows[start:stop]:
            single = _scaled(row, scales)
            found.append(_statistics([*single, *axes.distances(list(zip(*single[:size], strict=True)))]))
    return found


def _root_mean_squares(rows: Sequence[Distances]) -> list[list[float]]:
    """Of each component at each span, drawn towards 1 the more the fewer independent samples there are."""
    samples = [len(rows) / span for span in SPANS]
    return [
        [
            sqrt((sum(x * x for x in column) / span + _WEIGHT) / (n + _WEIGHT))
            for column, span, n in zip(zip(*component, strict=True), SPANS, samples, strict=True)
        ]
        for component in zip(*rows, strict=True)
    ]


def _scaled(row: Distances, scales: Distances) -> list[list[float]]:
    return [[x / s for x, s in zip(spans, each, strict=True)] for spans, each in zip(row, scales, strict=True)]


def _back(track: Track, head: Sequence[float]) -> Track:
    """A copy as it stood behind the first rows."""
    copy = Track.from_state(track.state())
    copy.level, copy.n = sum(head) / len(head), float(len(head))
    copy.pause()
    return copy


def _standard(x: float, centre: float, spread: float) -> float:
    return (x - centre) / spread


def _statistics(distances: Sequence[Sequence[float]]) -> list[float]:
    """Per span the sum of Student log-likelihoods over the components, and per span the largest."""
    found: list[float] = []
    for i in range(len(SPANS)):
        squares = [spans[i] * spans[i] for spans in distances]
        found.append(sum(log1p(square / _FREEDOM) for square in squares))
        found.append(log1p(max(squares) / _FREEDOM) * 2)
    return found


def _lasting(energy: Sequence[float], statistics: Sequence[float]) -> list[float]:
    """The shortest span's statistics smoothed: noise or a relation that changed to stay, though its mean did not."""
    return [before + (now - before) / _LASTING for before, now in zip(energy, statistics, strict=False)]


def _with_lasting(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    energy = [sum(column) / len(column) for column in list(zip(*rows, strict=True))[:2]]
    found = []
    for row in rows:
        energy = _lasting(energy, row)
        found.append([*row, *energy])
    return found


def _moments(rows: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Mean and standard deviation of each column."""
    found = []
    for column in zip(*rows, strict=True):
        mean = sum(column) / len(column)
        found.append((mean, max(sqrt(sum((x - mean) ** 2 for x in column) / len(column)), 1e-3)))
    return found


def _threshold(departures: Sequence[float], rate: float) -> float:
    """Where an exponential tail through the highest tenth is passed so seldom that a share `rate` of rows alarms.

    An alarm outlasts what set it off, and few training rows tell little about the tail: hence fewer passes than `rate`.
    """
    ordered = sorted(departures)
    start = ordered[int(0.9 * (len(ordered) - 1))]
    over = [x - start for x in ordered if x > start]
    scale = sum(over) / len(over) if over else 0.0
    return max(1.0, start + scale * max(0.0, log(0.1 * _ROWS_PER_EXCESS / rate)))
