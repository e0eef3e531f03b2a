"""Runs of verdicts into episodes and exposure, for all homes at once: the rules of `agent.domain.episodes`.

`EpisodeTracker` walks from sample to sample; here the same is told from groups. A group is a stretch of equal
verdicts. A failing group that lasted the debounce begins an episode, a healthy one that lasted the clearing time ends
it; nothing else changes anything. What lies between a beginning and its end is down, all other exposure is up.
"""

from dataclasses import dataclass

import numpy as np

from agent.domain.episodes import Timing
from cloud.fleet.equipment_minutes import Ints
from cloud.fleet.equipment_runs import DAY_MS, Bools, summed


@dataclass(frozen=True, slots=True)
class Evidence:
    """Runs that say something, by device and time. `behind` is the time of the sample behind the run, -1 for none."""

    device: Ints
    start: Ints
    step: Ints
    count: Ints
    failing: Bools
    behind: Ints


@dataclass(frozen=True, slots=True)
class Ledger:
    """Per device `up`, `down` and `repairs`; per episode the rest. Milliseconds.

    `clock` is the exposure up before the episode began; `end` is -1 where it lasts. `day`, `day_device` and `day_up`
    are exposure up by UTC day.
    """

    up: Ints
    down: Ints
    repairs: Ints
    episode_device: Ints
    begin: Ints
    end: Ints
    clock: Ints
    day_device: Ints
    day: Ints
    day_up: Ints


@dataclass(frozen=True, slots=True)
class _Groups:
    device: Ints
    failing: Bools
    start: Ints
    held: Ints
    """Time its verdict held."""
    seen: Ints
    """The same up to its last sample, which is what debounce and clearing are measured by."""
    first: Ints
    """Its first run."""


def ledger(evidence: Evidence, last_ms: Ints, timing: Timing) -> Ledger:
    """What `evidence` amounts to. `last_ms` is the time of each device's last sample, evidence or not."""
    forget_ms = round(timing.forget_s * 1000)
    evidence = _seldom_alone(evidence, forget_ms)
    hold, tail = _holds(evidence, round(timing.max_gap_s * 1000))
    groups = _groups(evidence, hold, tail, forget_ms)
    begin, end = _episodes(groups, timing)
    finish = _finish(groups, begin, end)
    lost = _down(groups, begin, finish)
    pending = _pending(groups, evidence, last_ms, begin, end, forget_ms)
    is_up = ~(lost | pending)
    devices = len(last_ms)
    up = summed(groups.device, groups.held * is_up, devices)
    before = np.concatenate(([0], np.cumsum(groups.held * is_up)))
    origin = np.searchsorted(groups.device, groups.device[begin])
    ended = end >= 0
    days = _by_day(evidence, hold, np.repeat(is_up, np.diff(groups.first, append=len(hold))))
    return Ledger(
        up,
        summed(groups.device, groups.held * lost, devices),
        np.bincount(groups.device[begin[ended]], minlength=devices),
        groups.device[begin],
        groups.start[begin],
        np.where(ended, groups.start[end] if len(begin) else end, -1),
        before[begin] - before[origin],
        *days,
    )


def _seldom_alone(evidence: Evidence, forget_ms: int) -> Evidence:
    """Failing runs whose samples are too far apart to remember each other: the first and the last, each by itself.

    The first may belong to what was before and the last to what comes; between them nothing is held.
    """
    seldom = evidence.failing & (evidence.count > 1) & (evidence.step > forget_ms)
    if not seldom.any():
        return evidence
    rows = np.repeat(np.arange(len(seldom)), 1 + seldom)
    second = np.concatenate(([False], rows[1:] == rows[:-1]))
    alone, step = seldom[rows], evidence.step[rows]
    start = evidence.start[rows] + np.where(second, step * (evidence.count[rows] - 1), 0)
    count = np.where(alone, 1, evidence.count[rows])
    behind = np.where(alone & ~second, start + step, evidence.behind[rows])
    return Evidence(evidence.device[rows], start, step, count, evidence.failing[rows], behind)


