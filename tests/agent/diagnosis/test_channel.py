"""The records that a fault's life leaves."""

from agent.diagnosis.channel import UPDATE_EVERY_MS, Channel
from agent.domain.blocks import Block
from agent.domain.episodes import EpisodeTracker, MinuteTracker, Timing
from agent.domain.faults import FaultCode
from agent.domain.rules_cycles import CycleLimits, ShortCycling
from agent.domain.rules_heating import BoilerLockout, LowWaterPressure, PressureLimits
from agent.domain.rules_published import PublishedBattery
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BOILER_FAULT,
    BURNER_ON,
    LOAD_POWER,
    PV_POWER,
    WATER_PRESSURE,
    Reading,
)
from agent.domain.wire import Fault

MINUTE = 60_000
TIMING = Timing(debounce_s=120, clear_s=60)


def pressure_channel() -> Channel:
    rule = LowWaterPressure(PressureLimits(lowest=0.8, hysteresis=0.0))
    return Channel(rule.code, EpisodeTracker(TIMING), rule)


def observe(channel: Channel, *bars: float, start: int = 0) -> list[Fault]:
    readings = (Reading((start + i) * MINUTE, {WATER_PRESSURE: bar}) for i, bar in enumerate(bars))
    return [fault for reading in readings for fault in channel.observe(reading)]


def test_evidence_is_of_the_first_failing_sample_and_of_the_worst() -> None:
    start, end = observe(pressure_channel(), 1.2, 0.7, 0.3, 0.6, 1.2, 1.2)
    assert start.start_ms == end.start_ms == MINUTE
    assert start.evidence == end.evidence == {WATER_PRESSURE: 0.7, f"worst_{WATER_PRESSURE}": 0.3}
    assert (start.end_ms, end.end_ms, end.failing_s) == (None, 4 * MINUTE, 180.0)


def test_a_fault_that_showed_before_it_was_known_begins_then_with_the_values_that_made_it_known() -> None:
    rule = ShortCycling(CycleLimits())
    channel = Channel(rule.code, EpisodeTracker(Timing(debounce_s=900, clear_s=60)), rule)
    steps = [
        step
        for minute in range(40)
        for step in channel.observe(Reading(minute * MINUTE, {BURNER_ON: float(minute % 5 == 4)})) or ()
    ]
    (start,) = steps
    assert (start.start_ms, start.failing_s) == (4 * MINUTE, 1200.0)
    assert start.evidence == {BURNER_ON: 1.0, "starts_per_hour": 12.0}


def test_evidence_of_a_blip_is_not_taken_for_the_next_fault() -> None:
    (start,) = observe(pressure_channel(), 0.1, 1.2, 0.7, 0.6, 0.7)
    assert start.evidence == {WATER_PRESSURE: 0.7, f"worst_{WATER_PRESSURE}": 0.6}


def test_two_faults_have_two_names() -> None:
    faults = observe(pressure_channel(), 0.7, 0.7, 0.7, 1.2, 1.2, 0.7, 0.7, 0.7)
    assert [fault.id for fault in faults] == [
        "low_water_pressure.0",
        "low_water_pressure.0",
        f"low_water_pressure.{5 * MINUTE}",
    ]


def test_an_update_needs_something_new() -> None:
    channel = pressure_channel()
    observe(channel, 0.7, 0.7, 0.7)
    later = 3 + UPDATE_EVERY_MS // MINUTE
    assert [channel.follow(None, Reading((later + i) * MINUTE, {})) for i in range(5)] == [[], [], [], [], []]
    (update, *_) = observe(channel, 0.7, 0.7, start=later + 10)
    assert (update.phase, update.failing_s) == ("update", 180.0)


def test_a_channel_continues_after_a_restart() -> None:
    straight, before, after = pressure_channel(), pressure_channel(), pressure_channel()
    told = observe(straight, 0.7, 0.6, 0.7, 0.7, 1.2, 1.2)
    split = observe(before, 0.7, 0.6)
    after.restore(before.state())
    assert split + observe(after, 0.7, 0.7, 1.2, 1.2, start=2) == told
    assert after.state() == straight.state()


def test_in_published_mode_a_minute_can_end_one_fault_and_begin_another() -> None:
    channel = Channel(FaultCode.BATTERY_NOT_CHARGING, MinuteTracker(), PublishedBattery())
    values = {PV_POWER: 700.0, LOAD_POWER: 100.0, BATTERY_SOC: 50.0}
    channel.observe(Reading(0, {**values, BATTERY_POWER: -5.0}))
    end, start = channel.observe(Reading(9 * MINUTE, {**values, BATTERY_POWER: -7.0}))
    assert (end.phase, end.end_ms, end.evidence[BATTERY_POWER]) == ("end", MINUTE, -5.0)
    assert (start.phase, start.start_ms, start.evidence[BATTERY_POWER]) == ("start", 9 * MINUTE, -7.0)


def test_without_a_rule_the_caller_judges() -> None:
    channel = Channel(FaultCode.DEVICE_UNREACHABLE, EpisodeTracker(Timing(0, 0)), component="meter")
    assert channel.observe(Reading(0, {})) is None
    (start,) = channel.follow(True, Reading(MINUTE, {}))
    assert (start.id, start.component, start.evidence) == (f"device_unreachable.meter.{MINUTE}", "meter", {})
    fault = channel.active_fault()
    assert fault is not None
    assert fault.phase == "update"


def pressures(*bars: float) -> Block:
    return Block([Reading(minute * MINUTE, {WATER_PRESSURE: bar}) for minute, bar in enumerate(bars)])


def test_a_block_is_passed_up_to_what_is_to_be_told() -> None:
    def channel() -> Channel:
        rule = LowWaterPressure(PressureLimits())
        return Channel(rule.code, EpisodeTracker(Timing(debounce_s=120, clear_s=120)), rule)

    assert channel().pass_over(pressures(1.5, 1.4, 1.5), silenced=False) == 3
    suspected = channel()
    assert suspected.pass_over(pressures(1.5, 0.7, 0.7), silenced=False) == 3, "a suspicion is not told"
    assert suspected.tracker.suspected_ms == MINUTE
    assert channel().pass_over(pressures(1.5, 0.7, 0.7, 0.7, 0.7), silenced=False) == 3
    silent = channel()
    assert silent.pass_over(pressures(1.5, 0.7, 0.7, 0.7, 0.7), silenced=True) == 5
    assert silent.tracker.suspected_ms is None


def test_a_cause_that_is_suspected_is_to_be_told_at_once() -> None:
    cause = Channel(FaultCode.BOILER_LOCKOUT, EpisodeTracker(Timing(debounce_s=600, clear_s=60)), BoilerLockout())
    words = Block([Reading(minute * MINUTE, {BOILER_FAULT: float(minute > 3)}) for minute in range(9)])
    assert cause.pass_over(words, silenced=False) == 4
    assert Channel(FaultCode.BOILER_LOCKOUT, MinuteTracker(), BoilerLockout()).is_calm is False
