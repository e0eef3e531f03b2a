"""Several signals against rows that are normal: levels, what they have in common, and how restless each is.

The components of a row are its standardised signals, their principal axes (so that a broken relation shows that no
single signal shows: T² and Q in one, Jackson, "A User's Guide to Principal Components", 1991) and the logarithm of each
signal's restlessness. Each is tracked at several spans; the sum of their robust (Student) log-likelihoods and the largest
of them are compared with what the normal rows gave.
"""

from collections.abc import Sequence
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
_SHRINK: Final = 0.05


class Frame:
    """What turns a row into components: centres, scales, axes, usual restlessness."""

    __slots__ = ("axes", "centres", "last", "rough", "scales", "usual")

    def __init__(self, centres: list[float], scales: list[float], axes: list[list[float]], usual: list[float]) -> None:
        self.centres = centres
        self.scales = scales
        self.axes = axes
        self.usual = usual
        self.rough = list(usual)
        self.last: list[float] = [0.0] * len(centres)

    @classmethod
    def fit(cls, rows: Sequence[Row]) -> "Frame":
        columns = [[x for x in column if x is not None] for column in zip(*rows, strict=True)]
        centres = [median(column) if column else 0.0 for column in columns]
        scales = [_spread(column, centre) for column, centre in zip(columns, centres, strict=True)]
        frame = cls(centres, scales, [], [1.0] * len(centres))
        standard = [frame.standardise(row) for row in rows]
        frame.usual = _mean_steps(standard)
        frame.rough = list(frame.usual)
        frame.last = standard[0]
        if 2 <= len(centres) <= MAX_AXES:
            found = principal_axes(correlation(standard, _SHRINK))
            frame.axes = [[each / sqrt(max(value, _SHRINK)) for each in axis] for value, axis in found]
        return frame

    def standardise(self, row: Row) -> list[float]:
        """Signals in units of their spread; a missing one stays where it was."""
        last = self.last
        return [
            last[i] if x is None else max(-50.0, min(50.0, (x - centre) / scale))
            for i, (x, centre, scale) in enumerate(zip(row, self.centres, self.scales, strict=True))
        ]

    def update(self, row: Row) -> list[float]:
        """The components of the next row."""
        standard = self.standardise(row)
        rough = self.rough
        for i, (now, before) in enumerate(zip(standard, self.last, strict=True)):
            step = now - before if now >= before else before - now
            rough[i] += (min(step, 8 * self.usual[i]) - rough[i]) / _ROUGH_SPAN
        self.last = standard
        restless = [log(value / usual + _FLOOR) for value, usual in zip(rough, self.usual, strict=True)]
        along = [sum(map(float.__mul__, axis, standard)) for axis in self.axes]
        return [*standard, *restless, *along]

    def signals_of(self, component: int) -> list[int]:
        """Which signals a component stands for, most first."""
        size = len(self.centres)
        if component < 2 * size:
            return [component % size]
        axis = self.axes[component - 2 * size]
        shares = sorted(range(size), key=lambda i: -abs(axis[i] * self.last[i]))
        return shares[:2]

    def state(self) -> list[Any]:
        axes = [list(axis) for axis in self.axes]
        return [
            list(self.centres),
            list(self.scales),
            axes,
            list(self.usual),
            list(self.rough),
            list(self.last),
        ]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "Frame":
        centres, scales, axes, usual, rough, last = state
        frame = cls(list(centres), list(scales), [list(axis) for axis in axes], list(usual))
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
    steps = [sum(abs(b - a) for a, b in zip(c, c[1:], strict=False)) / max(1, len(rows) - 1) for c in columns]
    return [max(step, 1e-3) for step in steps]


