"""The PIN lets in, and guessing takes for ever."""

from agent.onsite.doorkeeper import Doorkeeper
from tests.helpers.sources import SteppedClock


async def test_the_right_pin_lets_in() -> None:
    door = Doorkeeper("271828", SteppedClock(0))
    session = door.enter(" 271828 ")
    assert session is not None
    assert door.token(session)
    assert door.token("other") is None
    door.leave(session)
    assert door.token(session) is None


async def test_guesses_are_slowed_down_more_and_more() -> None:
    clock = SteppedClock(0)
    door = Doorkeeper("271828", clock)
    for _ in range(5):
        assert door.enter("000000") is None
    first = door.pause_s()
    assert first > 10
    assert door.enter("271828") is None
    await clock.move_to(round(first * 1000) + 1)
    door.enter("000000")
    assert door.pause_s() == 2 * first
    await clock.move_to(10_000_000)
    assert door.enter("271828") is not None


async def test_few_sessions_at_a_time() -> None:
    door = Doorkeeper("271828", SteppedClock(0))
    sessions = [door.enter("271828") for _ in range(6)]
    assert sum(door.token(session or "") is not None for session in sessions) == 4
