"""MTBF as published, and as an engineer needs it."""

import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agent.domain.reliability import EpisodeReliability, PublishedMtbf, components_of, shared

HOUR_MS = 3_600_000
minutes = st.sets(st.integers(0, 20_000), max_size=40).map(sorted)


def published(failing: list[int]) -> PublishedMtbf:
    mtbf = PublishedMtbf()
    for minute in failing:
        mtbf.update(minute * 60_000)
    return mtbf


def test_the_worked_example() -> None:
    mtbf = published([9 * 60 + 29, 17 * 60 + 15, 17 * 60 + 22, 17 * 60 + 31])
    assert mtbf.report() == {"minutes": 479, "failures": 4, "mtbf_minutes": 119.75}


def test_no_failure_divides_by_one() -> None:
    assert PublishedMtbf().report() == {"minutes": 0, "failures": 0, "mtbf_minutes": 0.0}


@given(minutes)
def test_published_is_its_formula_at_each_step(failing: list[int]) -> None:
    mtbf = PublishedMtbf()
    for n, minute in enumerate(failing, 1):
        mtbf.update(minute * 60_000 + 59_999)
        # Start of downtime minus start of uptime, which is one minute after the failing minute before.
        assert mtbf.minutes == sum(down - (up + 1) for up, down in pairwise(failing[:n]))
        assert mtbf.failures == n


@given(minutes, st.integers(0, 40), st.integers(0, 40))
def test_published_merges_over_successive_periods(failing: list[int], one: int, other: int) -> None:
    first, second = sorted((one, other))
    merged = published(failing[:first])
    merged.merge(published(failing[first:second]))
    merged.merge(
        PublishedMtbf.from_state(msgspec.json.decode(msgspec.json.encode(published(failing[second:]).state())))
    )
    assert merged.state() == published(failing).state()


def test_a_minute_fails_once() -> None:
    mtbf = PublishedMtbf()
    for at_ms in (60_000, 61_000, 119_999):
        mtbf.update(at_ms)
    assert (mtbf.failures, mtbf.minutes) == (1, 0)
    other = published([1, 5])
    mtbf.merge(other)
    assert (mtbf.failures, mtbf.minutes) == (2, 3)


def test_published_time_does_not_go_back() -> None:
    mtbf = published([10])
    with pytest.raises(ValueError, match="before"):
        mtbf.update(9 * 60_000)
    with pytest.raises(ValueError, match="before"):
        mtbf.merge(published([9]))


figures = st.builds(
    EpisodeReliability, st.integers(0, 50), st.integers(0, 50), st.integers(0, 10**12), st.integers(0, 10**12)
)


@given(figures, figures, figures)
def test_merging_is_adding(a: EpisodeReliability, b: EpisodeReliability, c: EpisodeReliability) -> None:
    left = EpisodeReliability.from_state(a.state())
    left.merge(b)
    left.merge(c)
    right = EpisodeReliability.from_state(b.state())
    right.merge(c)
    right.merge(a)
    assert left.state() == right.state()
    assert left.up_ms == a.up_ms + b.up_ms + c.up_ms
    assert left.failures == a.failures + b.failures + c.failures


@given(figures)
def test_the_state_is_small_and_complete(a: EpisodeReliability) -> None:
    data = msgspec.msgpack.encode(a.state() | published([1, 2_000_000_000]).state())
    assert len(data) < 300
    state = msgspec.msgpack.decode(data)
    assert EpisodeReliability.from_state(state).state() == a.state()
    assert PublishedMtbf.from_state(state).minutes == 1_999_999_998


def test_an_old_state_lacks_nothing() -> None:
    assert EpisodeReliability.from_state({"failures": 2}).state()["up_ms"] == 0
    assert PublishedMtbf.from_state({}).failures == 0


def test_nothing_observed_tells_nothing() -> None:
    assert EpisodeReliability().report() == {"failures": 0, "exposure_hours": 0.0, "up_hours": 0.0, "down_hours": 0.0}


def test_without_a_failure_there_is_only_a_lower_bound() -> None:
    home = EpisodeReliability(up_ms=100 * HOUR_MS)
    report = home.report()
    assert report["mtbf_low_hours"] == pytest.approx(-100 / math.log(0.05))
    assert report["mtbf_low_hours"] == pytest.approx(200 / stats.chi2.ppf(0.95, 2))
    assert report["availability"] == 1.0
    assert not {"mtbf_hours", "mtbf_high_hours", "mttr_hours", "availability_low"} & report.keys()


@pytest.mark.parametrize("failures", [1, 2, 5, 40])
def test_intervals_are_those_of_the_distributions(failures: int) -> None:
    home = EpisodeReliability(failures, failures, up_ms=1000 * HOUR_MS, down_ms=10 * HOUR_MS)
    report = home.report()
    assert report["mtbf_hours"] == 1000 / failures == home.value()
    assert report["mtbf_low_hours"] == pytest.approx(2000 / stats.chi2.ppf(0.975, 2 * failures + 2))
    assert report["mtbf_high_hours"] == pytest.approx(2000 / stats.chi2.ppf(0.025, 2 * failures))
    assert report["mttr_hours"] == 10 / failures
    assert report["availability"] == pytest.approx(1000 / 1010)
    if failures == 1:
        assert "availability_low" not in report
        return
    spread = stats.f.ppf(0.975, 2 * failures, 2 * failures)
    assert report["availability_low"] == pytest.approx(1 / (1 + 0.01 * spread))
    assert report["availability_high"] == pytest.approx(1 / (1 + 0.01 / spread))


@given(figures)
def test_intervals_hold_their_figure(home: EpisodeReliability) -> None:
    report = home.report()
    if "mtbf_hours" in report and report["mtbf_hours"] > 0:
        assert report["mtbf_low_hours"] < report["mtbf_hours"] < report["mtbf_high_hours"]
    if "availability_low" in report:
        assert report["availability_low"] <= report["availability"] <= report["availability_high"]
    assert not [name for name, figure in report.items() if not math.isfinite(figure)]


def test_the_report_has_the_names_that_the_twin_promises() -> None:
    names = "failures exposure_hours up_hours down_hours mtbf_hours mtbf_low_hours mtbf_high_hours mttr_hours"
    more = "availability availability_low availability_high"
    home = EpisodeReliability(3, 3, up_ms=HOUR_MS, down_ms=HOUR_MS)
    assert list(home.report()) == [*names.split(), *more.split()]


@given(st.integers(1, 500))
def test_over_how_many_components_times_were_added_up(components: int) -> None:
    state = EpisodeReliability(1, 1, 90 * HOUR_MS, 0).state()
    assert components_of(shared(state, components)) == components
    assert EpisodeReliability.from_state(shared(state, components)).state() == state


@pytest.mark.parametrize("told", [None, 0, -3, 0.5, 2**80, math.inf, -math.inf, math.nan])
def test_a_number_of_components_that_cannot_be_counts_as_one(told: float | None) -> None:
    assert components_of({"failures": 1, "components": told}) == 1
