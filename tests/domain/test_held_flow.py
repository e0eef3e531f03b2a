"""A flow that stays the same at any temperature of the air."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.held_flow import HeldFlow
from agent.domain.timeline import Move

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
START_MS = 1_700_000_100_000 - 1_700_000_100_000 % (15 * MINUTE_MS)


def through(held: HeldFlow, minutes: range, slope: float, *, per_hour: float = 1.0) -> HeldFlow:
    """Air that gets warmer by `per_hour`."""
    for minute in minutes:
        air = per_hour * minute / 60
        held.update(START_MS + minute * MINUTE_MS, air, 50 - slope * air)
    return held


@pytest.mark.parametrize(
    ("slope", "least", "most"), [(0.0, 5.0, 6.5), (0.05, 5.0, 6.5), (1.0, 0.5, 1.0), (-1.0, 0.5, 1.0)]
)
def test_how_many_kelvin_of_air_the_flow_is_the_same_at(slope: float, least: float, most: float) -> None:
    held = through(HeldFlow(), range(360), slope)
    assert least <= held.air_k <= most
    assert held.slope <= 0.8


def test_air_that_only_wavers_is_no_other_air() -> None:
    held = HeldFlow()
    for minute in range(1200):
        held.update(START_MS + minute * MINUTE_MS, 5.2 + 0.1 * math.sin(minute), 45.0)
    assert held.air_k == 0.5
    assert held.quarters == 79


def test_the_same_flow_at_two_temperatures_far_apart_is_chance() -> None:
    held = HeldFlow()
    for minute in range(120):
        held.update(START_MS + minute * MINUTE_MS, 12.2, 30.5)
    for minute in range(300, 420):
        held.update(START_MS + minute * MINUTE_MS, 7.2, 30.5)
    held.pause()
    assert held.air_k == 1.0


def test_it_begins_anew_where_the_flow_changes_and_after_a_night() -> None:
    held = through(HeldFlow(), range(240), 0.0)
    assert held.since_ms == START_MS
    held.update(START_MS + 240 * MINUTE_MS, 4.0, 53.0)
    held.pause()
    assert (held.since_ms, held.air_k) == (START_MS + 240 * MINUTE_MS, 0.5)
    held.update(START_MS + 15 * HOUR_MS, 5.0, 53.0)
    assert held.air_k == 0.0, "nothing that still holds was seen"
    held.pause()
    assert (held.since_ms, held.air_k) == (START_MS + 15 * HOUR_MS, 0.5)


def test_a_clock_that_is_set_moves_it() -> None:
    held = through(HeldFlow(), range(200), 0.0)
    held.move(Move(HOUR_MS, 0, START_MS + 10 * HOUR_MS))
    assert held.since_ms == START_MS + HOUR_MS
    before = held.air_k
    assert through(held, range(260, 300), 0.0).air_k >= before


def test_what_saw_nothing_keeps_nothing() -> None:
    held = through(HeldFlow(), range(200), 0.0)
    assert HeldFlow().state() == []
    held.restore([])
    assert (held.state(), held.air_k, held.quarters) == ([], 0.0, 0)


@given(st.lists(st.tuples(st.integers(1, 500), st.floats(-20, 20), st.floats(30, 60)), max_size=60), st.integers(0, 60))
def test_a_restart_changes_nothing(samples: list[tuple[int, float, float]], cut: int) -> None:
    straight, parted, at_ms = HeldFlow(), HeldFlow(), START_MS
    for number, (minutes, air, flow) in enumerate(samples):
        at_ms += minutes * MINUTE_MS
        if number == cut:
            restored = HeldFlow()
            restored.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(parted.state())))
            parted = restored
        for held in (straight, parted):
            held.update(at_ms, air, flow)
    assert parted.state() == straight.state()
