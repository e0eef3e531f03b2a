"""Bookkeeping of what is on the way."""

from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.window import Verdict, Window

EPOCH = b"01234567"


def started(acknowledged: int = 0, limit: int = 4) -> Window:
    window = Window(limit)
    window.start(EPOCH, acknowledged)
    return window


def test_acknowledgements_free_the_window_in_order() -> None:
    window = started(limit=2)
    window.send(10, 1.0)
    window.send(20, 2.0)
    assert not window.free
    assert window.acknowledge(10) is Verdict.PROGRESS
    assert (window.free, window.oldest, window.acknowledged, window.sent) == (True, 2.0, 10, 20)
    assert window.acknowledge(20) is Verdict.PROGRESS
    assert window.oldest is None


def test_a_lower_position_sends_again_from_there() -> None:
    window = started(100)
    window.send(110, 1.0)
    assert window.acknowledge(50) is Verdict.RESEND
    assert (window.acknowledged, window.sent, window.oldest) == (50, 50, None)


def test_a_lost_batch_is_sent_again_once_not_for_every_answer_behind_it() -> None:
    window = started()
    for last in (10, 20, 30, 40):
        window.send(last, 1.0)
    assert window.acknowledge(10) is Verdict.PROGRESS
    assert window.acknowledge(10) is Verdict.RESEND  # the answer to 21..30: 11..20 is missing
    for last in (20, 30, 40):
        window.send(last, 2.0)
    assert window.acknowledge(10) is Verdict.NOTHING  # the answer to the first 31..40
    assert [window.acknowledge(through) for through in (20, 30, 40)] == [Verdict.PROGRESS] * 3
    window.send(50, 3.0)
    assert window.acknowledge(40) is Verdict.NOTHING
    assert window.acknowledge(50) is Verdict.PROGRESS


def test_doubled_answers_do_not_double_the_traffic_for_ever() -> None:
    """Every message answered twice, over a carrier that keeps the order: what is sent stays in proportion."""
    window, on_the_way, position, sent = started(), list[int](), 0, 0
    for _ in range(2000):
        while window.free and window.sent < 2000:
            window.send(window.sent + 10, 0.0)
            on_the_way.append(window.sent)
            sent += 1
        if not on_the_way:
            break
        last = on_the_way.pop(0)
        position = last if last - 10 <= position < last else position
        window.acknowledge(position)
        window.acknowledge(position)
    assert window.acknowledged == 2000
    assert sent <= 400


def test_no_answer_in_time_sends_again() -> None:
    window = started()
    window.send(10, 1.0)
    window.expire()
    assert (window.sent, window.free, window.oldest) == (0, True, None)


@given(st.lists(st.tuples(st.sampled_from(["send", "ack", "expire"]), st.integers(0, 60)), max_size=60))
def test_sent_never_lies_behind_acknowledged_and_the_limit_holds(steps: list[tuple[str, int]]) -> None:
    window, flying = started(limit=3), 0
    for what, number in steps:
        if what == "send" and window.free:
            window.send(window.sent + 1 + number, 0.0)
        elif what == "ack":
            window.acknowledge(number)
        elif what == "expire":
            window.expire()
        assert window.sent >= window.acknowledged
        flying = len(window._flying)
        assert flying <= 3


def test_waiting_for_an_answer_begins_when_the_batch_has_left() -> None:
    window = Window(4)
    window.start(b"epoch", 0)
    window.send(10, 1.0)
    window.send(20, 2.0)
    window.handed_over(10, 60.0)
    assert window.oldest == 60.0
    window.acknowledge(10)
    window.handed_over(10, 70.0)
    assert window.oldest == 2.0
    window.expire()
    window.handed_over(20, 80.0)
    assert window.oldest is None