class JointDetector:
    """Departure of a row from normal rows: `update` gives it in units of the alarm threshold, and the components' shares.

    The first `train_rows` rows are taken as normal and give 0. Memory is that of the training rows at first, then of the
    components alone.
    """

    __slots__ = ("centres", "frame", "rate", "rows", "spreads", "threshold", "tracks", "train_rows")

    def __init__(self, train_rows: int, rate: float) -> None:
        self.train_rows = train_rows
        self.rate = rate
        self.rows: list[list[float | None]] = []
        self.frame: Frame | None = None
        self.tracks: list[Track] = []
        self.centres: list[float] = []
        self.spreads: list[float] = []
        self.threshold = 1.0

    def update(self, row: Row, *, hold: bool) -> tuple[float, list[int]]:
        """`(departure, signals that depart most)`; nothing is learned while `hold` says that a fault may be on."""
        if self.frame is None:
            self.rows.append(list(row))
            if len(self.rows) >= self.train_rows:
                self._fit()
            return 0.0, []
        distances = self._distances(self.frame.update(row), hold=hold)
        departure = self._departure(_statistics(distances)) / self.threshold
        return departure, self._top(distances) if departure >= 0.5 else []

    def _distances(self, components: Sequence[float], *, hold: bool) -> list[list[float]]:
        return [track.update(x, hold=hold) for track, x in zip(self.tracks, components, strict=True)]

    def _departure(self, statistics: Sequence[float]) -> float:
        return max(map(_standard, statistics, self.centres, self.spreads))

    def _top(self, distances: Sequence[Sequence[float]]) -> list[int]:
        assert self.frame is not None
        shares = [0.0] * len(self.frame.centres)
        for component, spans in enumerate(distances):
            evidence = max(map(abs, spans)) ** 2
            for rank, signal in enumerate(self.frame.signals_of(component)):
                shares[signal] += evidence / (1 + rank)
        return sorted(range(len(shares)), key=lambda i: -shares[i])[:3]

    def _fit(self) -> None:
        """Learn the normal rows, then go through them as if live to see what the statistics usually are."""
        self.frame = Frame.fit(self.rows)
        components = [self.frame.update(row) for row in self.rows]
        self.tracks = [Track.fit(column) for column in zip(*components, strict=True)]
        live = [Track.from_state(track.state()) for track in self.tracks]
        head = len(components) // 3
        for track, column in zip(live, zip(*components[:head], strict=True), strict=True):
            track.level = sum(column) / head
            track.pause()
        self.tracks, live = live, self.tracks
        statistics = [_statistics(self._distances(row, hold=False)) for row in components[head:]]
        self.tracks = live
        self.centres = [sum(column) / len(column) for column in zip(*statistics, strict=True)]
        self.spreads = [
            max(sqrt(sum((x - centre) ** 2 for x in column) / len(column)), 1e-3)
            for column, centre in zip(zip(*statistics, strict=True), self.centres, strict=True)
        ]
        self.threshold = _threshold([self._departure(each) for each in statistics], self.rate)
        self.rows = []

    def pause(self) -> None:
        """Rows are missing: what was smoothed over them says nothing."""
        for track in self.tracks:
            track.pause()

    def state(self) -> list[Any]:
        frame = None if self.frame is None else self.frame.state()
        rows = [list(row) for row in self.rows]
        tracks = [track.state() for track in self.tracks]
        return [self.train_rows, self.rate, rows, frame, tracks, self.centres[:], self.spreads[:], self.threshold]

    @classmethod
    def from_state(cls, state: Sequence[Any]) -> "JointDetector":
        train_rows, rate, rows, frame, tracks, centres, spreads, threshold = state
        joint = cls(train_rows, rate)
        joint.rows = [list(row) for row in rows]
        joint.frame = None if frame is None else Frame.from_state(frame)
        joint.tracks = [Track.from_state(each) for each in tracks]
        joint.centres, joint.spreads, joint.threshold = list(centres), list(spreads), threshold
        return joint


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


def _threshold(departures: Sequence[float], rate: float) -> float:
    """Where an exponential tail through the highest tenth is passed with probability `rate`."""
    ordered = sorted(departures)
    start = ordered[int(0.9 * (len(ordered) - 1))]
    over = [x - start for x in ordered if x > start]
    scale = sum(over) / len(over) if over else 0.0
    return max(1.0, start + scale * max(0.0, log(0.1 / rate)))
