"""Times of a wrong clock, put right."""

from hypothesis import given
from hypothesis import strategies as st

from agent.domain.energy import Integral
from agent.domain.episodes import EpisodeTracker, Timing
from agent.domain.records import Body, Energy, Event, Fault, Reliability, Summary, Unknown, encode_body
from agent.domain.reliability import PublishedMtbf
from agent.domain.signals import PV_POWER, Reading
from agent.domain.streaming import Windows
from agent.domain.timeline import EARLIEST_MS, Mark, Move, Span, estimate, moved, moved_raw, plausible

NOW_MS = 1_750_000_000_000
HOUR_MS = 3_600_000
times = st.integers(0, 6 * HOUR_MS)
MOVE = Move(NOW_MS, -1000, 7 * HOUR_MS)
bodies = st.one_of(
    st.builds(Summary, times, st.just(900), st.just([])),
    st.builds(Energy, times, st.just({})),
    st.builds(Event, times, st.just("start")),
    st.builds(
        lambda start, length, last: Fault(
            f"no_heat.{start}", "no_heat", "end", "warning", "", start, start + length if last else None
        ),
        times,
        st.integers(0, HOUR_MS),
        st.booleans(),
    ),
    st.builds(
        lambda at, first: Reliability(at, "no_heat", {"published_first": first, "published_last": None}),
        times,
        st.none() | st.integers(0, 300),
    ),
)


def times_of(body: Body) -> list[int]:
    match body:
        case Summary(start_ms=at):
            return [at]
        case Energy(at_ms=at) | Event(at_ms=at):
            return [at]
        case Fault():
            return [body.start_ms, body.end_ms if body.end_ms is not None else body.start_ms]
        case Reliability():
            first = body.state["published_first"]
            return [body.at_ms, 0 if first is None else int(first) * 60_000]
        case _:
            return []


@given(bodies)
def test_every_time_moves_by_the_same(body: Body) -> None:
    after = moved(body, MOVE, rename=True)
    assert type(after) is type(body)
    for before_ms, after_ms in zip(times_of(body), times_of(after), strict=True):
        assert after_ms - before_ms == NOW_MS or (isinstance(body, Reliability) and abs(after_ms - before_ms) >= 0)
    if isinstance(after, Fault):
        assert after.id == f"no_heat.{after.start_ms}"


@given(bodies)
def test_there_and_back_is_nothing(body: Body) -> None:
    there = moved(body, MOVE, rename=True)
    assert moved(there, Move(-NOW_MS, NOW_MS - 1000, NOW_MS + 7 * HOUR_MS), rename=True) == body


@given(bodies, st.integers(-(10**12), 10**12))
def test_times_outside_the_wrong_ones_stay(body: Body, by_ms: int) -> None:
    assert moved(body, Move(by_ms, NOW_MS, NOW_MS * 2), rename=True) == body


def test_what_cannot_be_read_stays() -> None:
    assert moved_raw("summary", b"\xc1", MOVE, rename=True) == b"\xc1"
    assert moved(Unknown("poem", b"\x01"), MOVE, rename=True) == Unknown("poem", b"\x01")
    kind, raw = encode_body(Event(5, "start"))
    assert moved_raw(kind, raw, MOVE, rename=False) == encode_body(Event(5 + NOW_MS, "start"))[1]


def test_without_renaming_a_fault_keeps_its_id() -> None:
    fault = Fault("no_heat.5", "no_heat", "start", "warning", "", 5)
    assert moved(fault, MOVE, rename=False) == Fault("no_heat.5", "no_heat", "start", "warning", "", NOW_MS + 5)


pauses = st.integers(0, 10 * HOUR_MS)
lengths = st.integers(60_000, 20 * HOUR_MS)


@given(st.lists(st.tuples(pauses, lengths), min_size=1, max_size=5), pauses)
def test_boots_without_a_time_lie_in_order_between_their_neighbours(boots: list[tuple[int, int]], last: int) -> None:
    known = Span(b"known", NOW_MS, NOW_MS + HOUR_MS, 0, HOUR_MS)
    spans = [known, *(Span(bytes([n]), 30_000, length, 30_000, length) for n, (_, length) in enumerate(boots))]
    boot_ms = NOW_MS + HOUR_MS + sum(pause + length for pause, length in boots) + last
    found = estimate(spans, boot_ms, boot_ms + HOUR_MS)
    assert [each.boot for each in found] == [span.boot for span in spans[1:]]
    before_ms = NOW_MS + HOUR_MS
    for each, span in zip(found, spans[1:], strict=True):
        assert each.mark is Mark.ESTIMATED
        assert before_ms <= each.move(span.first_ms) <= each.move(span.last_ms) <= boot_ms
        assert each.move(span.last_ms) - each.move(span.first_ms) == span.last_ms - span.first_ms
        before_ms = each.move(span.last_ms)


