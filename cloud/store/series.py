"""Summaries joined to steps: pure."""

from collections.abc import Iterable
from typing import NamedTuple

from cloud.ports import SeriesPoint


class Window(NamedTuple):
    """One stored summary of one signal. `bad` counts samples without a good value."""

    start_ms: int
    window_s: int
    mean: float | None
    low: float | None
    high: float | None
    last: float | None
    n: int
    bad: int

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.window_s * 1000


def join(windows: Iterable[Window], step_s: int) -> list[SeriesPoint]:
    """One point per step that has a window; means are weighted by their good samples. In order of time."""
    steps: dict[int, list[Window]] = {}
    for window in without_doubles(windows):
        steps.setdefault(window.start_ms - window.start_ms % (step_s * 1000), []).append(window)
    return [_point(start_ms, steps[start_ms]) for start_ms in sorted(steps)]


def without_doubles(windows: Iterable[Window]) -> list[Window]:
    """Windows in order of time, each stretch of time once.

    A device that ran out of space joins its old windows, of which the finer ones may have arrived before. Of the two
    the finer ones count, unless the longer one saw more samples than all of them.
    """
    ordered = sorted(windows, key=lambda window: (window.start_ms, -window.window_s))
    kept: list[Window] = []
    at = 0
    while at < len(ordered):
        outer, at = ordered[at], at + 1
        inner: list[Window] = []
        while at < len(ordered) and ordered[at].end_ms <= outer.end_ms:
            inner.append(ordered[at])
            at += 1
        finer = without_doubles(inner) if inner else []
        kept.extend(finer if sum(map(_seen, finer)) >= _seen(outer) and finer else [outer])
    return kept


def _seen(window: Window) -> int:
    return window.n + window.bad


def _point(start_ms: int, windows: list[Window]) -> SeriesPoint:
    n, bad = sum(window.n for window in windows), sum(window.bad for window in windows)
    good = [window for window in windows if window.n]
    total = sum(window.mean * window.n for window in good if window.mean is not None)
    return SeriesPoint(
        start_ms,
        mean=total / n if n else None,
        low=min((window.low for window in good if window.low is not None), default=None),
        high=max((window.high for window in good if window.high is not None), default=None),
        last=good[-1].last if good else None,
        n=n,
        bad=bad,
    )
