"""What the rows of a trial tell while no load is switched on."""

from agent.domain.proof_series import SeenStep, resting_spread


def test_only_stretches_without_the_load_are_compared() -> None:
    steps = (SeenStep(5, 2000.0, None), SeenStep(10, -2000.0, None))
    values = [220.0] * 5 + [2220.0] * 5 + [226.0] * 5
    assert resting_spread(steps, values) == 6.0


def test_a_row_torn_by_a_step_does_not_count() -> None:
    steps = (SeenStep(5, 2000.0, None), SeenStep(10, -2000.0, None))
    values = [220.0, 220.0, 220.0, 220.0, 1400.0] + [2220.0] * 5 + [900.0, 800.0, 220.0, 220.0]
    assert resting_spread(steps, values) == 0.0


def test_steps_that_leave_no_row_between_them_tell_nothing() -> None:
    assert resting_spread((SeenStep(1, 2000.0, None), SeenStep(2, -2000.0, None)), [1.0, 2.0, 3.0]) == 0.0
