"""Readings as columns."""

import pytest

from agent.domain.blocks import Block, RowByRow, Verdict
from agent.domain.signals import LOAD_POWER, PV_POWER, Reading
from agent.domain.sun import Height

PLACE = (48.1, 11.6)
READINGS = [Reading(n * 1_700_000, {PV_POWER: float(n), LOAD_POWER: 10.0 * n}) for n in range(9)]


def test_columns_are_the_values_in_their_order() -> None:
    block = Block(READINGS)
    assert list(block.column(PV_POWER) or ()) == [float(n) for n in range(9)]
    assert list(block.optional(LOAD_POWER, 5.0))[:2] == [0.0, 10.0]
    head = block.head(4)
    assert len(head) == len(head.times) == len(head.column(LOAD_POWER) or ()) == 4
    assert block.head(9) is block


def test_what_is_not_there_has_its_default() -> None:
    block = Block([Reading(0, {PV_POWER: 1.0}), Reading(1, {PV_POWER: 2.0})])
    assert block.column(LOAD_POWER) is None
    assert list(block.optional(LOAD_POWER, 5.0)) == [5.0, 5.0]


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_one_value_that_is_no_number_is_noticed(odd: float) -> None:
    assert Block(READINGS).is_finite
    assert not Block([*READINGS, Reading(10**9, {PV_POWER: 1.0, LOAD_POWER: odd})]).is_finite


def test_the_sun_is_where_it_is_for_single_readings() -> None:
    sun = Height(*PLACE)
    assert list(Block(READINGS, PLACE).sines()) == [sun.sine(reading.at_ms) for reading in READINGS]
    with pytest.raises(ValueError, match="place"):
        Block(READINGS).sines()


def test_a_rule_goes_no_further_than_what_fails() -> None:
    class Above(RowByRow):
        asked = 0

        def judge(self, reading: Reading) -> Verdict:
            self.asked += 1
            return reading.values[PV_POWER] > 4 or None

    rule = Above()
    assert rule.judge_all(Block(READINGS)) == [None] * 5 + [True]
    assert rule.asked == 6