def test_the_true_time_is_met_where_the_pauses_were_alike() -> None:
    spans = [Span(b"a", NOW_MS, NOW_MS, 0, 1), Span(b"b", 1000, HOUR_MS, 1000, HOUR_MS)]
    found = estimate(spans, NOW_MS + 3 * HOUR_MS, NOW_MS + 4 * HOUR_MS)
    assert [each.move(HOUR_MS) for each in found] == [NOW_MS + 2 * HOUR_MS]


def test_a_boot_that_is_acknowledged_or_right_is_left_alone() -> None:
    right = Span(b"a", NOW_MS, NOW_MS + 5, 0, 5)
    gone = Span(b"b", 1000, 2000, 1000, 2000, open=False)
    assert estimate([right, gone], NOW_MS + HOUR_MS, NOW_MS + HOUR_MS) == []


def test_the_future_is_as_impossible_as_1970() -> None:
    ahead = Span(b"a", NOW_MS + 10**9, NOW_MS + 10**9 + HOUR_MS, 0, HOUR_MS)
    (found,) = estimate([ahead], NOW_MS, NOW_MS + 1000)
    assert found.move(ahead.last_ms) == NOW_MS
    assert not found.rename
    assert plausible(EARLIEST_MS, NOW_MS)
    assert not plausible(EARLIEST_MS - 1, NOW_MS)


verdicts = st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=80)
steps_ms = st.sampled_from([60_000, -3_600_000, 86_400_000, 777, NOW_MS - NOW_MS % 60_000])


@given(verdicts, st.integers(0, 80), steps_ms)
def test_an_episode_goes_on_over_a_step_as_if_the_clock_had_been_right(
    some: list[bool | None], cut: int, by_ms: int
) -> None:
    timing = Timing(debounce_s=120, clear_s=60)
    right, wrong = EpisodeTracker(timing), EpisodeTracker(timing)
    begin_ms = NOW_MS - NOW_MS % 60_000
    for number, verdict in enumerate(some):
        true_ms = begin_ms + number * 60_000
        if number == cut:
            wrong.move(Move(by_ms, begin_ms - by_ms, true_ms - by_ms))
        expected = right.update(true_ms, verdict)
        told = wrong.update(true_ms if number >= cut else true_ms - by_ms, verdict)
        if number >= cut:
            assert list(told) == list(expected)
    if len(some) > cut:
        assert (wrong.active, wrong.reliability.state()) == (right.active, right.reliability.state())


@given(st.lists(st.integers(-500, 500), min_size=2, max_size=40), st.integers(1, 39), steps_ms)
def test_energy_goes_on_over_a_step(powers: list[int], cut: int, by_ms: int) -> None:
    right, wrong = Integral(900_000), Integral(900_000)
    for number, power in enumerate(powers):
        true_ms = NOW_MS + number * 60_000
        if number == cut:
            wrong.move(Move(by_ms, NOW_MS - by_ms, true_ms - by_ms))
        right.update(true_ms, power)
        wrong.update(true_ms if number >= cut else true_ms - by_ms, power)
    assert wrong.value() == right.value()


def test_a_gap_that_only_the_wrong_clock_made_is_no_uptime() -> None:
    mtbf, ahead_ms = PublishedMtbf(), 15 * 365 * 86_400_000
    mtbf.update(NOW_MS)
    mtbf.update(NOW_MS + ahead_ms + 600_000)
    mtbf.move(Move(-ahead_ms, NOW_MS + 300_000, NOW_MS + 2 * ahead_ms))
    mtbf.update(NOW_MS + 1_200_000)
    right = PublishedMtbf()
    for at_ms in (NOW_MS, NOW_MS + 600_000, NOW_MS + 1_200_000):
        right.update(at_ms)
    assert mtbf.state() == right.state()


def test_an_open_window_goes_on_where_the_step_fits_the_grid() -> None:
    windows, begin_ms = Windows(900), NOW_MS - NOW_MS % 900_000
    windows.update(Reading(begin_ms + HOUR_MS, {PV_POWER: 1.0}))
    assert windows.move(Move(-HOUR_MS, begin_ms, NOW_MS * 2)) is None
    windows.update(Reading(begin_ms + 60_000, {PV_POWER: 3.0}))
    open_window = windows.value()
    assert open_window is not None
    assert (open_window.start_ms, open_window.signals[0].n) == (begin_ms, 2)
    closed = windows.move(Move(777, begin_ms, NOW_MS * 2))
    assert closed == open_window
    assert windows.value() is None
