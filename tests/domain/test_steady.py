"""A sky that holds still, and one that does not."""

import pytest

from agent.domain.steady import Sky
from agent.domain.timeline import Move

MINUTE_MS = 60_000


def followed(ratios: list[float], step: int = 1) -> Sky:
    sky = Sky()
    for number, ratio in enumerate(ratios):
        sky.follow(number * step * MINUTE_MS, ratio)
    return sky


@pytest.mark.parametrize(
    ("ratios", "holds", "stands", "steady"),
    [
        ([1.0] * 5, False, False, False),
        ([1.0] * 6, True, False, False),
        ([1.0] * 11, True, True, False),
        ([1.0] * 25, True, True, False),
        ([1.0] * 26, True, True, True),
        ([1.0] * 25 + [0.7], False, False, False),
        ([0.3] * 60 + [1.0] * 26, True, True, True),
        ([1.0, 0.5] * 30, False, False, False),
    ],
)
def test_a_sky_is_steady_from_its_last_jump_on(ratios: list[float], holds: bool, stands: bool, steady: bool) -> None:
    sky = followed(ratios)
    assert (sky.holds, sky.stands, sky.steady) == (holds, stands, steady)
    assert sky.ratio == pytest.approx(ratios[-1], rel=0.01)


def test_a_level_may_glide_as_the_sun_moves_on() -> None:
    sky = followed([1.0 * 1.006**minute for minute in range(60)])
    assert sky.steady
    assert sky.ratio == pytest.approx(1.006**59, rel=0.03)
    assert sky.mean < 0.95 * sky.ratio, "what is smoothed over everything lags"
    assert not followed([1.0 * 1.03**minute for minute in range(60)]).steady


def test_means_of_half_hours_need_four() -> None:
    assert [followed([1.0] * count, 30).steady for count in (2, 3, 4)] == [False, False, True]
    assert (followed([1.0] * 3, 30).fine, followed([1.0] * 3).fine, followed([1.0]).fine) == (False, True, False)


def test_after_a_gap_it_begins_again() -> None:
    sky = followed([1.0] * 30)
    sky.follow(100 * MINUTE_MS, 1.0)
    assert not sky.holds
    sky = followed([1.0] * 30)
    sky.lose()
    sky.follow(30 * MINUTE_MS, 1.0)
    assert not sky.holds


def test_it_goes_on_where_it_stood_and_knows_earlier_states() -> None:
    sky, later = followed([1.0, 1.01] * 20), Sky()
    later.restore(sky.state())
    for each in (sky, later):
        each.follow(40 * MINUTE_MS, 1.02)
    assert later.state() == sky.state()
    later.restore([0, 1.5, 0, 7])
    assert (later.ratio, later.mean, later.holds) == (1.5, 1.5, False)


def test_a_clock_that_is_set_breaks_no_stretch() -> None:
    sky = followed([1.0] * 30)
    sky.move(Move(0, 30 * MINUTE_MS, 60 * MINUTE_MS))
    sky.follow(90 * MINUTE_MS, 1.0)
    assert sky.steady
