"""The parts of what a model expects: plans, frames, regressions, watches, reach and drift."""

import random
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.errors import BadInput
from agent.domain.learned_artifact import Reference
from agent.domain.learned_drift import LARGE, Drift, stability_index
from agent.domain.learned_head import WORTH, Block, DaySums, DayVerdict, Head, Prior, solve
from agent.domain.learned_plan import SLOW, Part, Plan, Size, Target, Term, checked
from agent.domain.learned_reach import LAST_DAYS, DayReach, Reach
from agent.domain.learned_watch import Limits, SiteWatch, TargetWatch
from agent.domain.learned_window import DayMean, Window, contexts_at
from agent.domain.signals import OUTDOOR_TEMPERATURE, PV_POWER, Reading

UTC = ZoneInfo("UTC")
DAY_MS = 86_400_000
LIMITS = Limits([0.5] * 5, [3.0, 1.8, 2.0, 2.5, 0.3])
TARGET = Target("t", 0, [1], [], [str(PV_POWER)], 1)
PRIOR = Prior([1.0, 0.0], [[4.0, 0.0], [0.0, 4.0]], 0.04, 0.01, -3.0, 0.3, 0.1)


def plan() -> Plan:
    terms = [
        Term("now", [Part(OUTDOOR_TEMPERATURE)], offset=10.0, scale=10.0),
        Term("before", [Part(OUTDOOR_TEMPERATURE, 1.0, 1)], scale=10.0),
        Term("day", [Part(OUTDOOR_TEMPERATURE, 1.0, SLOW)], scale=10.0),
        Term("pv", [Part(PV_POWER)], by="roof"),
        Term("sun_height", context="sun_height"),
    ]
    signals = sorted([str(OUTDOOR_TEMPERATURE), str(PV_POWER)])
    return checked(Plan("p", 900, signals, [Size("roof", PV_POWER, True, 2)], terms, [TARGET]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"targets": []},
        {"frame_s": 5},
        {"signals": ["warmth"]},
        {"terms": [Term("x")]},
        {"terms": [Term("x", context="moon")]},
        {"terms": [Term("x", [Part("flow_temperature")])]},
        {"terms": [Term("x", [Part(PV_POWER, 1.0, 99)])]},
        {"targets": [Target("t", 9, [0], [], [])]},
    ],
)
def test_a_plan_that_refers_to_nothing_is_refused(wrong: dict[str, object]) -> None:
    fields = {name: getattr(plan(), name) for name in Plan.__struct_fields__}
    with pytest.raises(BadInput):
        checked(Plan(**{**fields, **wrong}))


def test_frames_are_means_and_lags_look_back() -> None:
    window = Window(plan(), (48.0, 11.0), UTC)
    closed = [
        window.update(Reading(minute * 60_000, {OUTDOOR_TEMPERATURE: float(minute), PV_POWER: 0.0}))
        for minute in range(46)
    ]
    told = [each for each in closed if each is not None]
    assert [start for start, _ in told] == [0, 900_000, 1_800_000]
    assert [terms[0] for _, terms in told] == pytest.approx([(7 - 10) / 10, (22 - 10) / 10, (37 - 10) / 10])
    assert [terms[1] for _, terms in told] == [None, pytest.approx(0.7), pytest.approx(2.2)]
    assert [terms[2] for _, terms in told] == [None] * 3


def test_a_size_is_learned_in_the_first_days_only() -> None:
    window = Window(plan(), (48.0, 11.0), UTC)
    start = 19_900 * DAY_MS
    for day, peak in enumerate((1000.0, 2000.0, 9000.0)):
        for frame in range(96):
            window.update(Reading(start + day * DAY_MS + frame * 900_000, {PV_POWER: peak}))
    assert 2000.0 <= window.sizes["roof"] <= 8000.0


