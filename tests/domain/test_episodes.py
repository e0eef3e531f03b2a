"""Verdicts become episodes; streaming and batch agree to the last millisecond."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.domain.episodes import Episode, EpisodeTracker, MinuteTracker, Timing, Tracker

MINUTE = 60_000
TIMING = Timing(debounce_s=180, clear_s=120, max_gap_s=300, forget_s=900)
Sample = tuple[int, bool | None]


@dataclass
class Batch:
    """What the whole history comes to."""

    up: int = 0
    down: int = 0
    failures: int = 0
    ended: list[tuple[int, int]] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)


def batch(samples: list[Sample], timing: Timing) -> Batch:
    """Written from the definition over the whole history: runs of evidence, each holding until the next sample."""
    debounce, clear, gap, forget = (
        int(s * 1000) for s in (timing.debounce_s, timing.clear_s, timing.max_gap_s, timing.forget_s)
    )
    holds = [after[0] - here[0] for here, after in pairwise(samples)] + [0]
    evidence = [(t, v, h if h <= gap else 0) for (t, v), h in zip(samples, holds, strict=True) if v is not None]
    result, i, n = Batch(), 0, len(evidence)
    while i < n:
        if not evidence[i][1]:
            result.up += evidence[i][2]
            i += 1
            continue
        j, failing = i, 0
        while j < n and evidence[j][1] and (j == i or evidence[j][0] - evidence[j - 1][0] <= forget):
            if j > i and failing >= debounce:
                break
            failing += evidence[j][2]
            j += 1
        else:
            forgotten = j < n or samples[-1][0] - evidence[j - 1][0] > forget
            result.up += failing if forgotten else 0
            i = j
            continue
        result.failures += 1
        result.down += failing
        result.begun.append(evidence[i][0])
        i = _active(evidence, j, clear, result)
    return result


def _active(evidence: list[tuple[int, bool, int]], k: int, clear: int, result: Batch) -> int:
    """From sample `k` of an episode to its end; returns where to go on."""
    while k < len(evidence):
        if evidence[k][1]:
            result.down += evidence[k][2]
            k += 1
            continue
        first, well = k, 0
        while k < len(evidence) and not evidence[k][1]:
            if k > first and well >= clear:
                result.up += well
                result.ended.append((result.begun[-1], evidence[first][0]))
                return k
            well += evidence[k][2]
            k += 1
        if k < len(evidence):
            result.down += well
    return k


steps = st.sampled_from([10_000, MINUTE, MINUTE, MINUTE, 299_999, 300_000, 300_001, 20 * MINUTE])
verdicts = st.lists(st.tuples(st.sampled_from([True, True, False, None]), st.integers(1, 6)), max_size=9).map(
    lambda runs: [verdict for verdict, length in runs for _ in range(length)]
)


@st.composite
def histories(draw: Any) -> list[Sample]:
    some = draw(verdicts)
    at_ms, samples = 1_000_000, []
    for verdict in some:
        samples.append((at_ms, verdict))
        at_ms += draw(steps)
    return samples


def run(tracker: Tracker, samples: list[Sample]) -> list[Episode]:
    return [episode for at_ms, verdict in samples for episode in tracker.update(at_ms, verdict)]


@given(histories())
def test_streaming_is_batch_at_each_step(samples: list[Sample]) -> None:
    tracker = EpisodeTracker(TIMING)
    told: list[Episode] = []
    for n, (at_ms, verdict) in enumerate(samples, 1):
        told += tracker.update(at_ms, verdict)
        expected = batch(samples[:n], TIMING)
        figures = tracker.reliability
        assert (figures.failures, figures.repairs) == (expected.failures, len(expected.ended))
        assert (figures.up_ms, figures.down_ms) == (expected.up, expected.down)
        assert [e.start_ms for e in told if e.end_ms is None] == expected.begun
        assert [(e.start_ms, e.end_ms) for e in told if e.end_ms is not None] == expected.ended
        assert tracker.active is (len(expected.begun) > len(expected.ended))


def restarted(tracker: Tracker, fresh: Tracker) -> Tracker:
    fresh.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(tracker.state())))
    return fresh


@given(histories(), st.integers(0, 60))
def test_a_restart_anywhere_changes_nothing(samples: list[Sample], cut: int) -> None:
    for straight, before, fresh in (
        (EpisodeTracker(TIMING), EpisodeTracker(TIMING), EpisodeTracker(TIMING)),
        (MinuteTracker(), MinuteTracker(), MinuteTracker()),
    ):
        told = run(straight, samples)
        split = run(before, samples[:cut])
        after = restarted(before, fresh)
        split += run(after, samples[cut:])
        assert split == told
        assert after.state() == straight.state()


@given(histories())
def test_what_is_quiet_can_be_passed_over(samples: list[Sample]) -> None:
    for full, lazy in ((EpisodeTracker(TIMING), EpisodeTracker(TIMING)), (MinuteTracker(), MinuteTracker())):
        told = run(full, samples)
        kept: list[Episode] = []
        for at_ms, verdict in samples:
            if verdict is not None or not lazy.quiet:
                kept += lazy.update(at_ms, verdict)
        assert kept == told
        assert lazy.reliability.state() == full.reliability.state()


def by_minute(text: str) -> list[Sample]:
    """One sample a minute: x failing, o healthy, - not exposed, a space no sample at all."""
    meaning = {"x": True, "o": False, "-": None}
    return [(i * MINUTE, meaning[letter]) for i, letter in enumerate(text) if letter != " "]


@pytest.mark.parametrize(
    ("text", "episodes", "up", "down"),
    [
        ("ooxxoo", [], 5, 0),  # a blip is up time
        ("oxxxxxooooo", [(1, 6)], 5, 5),  # back-dated start and end
        ("xxxxxoxxoooo", [(0, 8)], 3, 8),  # a short healthy stretch belongs to the episode
        ("xxxx--------xxooo", [(0, 14)], 2, 6),  # not exposed: neither ends nor extends
        ("xxxx          xxooo", [(0, 16)], 2, 5),  # no data: nothing is known of it
        ("xx-xxooo", [(0, 5)], 2, 4),  # a suspicion outlives a moment without exposure
        ("xx                xxooo", [], 5, 0),  # but not a long one
    ],
)
def test_stories(text: str, episodes: list[tuple[int, int]], up: int, down: int) -> None:
    tracker = EpisodeTracker(TIMING)
    told = run(tracker, by_minute(text))
    ended = [(e.start_ms // MINUTE, e.end_ms // MINUTE) for e in told if e.end_ms is not None]
    assert ended == episodes
    assert (tracker.reliability.up_ms, tracker.reliability.down_ms) == (up * MINUTE, down * MINUTE)


def test_failing_time_and_loss_are_what_was_seen() -> None:
    tracker = EpisodeTracker(TIMING)
    told: list[Episode] = []
    for at_ms, verdict in by_minute("xxxxx--xxooo"):
        told += tracker.update(at_ms, verdict, 600.0 if verdict else None)
    assert [e.failing_ms for e in told] == [3 * MINUTE, 7 * MINUTE]
    assert [e.lost_wh for e in told] == [30.0, 70.0]


def test_loss_is_unknown_where_nobody_tells_it() -> None:
    tracker = EpisodeTracker(TIMING)
    assert [e.lost_wh for e in run(tracker, by_minute("xxxxxooo"))] == [None, None]


def test_without_debounce_a_fault_begins_and_ends_at_once() -> None:
    tracker = EpisodeTracker(Timing(debounce_s=0, clear_s=0))
    told = run(tracker, by_minute("oxo"))
    assert told == [Episode(MINUTE, None, 0, None), Episode(MINUTE, 2 * MINUTE, MINUTE, None)]


def test_a_clock_that_is_set_back_never_ends_before_the_start() -> None:
    tracker = EpisodeTracker(Timing(debounce_s=0, clear_s=0))
    tracker.update(1_000_000_000, True)
    (ended,) = tracker.update(5, False)
    assert ended.end_ms == 1_000_000_000


@given(histories())
def test_published_minutes_are_counted_one_by_one(samples: list[Sample]) -> None:
    tracker = MinuteTracker()
    told = run(tracker, samples)
    judged: dict[int, bool] = {}
    for at_ms, verdict in samples:
        if verdict is not None:
            judged.setdefault(at_ms // MINUTE, verdict)
    failing = sorted(minute for minute, verdict in judged.items() if verdict)
    starts = [minute for minute in failing if minute - 1 not in failing]
    assert [e.start_ms // MINUTE for e in told if e.end_ms is None] == starts
    ends = [minute + 1 for minute in failing if minute + 1 not in failing]
    assert [e.end_ms // MINUTE for e in told if e.end_ms is not None] == ends[: len(starts) - tracker.active]
    assert tracker.reliability.down_ms == len(failing) * MINUTE
    assert tracker.reliability.up_ms == (len(judged) - len(failing)) * MINUTE
    assert tracker.reliability.failures == len(starts)


@given(
    before=st.lists(st.sampled_from((None, False, True)), max_size=3),
    verdicts=st.lists(st.sampled_from((None, False)), min_size=1, max_size=30),
    gaps=st.lists(st.integers(0, 29), max_size=3),
)
def test_samples_at_one_go_are_as_good_as_one_by_one(
    before: list[bool | None], verdicts: list[bool | None], gaps: list[int]
) -> None:
    one, many = (EpisodeTracker(Timing(debounce_s=60, clear_s=60, forget_s=600)) for _ in range(2))
    for tracker in (one, many):
        for minute, verdict in enumerate(before):
            tracker.update(minute * 60_000, verdict)
    assume(one.is_well)
    times, at_ms = [], len(before) * 60_000
    for number in range(len(verdicts)):
        at_ms += 1_000_000 if number in gaps else 60_000
        times.append(at_ms)
    for at_ms, verdict in zip(times, verdicts, strict=True):
        if verdict is not None or not one.quiet:
            one.update(at_ms, verdict)
    many.pass_all(times, verdicts)
    assert many.state() == one.state()


def test_what_showed_before_it_was_known_counts_as_far_as_nothing_was_said() -> None:
    minute = 60_000

    def told(since: int, before: list[tuple[int, bool | None]]) -> EpisodeTracker:
        tracker = EpisodeTracker(Timing(debounce_s=600, clear_s=60))
        for at, verdict in before:
            tracker.update(at * minute, verdict)
        tracker.update(20 * minute, True, None, since * minute)
        return tracker

    silent = [(0, False), *((at, None) for at in range(1, 20))]
    assert told(5, silent).active
    assert told(5, silent).episode() == Episode(5 * minute, None, 15 * minute, None)
    assert told(-50, silent).episode().start_ms == minute, "up to there it was said to be well"
    assert not told(15, silent).active
    assert told(15, silent).suspected_ms == 15 * minute
    assert told(5, [(at, False) for at in range(20)]).suspected_ms == 20 * minute
    assert told(25, silent).suspected_ms == 20 * minute


def test_time_that_counts_afterwards_counts_once() -> None:
    tracker = EpisodeTracker(Timing(debounce_s=600, clear_s=0))
    for at in range(11):
        tracker.update(at * 60_000, False if at < 5 else None)
    tracker.update(20 * 60_000, True, None, 0)
    tracker.update(21 * 60_000, True, None, 0)
    assert tracker.episode() == Episode(5 * 60_000, None, 16 * 60_000, None)
    assert (tracker.reliability.up_ms, tracker.reliability.down_ms) == (5 * 60_000, 16 * 60_000)
