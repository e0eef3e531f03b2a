"""Who may speak while a cause lasts, is suspected, or is only just over."""

from math import inf

from agent.diagnosis.channel import Channel
from agent.diagnosis.silence import Silence
from agent.domain.causes import AFTERMATH_MS, CONSEQUENCES
from agent.domain.episodes import EpisodeTracker, Timing
from agent.domain.faults import FaultCode as Code
from agent.domain.signals import Reading
from agent.domain.timeline import Move

MINUTE = 60_000


def channel(code: Code, debounce_s: float = 0.0) -> Channel:
    return Channel(code, EpisodeTracker(Timing(debounce_s=debounce_s, clear_s=0)))


def judge(channel: Channel, minute: int, verdict: bool) -> None:
    channel.follow(verdict, Reading(minute * MINUTE, {}))


def test_a_cause_silences_what_follows_from_it_and_nothing_else() -> None:
    silence, cause = Silence(), channel(Code.INVERTER_ALARM)
    silence.look(0, [cause])
    assert silence.codes == frozenset()
    judge(cause, 1, True)
    silence.look(MINUTE, [cause])
    assert silence.codes == CONSEQUENCES[Code.INVERTER_ALARM]


def test_a_suspicion_is_enough_only_for_causes_that_show_early() -> None:
    early, late = channel(Code.NO_HEAT, 3600), channel(Code.ROOM_SENSOR_STUCK, 3600)
    judge(early, 0, True)
    judge(late, 0, True)
    silence = Silence()
    silence.look(0, [early, late])
    assert silence.codes == CONSEQUENCES[Code.NO_HEAT]


def test_what_outlasts_its_cause_waits_longer() -> None:
    silence, cause = Silence(), channel(Code.BOILER_LOCKOUT)
    judge(cause, 0, True)
    silence.look(0, [cause])
    judge(cause, 5, False)
    silence.look(5 * MINUTE, [cause])
    assert silence.codes == {code for code in CONSEQUENCES[Code.BOILER_LOCKOUT] if code in AFTERMATH_MS}
    first_ms = 5 * MINUTE + min(AFTERMATH_MS[code] for code in silence.codes)
    assert silence.until_ms == first_ms
    assert not silence.is_over(first_ms - 1)
    assert silence.is_over(first_ms)
    silence.look(5 * MINUTE + max(AFTERMATH_MS.values()), [cause])
    assert (silence.codes, silence.until_ms) == (frozenset(), inf)


def test_a_suspicion_that_comes_to_nothing_has_no_aftermath() -> None:
    silence, cause = Silence(), channel(Code.NO_HEAT, 3600)
    judge(cause, 0, True)
    silence.look(0, [cause])
    judge(cause, 1, False)
    silence.look(MINUTE, [cause])
    assert silence.codes == frozenset()


def test_causes_that_no_channel_follows() -> None:
    silence = Silence()
    silence.look(0, [], [Code.CLOCK_ERROR])
    assert silence.codes == CONSEQUENCES[Code.CLOCK_ERROR]
    assert silence.others == (Code.CLOCK_ERROR,)


def test_it_goes_on_where_it_stood_and_with_a_clock_that_was_set() -> None:
    silence, cause, later = Silence(), channel(Code.BOILER_LOCKOUT), Silence()
    judge(cause, 0, True)
    silence.look(0, [cause])
    judge(cause, 5, False)
    silence.look(5 * MINUTE, [cause], [Code.CLOCK_ERROR])
    later.restore(silence.state())
    assert (later.state(), later.codes, later.others) == (silence.state(), silence.codes, silence.others)
    before_ms = later.until_ms
    later.move(Move(7 * MINUTE, 0, 10**12))
    assert later.until_ms == before_ms + 7 * MINUTE