def test_a_day_mean_is_known_once_a_day_is_full_and_begins_anew_after_a_pause() -> None:
    mean = DayMean(900)
    for _ in range(95):
        mean.update(5.0)
    assert mean.value is None
    mean.update(5.0)
    assert mean.value == 5.0
    mean.pause(24)
    assert mean.value == 5.0
    mean.pause(1)
    assert mean.value is None


def test_a_site_without_a_place_still_has_a_day() -> None:
    ask = contexts_at(None, ZoneInfo("Europe/Berlin"), 900)
    heights = [ask(19_900 * DAY_MS + hour * 3_600_000)["sun_height"] for hour in range(24)]
    assert max(heights) > 0.5
    assert min(heights) == 0.0
    assert 9 <= heights.index(max(heights)) <= 13


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_equations_are_solved(seed: int, size: int) -> None:
    dice = np.random.default_rng(seed)
    root = dice.normal(size=(size, size))
    matrix = root @ root.T + 0.5 * np.eye(size)
    vector = dice.normal(size=size)
    np.testing.assert_allclose(solve(matrix.tolist(), vector.tolist()), np.linalg.solve(matrix, vector), rtol=1e-7)


def some_day(head: Head, dice: random.Random, slope: float, offset: float = 0.0, noise: float = 0.2) -> DaySums:
    day = DaySums(2)
    for _ in range(40):
        x = dice.uniform(-1, 1)
        y = slope * x + offset + dice.gauss(0, noise)
        day.add([x, 1.0], y, *head.residual([x, 1.0], y))
    return day


def test_days_are_learned_as_the_formula_over_all_of_them_says() -> None:
    dice, head, block = random.Random(1), Head(PRIOR, 0.5), Block(2)
    precision, shift = np.array(PRIOR.precision), np.array(PRIOR.precision) @ np.array(PRIOR.weights)
    for _ in range(5):
        day = some_day(head, dice, 1.0)
        block.take(day, DayVerdict(0.0, 0.0))
        gain = WORTH / day.w / PRIOR.sample_var
        precision = precision + gain * np.array([[day.xx[0], day.xx[1]], [day.xx[1], day.xx[2]]])
        shift = shift + gain * np.array(day.xy)
    head.learn(block)
    fade = 0.5 ** (5 / 250)
    kept = fade * np.array(PRIOR.precision) + (1 - fade) * np.array(PRIOR.precision)
    np.testing.assert_allclose(np.array(head.precision), precision - np.array(PRIOR.precision) + kept, rtol=1e-9)
    np.testing.assert_allclose(head.weights, np.linalg.solve(precision, shift), rtol=1e-9)


def test_a_site_of_another_slope_is_learned_and_a_failure_is_not() -> None:
    dice = random.Random(4)
    watch = SiteWatch([TargetWatch(PRIOR, TARGET, LIMITS)])
    head = watch.targets[0].head
    for _ in range(90):
        watch.close([some_day(head, dice, 1.3, 0.1)], ready=True)
    assert not watch.active
    assert head.weights == pytest.approx([1.3, 0.1], abs=0.05)
    for _ in range(40):
        watch.close([some_day(head, dice, 1.3, 0.8)], ready=True)
    assert watch.active
    assert head.weights[1] == pytest.approx(0.1, abs=0.12)
    for _ in range(30):
        watch.close([some_day(head, dice, 1.3, 0.1)], ready=True)
    assert not watch.active


def test_a_slow_drift_does_not_teach_itself_as_normal() -> None:
    dice = random.Random(5)
    watch = SiteWatch([TargetWatch(PRIOR, TARGET, LIMITS)])
    scores = [
        watch.close([some_day(watch.targets[0].head, dice, 1.0, max(0.0, day - 100) * 0.02)], ready=True).score
        for day in range(160)
    ]
    assert max(scores[:100]) < 1.0
    assert watch.active