def _holds(evidence: Evidence, gap_ms: int) -> tuple[Ints, Ints]:
    """Time each run's verdict held, and the part of it behind its last sample."""
    last = evidence.start + evidence.step * (evidence.count - 1)
    away = evidence.behind - last
    tail = np.where((evidence.behind >= 0) & (away > 0) & (away <= gap_ms), away, 0)
    return (evidence.count - 1) * evidence.step * (evidence.step <= gap_ms) + tail, tail


def _groups(evidence: Evidence, hold: Ints, tail: Ints, forget_ms: int) -> _Groups:
    last = evidence.start + evidence.step * (evidence.count - 1)
    new = np.ones(len(hold), dtype=np.bool_)
    new[1:] = (evidence.device[1:] != evidence.device[:-1]) | (evidence.failing[1:] != evidence.failing[:-1])
    new[1:] |= evidence.failing[1:] & (evidence.start[1:] - last[:-1] > forget_ms)
    first = np.flatnonzero(new)
    held = np.add.reduceat(hold, first) if len(first) else np.zeros(0, dtype=np.int64)
    final = np.concatenate((first[1:], [len(hold)]))[: len(first)] - 1
    return _Groups(
        evidence.device[first], evidence.failing[first], evidence.start[first], held, held - tail[final], first
    )


def _episodes(groups: _Groups, timing: Timing) -> tuple[Ints, Ints]:
    """Groups that begin an episode, and the groups that end them (-1 where it lasts)."""
    least = np.where(groups.failing, round(timing.debounce_s * 1000), round(timing.clear_s * 1000))
    telling = np.flatnonzero(groups.seen >= least)
    device, failing = groups.device[telling], groups.failing[telling]
    changed = np.ones(len(telling), dtype=np.bool_)
    changed[1:] = (device[1:] != device[:-1]) | (failing[1:] != failing[:-1])
    changed &= failing | ~_first_of(device)
    turns = telling[changed]
    begins = groups.failing[turns]
    follows = np.full(len(turns), -1, dtype=np.int64)
    same = groups.device[turns[1:]] == groups.device[turns[:-1]]
    follows[:-1][same] = turns[1:][same]
    return turns[begins], follows[begins]


def _first_of(device: Ints) -> Bools:
    first = np.ones(len(device), dtype=np.bool_)
    first[1:] = device[1:] != device[:-1]
    return first


def _finish(groups: _Groups, begin: Ints, end: Ints) -> Ints:
    """The group with which each episode's downtime stops: a healthy stretch that is not over yet is not down."""
    if not len(begin):
        return end
    behind = np.searchsorted(groups.device, groups.device[begin], side="right")
    open_end = np.where(groups.failing[behind - 1], behind, behind - 1)
    return np.where(end >= 0, end, open_end)


def _down(groups: _Groups, begin: Ints, finish: Ints) -> Bools:
    edges = np.zeros(len(groups.device) + 1, dtype=np.int64)
    np.add.at(edges, begin, 1)
    np.add.at(edges, finish, -1)
    return np.cumsum(edges[:-1]) > 0


def _pending(groups: _Groups, evidence: Evidence, last_ms: Ints, begin: Ints, end: Ints, forget_ms: int) -> Bools:
    """Last groups that are neither up nor down yet: a suspicion, or a healthy stretch too short to end an episode."""
    pending = np.zeros(len(groups.device), dtype=np.bool_)
    if not len(pending):
        return pending
    final = np.flatnonzero(np.append(groups.device[1:] != groups.device[:-1], True))
    lasting = np.isin(groups.device[final], groups.device[begin[end < 0]])
    run = np.concatenate((groups.first[1:], [len(evidence.start)]))[final] - 1
    told = evidence.start[run] + evidence.step[run] * (evidence.count[run] - 1)
    fresh = last_ms[groups.device[final]] - told <= forget_ms
    failing = groups.failing[final]
    pending[final] = np.where(lasting, ~failing, failing & fresh)
    return pending


def _by_day(evidence: Evidence, hold: Ints, is_up: Bools) -> tuple[Ints, Ints, Ints]:
    told = is_up & (hold > 0)
    keys = (evidence.device << 32) | (evidence.start // DAY_MS)
    keys, amounts = keys[told], hold[told]
    # Runs are in the order of device and time, so equal keys stand together.
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.zeros(0, np.int64)
    found, sums = keys[first], np.add.reduceat(amounts, first) if len(keys) else amounts
    return found >> 32, found & ((1 << 32) - 1), sums
