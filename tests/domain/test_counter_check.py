"""A power against its own counters."""

import pytest

from agent.domain.counter_check import CounterCheck
from agent.domain.timeline import Move

MINUTE_MS = 60_000
FACTORS = (-1.0, 10.0, 0.1)


def followed(check: CounterCheck, minutes: range, true_w: float, shown: float, step_wh: float = 1.0) -> None:
    """A power around `true_w`, shown times `shown`; the counters count in steps."""
    for minute in minutes:
        power = true_w + 7 * (minute % 13)
        counted = abs(true_w + 42) * minute / 60 // step_wh * step_wh
        check.follow(minute * MINUTE_MS, power * shown, *((counted, 0.0) if true_w > 0 else (0.0, counted)))


@pytest.mark.parametrize("true_w", [900.0, -1500.0])
@pytest.mark.parametrize(("shown", "factor"), [(1.0, None), (0.1, 10.0), (10.0, 0.1), (-1.0, -1.0), (0.5, None)])
def test_what_puts_a_power_right_is_known_once_it_fits_twice(true_w: float, shown: float, factor: float | None) -> None:
    check = CounterCheck(FACTORS)
    followed(check, range(20), true_w, shown)
    assert check.factor is None
    followed(check, range(20, 60), true_w, shown)
    assert check.factor == factor


def test_a_coarse_counter_a_power_that_stands_and_a_counter_set_back_tell_nothing() -> None:
    coarse, stuck, back = (CounterCheck(FACTORS) for _ in range(3))
    followed(coarse, range(600), 900.0, 10.0, step_wh=1000.0)
    for minute in range(300):
        stuck.follow(minute * MINUTE_MS, 9000.0, minute * 15.0, 0.0)
        back.follow(minute * MINUTE_MS, 9000.0 + minute, minute % 15 * 15.0, 0.0)
    assert (coarse.factor, stuck.factor, back.factor) == (None, None, None)


def test_a_to_and_fro_tells_nothing() -> None:
    check = CounterCheck(FACTORS)
    for minute in range(300):
        check.follow(minute * MINUTE_MS, 10.0 + minute, minute * 10.0, minute * 9.0)
    assert check.factor is None


def test_it_holds_for_an_hour_after_it_showed() -> None:
    check = CounterCheck(FACTORS)
    followed(check, range(60), 900.0, 0.1)
    told = []
    for minute in range(60, 125):
        check.follow(minute * MINUTE_MS, 0.0, 942.0, 0.0)
        told.append(check.factor)
    assert (told[0], told[-1]) == (10.0, None)


def test_it_goes_on_where_it_stood() -> None:
    check, later = CounterCheck(FACTORS), CounterCheck(FACTORS)
    followed(check, range(33), 900.0, 0.1)
    later.restore(check.state())
    for each in (check, later):
        each.move(Move(0, 33 * MINUTE_MS, 0))
        followed(each, range(33, 60), 900.0, 0.1)
    assert later.state() == check.state()
    assert later.factor == 10.0