def test_what_is_new_for_long_becomes_normal() -> None:
    dice = random.Random(6)
    watch = SiteWatch([TargetWatch(PRIOR, TARGET, LIMITS)])
    for day in range(300):
        watch.close([some_day(watch.targets[0].head, dice, 1.0, 0.9 if day >= 60 else 0.0)], ready=True)
    assert not watch.active


@pytest.mark.parametrize("cut", [1, 8, 30, 66, 75])
def test_a_watch_goes_on_where_it_was_stopped(cut: int) -> None:
    def run(stop: int | None) -> list[object]:
        dice, told = random.Random(7), []
        watch = SiteWatch([TargetWatch(PRIOR, TARGET, LIMITS)])
        for day in range(80):
            if day == stop:
                kept = msgspec.msgpack.decode(msgspec.msgpack.encode(watch.state()))
                watch = SiteWatch([TargetWatch(PRIOR, TARGET, LIMITS)])
                watch.restore(kept)
            told.append(watch.close([some_day(watch.targets[0].head, dice, 1.1, 0.6 if day > 60 else 0.0)], ready=True))
        return [told, watch.state()]

    assert run(cut) == run(None)


def test_before_sizes_are_known_nothing_is_judged() -> None:
    watch = SiteWatch([TargetWatch(PRIOR, TARGET, LIMITS)])
    assert watch.close([some_day(watch.targets[0].head, random.Random(1), 9.0)], ready=False).score == 0.0
    assert watch.targets[0].head.days == 0


def clear_day(number: int, share: float, *, cloudy: bool = False) -> DayReach:
    day = DayReach()
    for frame in range(30, 66):
        side = 1.0 - (frame - 30) / 18
        day.add(number * 96 + frame, side, 0.2 if cloudy else 0.8 * share, 0.8)
    return day


def test_clouds_do_not_lower_what_is_reached_but_a_lost_string_does() -> None:
    reach = Reach()
    missing = [reach.update(clear_day(day, 1.0, cloudy=day % 5 != 0)) for day in range(60)]
    assert max(missing) < 0.01
    lost = [reach.update(clear_day(60 + day, 0.6)) for day in range(LAST_DAYS + 1)]
    assert lost[LAST_DAYS // 2] < 0.01
    assert lost[-1] == pytest.approx(0.4)


def test_three_frames_in_a_row_are_needed() -> None:
    day = DayReach()
    for frame in (1, 2, 4, 5, 7, 8):
        day.add(frame, 0.0, 0.8, 0.8)
    assert max(day.best) < 0.0
    day.add(9, 0.0, 0.8, 0.8)
    assert day.best[1] == 1.0


def test_no_drift_where_nothing_moved_and_drift_where_it_did() -> None:
    dice = random.Random(3)
    reference = Reference(0, [-1.0, 0.0, 1.0], [0.16, 0.34, 0.34, 0.16], 0.05)
    still, moved = Drift([reference]), Drift([reference])
    for _ in range(3000):
        still.update([dice.gauss(0, 1)])
        moved.update([dice.gauss(1.5, 1)])
    assert (still.indices()[0] or 0.0) < 0.02
    assert (moved.indices()[0] or 0.0) > LARGE
    assert (still.moved(), moved.moved()) == ([], [0])
    again = Drift([reference])
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(moved.state())))
    assert again.indices() == moved.indices()


def test_what_a_season_does_is_no_drift() -> None:
    drift = Drift([Reference(0, [0.0], [0.5, 0.5], 5.0)])
    for _ in range(1000):
        drift.update([1.0])
    assert drift.moved() == []


def test_the_index_by_hand() -> None:
    expected = (0.75 - 0.5) * np.log(0.75 / 0.5) + (0.25 - 0.5) * np.log(0.25 / 0.5)
    assert stability_index([0.5, 0.5], [300, 100]) == pytest.approx(expected)
    assert Drift([Reference(0, [0.0], [0.5, 0.5], 0.1)]).indices() == [None]
