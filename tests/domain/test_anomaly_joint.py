"""Several signals: the frame, and how many of a normal recording's rows depart."""

import random

from agent.domain.anomaly_joint import Frame, JointDetector


def test_a_row_is_measured_in_the_training_rows_spread() -> None:
    draw = random.Random(1)
    frame = Frame.fit([[draw.gauss(10, 2), 5.0] for _ in range(500)])
    standard = frame.standardise([14.0, 5.0])
    assert 1.6 < standard[0] < 2.4
    assert standard[1] == 0


def test_a_missing_signal_stays_where_it_was() -> None:
    frame = Frame.fit([[float(i % 5)] for i in range(100)])
    frame.update([4.0])
    assert frame.standardise([None]) == frame.last


def test_normal_rows_seldom_alarm() -> None:
    alarms = 0
    for seed in range(5):
        draw = random.Random(seed)
        joint = JointDetector(300, 0.05)
        for _ in range(900):
            joint.update([draw.gauss(0, 1) for _ in range(6)])
            alarms += joint.alarm
    assert alarms / 3000 < 0.1


def test_few_training_rows_cost_few_false_alarms() -> None:
    for train_rows in (30, 100):
        alarms = 0
        for seed in range(4):
            draw = random.Random(seed)
            joint = JointDetector(train_rows, 0.05)
            for _ in range(600 + train_rows):
                joint.update([draw.gauss(0, 1) for _ in range(8)])
                alarms += joint.alarm
        assert alarms / 2400 < 0.2


def test_a_departure_is_told_with_its_signals() -> None:
    draw = random.Random(9)
    joint = JointDetector(300, 0.05)
    for _ in range(300):
        assert joint.update([draw.gauss(0, 1) for _ in range(6)]) == (0.0, [])
    for _ in range(40):
        score, top = joint.update([draw.gauss(7 * (j == 4), 1) for j in range(6)])
    assert joint.alarm
    assert score > 0.5
    assert top[0] == 4


def test_a_broken_relation_is_told_with_a_signal_of_it() -> None:
    draw = random.Random(4)
    joint = JointDetector(300, 0.05)

    def row(*, broken: bool) -> list[float]:
        common = draw.gauss(0, 1)
        second = draw.gauss(0, 1) if broken else common
        return [draw.gauss(0, 1), common + draw.gauss(0, 0.1), second + draw.gauss(0, 0.1), draw.gauss(0, 1)]

    for _ in range(300):
        joint.update(row(broken=False))
    told = [joint.update(row(broken=True))[1] for _ in range(60)][20:]
    assert sum(1 in top[:2] or 2 in top[:2] for top in told) > 30
