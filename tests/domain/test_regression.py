"""A slope within groups of samples."""

import msgspec
import pytest

from agent.domain.regression import Regression


def test_groups_at_their_own_level_have_one_slope() -> None:
    line = Regression(50)
    for level in (30.0, 45.0, 20.0):
        line.begin()
        for x in range(10):
            line.update(x, level - 1.5 * x)
    assert line.slope() == pytest.approx(-1.5)
    assert line.spread() == pytest.approx(2.9, abs=0.3)


def test_what_was_long_ago_fades() -> None:
    line = Regression(8)
    for x in range(40):
        line.update(x % 7, 1.0 * (x % 7))
    for x in range(80):
        line.update(x % 7, -1.0 * (x % 7))
    assert line.slope() == pytest.approx(-1.0, abs=0.01)
    assert line.weight == pytest.approx(8.0, abs=0.01)


def test_a_restart_changes_nothing_and_nothing_has_no_slope() -> None:
    line, later = Regression(8), Regression(8)
    assert (line.slope(), line.spread()) == (0.0, 0.0)
    for x in range(5):
        line.update(x, 2.0 * x)
    later.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(line.state())))
    for each in (line, later):
        each.update(9.0, 1.0)
    assert later.state() == line.state()
