"""The diagnosis of a whole site: what it says, and that a restart never changes it."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.rulebook import rules_of
from agent.diagnosis.settings import DiagnosisSettings, settings_from
from agent.domain.errors import BadInput
from agent.domain.faults import FaultCode
from agent.domain.reliability import EpisodeReliability, PublishedMtbf
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BOILER_FAULT,
    FLOW_TEMPERATURE,
    INVERTER_ALARM,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_POWER,
    WATER_PRESSURE,
    Quality,
    Reading,
    SignalName,
)
from agent.domain.wire import Body, Energy, Fault, Reliability, Summary, decode_body, encode_body

MINUTE = 60_000
DAY = 24 * 60
SITE = settings_from({"site": {"latitude": 47.6, "longitude": -122.3, "timezone": "America/Los_Angeles"}})
MIDNIGHT = int(datetime(2022, 6, 1, 7, tzinfo=UTC).timestamp() * 1000)  # in Seattle
Records = list[tuple[int, Body]]


def sunny_day(minute: int, *, day: int = 0, battery_works: bool = True) -> Reading:
    """A clear day: the sun from 5 to 21 h, 400 W of load, a battery that is full at 15 h."""
    sun = max(0.0, math.sin((minute - 300) / 960 * math.pi)) if 300 <= minute <= 1260 else 0.0
    pv = round(5000 * sun)
    soc = min(100.0, max(20.0, 20 + (minute - 420) / 6))
    charging = pv - 400 if battery_works and soc < 100 else 0
    values = {PV_POWER: float(pv), LOAD_POWER: 400.0, BATTERY_POWER: float(charging), BATTERY_SOC: soc}
    return Reading(MIDNIGHT + (day * DAY + minute) * MINUTE, values)


def feed(diagnosis: Diagnosis, readings: Iterable[Reading], reachable: Mapping[str, bool] | None = None) -> Records:
    return [record for reading in readings for record in diagnosis.update(reading, reachable or {})]


def bodies(records: Records, kind: type[Any]) -> list[Any]:
    return [body for _, body in records if isinstance(body, kind)]


def test_a_healthy_day_has_no_fault_and_its_exposure_is_daylight() -> None:
    diagnosis = Diagnosis(SITE)
    records = feed(diagnosis, (sunny_day(minute) for minute in range(DAY)))
    assert bodies(records, Fault) == []
    reliability = diagnosis.snapshot()["reliability"]
    assert 12 < reliability["no_solar_production"]["exposure_hours"] < 14
    assert 8.5 < reliability["battery_not_charging"]["exposure_hours"] < 9.5  # surplus from 5:48, full at 14:42
    assert reliability["battery_not_charging"]["availability"] == 1.0
    assert set(reliability) == {"no_solar_production", "battery_not_charging"}


def broken_from_10_to_12(minute: int) -> Reading:
    return sunny_day(minute, battery_works=not 600 <= minute < 720)


def test_a_battery_that_does_not_charge_for_two_hours() -> None:
    diagnosis = Diagnosis(SITE)
    records = feed(diagnosis, map(broken_from_10_to_12, range(DAY)))
    start, end = bodies(records, Fault)
    assert (start.phase, end.phase, start.id) == ("start", "end", end.id)
    assert (start.code, start.severity, start.component) == (FaultCode.BATTERY_NOT_CHARGING, "warning", "")
    assert (end.start_ms - MIDNIGHT, end.end_ms - MIDNIGHT) == (600 * MINUTE, 720 * MINUTE)
    assert (start.failing_s, end.failing_s) == (900.0, 7200.0)
    assert start.evidence[BATTERY_POWER] == end.evidence[f"worst_{BATTERY_POWER}"] == 0.0
    surplus = sum(broken_from_10_to_12(minute).values[PV_POWER] - 400 for minute in range(600, 720))
    assert end.lost_wh == pytest.approx(surplus / 60, abs=0.1)
    at = [at_ms for at_ms, body in records if isinstance(body, Fault)]
    assert [(when - MIDNIGHT) // MINUTE for when in at] == [615, 725]
    told = [body for body in bodies(records, Reliability) if body.code == FaultCode.BATTERY_NOT_CHARGING]
    assert [EpisodeReliability.from_state(each.state).failures for each in told] == [1, 1]
    report = diagnosis.reliability()[FaultCode.BATTERY_NOT_CHARGING].report()
    assert (report["failures"], report["mttr_hours"]) == (1, 2.0)


def test_an_active_fault_is_in_the_twin_until_it_ends() -> None:
    diagnosis = Diagnosis(SITE)
    feed(diagnosis, map(broken_from_10_to_12, range(700)))
    start_ms = MIDNIGHT + 600 * MINUTE
    fault = {"code": "battery_not_charging", "severity": "warning", "component": "", "start_ms": start_ms}
    assert diagnosis.snapshot()["faults"] == {f"battery_not_charging.{start_ms}": fault}
    assert [each.failing_s for each in diagnosis.active_faults()] == [99 * 60]
    feed(diagnosis, map(broken_from_10_to_12, range(700, 800)))
    assert diagnosis.snapshot()["faults"] == {}


def test_a_long_fault_is_told_again_every_six_hours() -> None:
    readings = (Reading(MIDNIGHT + minute * MINUTE, {WATER_PRESSURE: 0.7 - minute / 1e5}) for minute in range(DAY))
    faults = bodies(feed(Diagnosis(SITE), readings), Fault)
    assert [fault.phase for fault in faults] == ["start", "update", "update", "update"]
    assert [fault.failing_s for fault in faults] == [600, 600 + 21600, 600 + 2 * 21600, 600 + 3 * 21600]
    assert faults[-1].evidence[WATER_PRESSURE] == 0.7
    assert faults[-1].evidence[f"worst_{WATER_PRESSURE}"] == pytest.approx(0.7 - 1090 / 1e5)


def test_no_sun_on_the_panels_is_a_fault_by_day_only() -> None:
    dark = [Reading(each.at_ms, {**each.values, PV_POWER: 0.0}) for each in map(sunny_day, range(DAY))]
    start, *_ = faults = bodies(feed(Diagnosis(SITE), dark), Fault)
    assert {fault.code for fault in faults} == {FaultCode.NO_SOLAR_PRODUCTION}
    assert start.severity == "critical"
    assert 6 * 60 < (start.start_ms - MIDNIGHT) / MINUTE < 8 * 60


def test_what_the_inverter_and_the_boiler_say_themselves() -> None:
    healthy = {INVERTER_ALARM: 0.0, BOILER_FAULT: 0.0}
    ill = {INVERTER_ALARM: 3.0, BOILER_FAULT: 133.0}
    readings = [Reading(minute * MINUTE, ill if 10 <= minute < 20 else healthy) for minute in range(40)]
    faults = bodies(feed(Diagnosis(SITE), readings), Fault)
    assert [(fault.code, fault.phase) for fault in faults] == [
        ("inverter_alarm", "start"),
        ("boiler_lockout", "start"),
        ("inverter_alarm", "end"),
        ("boiler_lockout", "end"),
    ]
    assert faults[1].evidence == {BOILER_FAULT: 133.0}


def test_a_cold_house() -> None:
    cold = {PUMP_ON: 1.0, FLOW_TEMPERATURE: 19.0, OUTDOOR_TEMPERATURE: -5.0}
    readings = [Reading(minute * MINUTE, cold) for minute in range(61)]
    (fault,) = bodies(feed(Diagnosis(SITE), readings), Fault)
    assert (fault.code, fault.start_ms, fault.failing_s) == ("no_heat", 0, 3600.0)


def test_a_source_that_does_not_answer_is_its_own_fault_and_nobody_elses() -> None:
    diagnosis = Diagnosis(SITE)
    records: Records = []
    for minute in range(600, 660):
        away = 620 <= minute < 640
        whole = sunny_day(minute)
        reading = Reading(whole.at_ms, {}, dict.fromkeys(whole.values, Quality.MISSING)) if away else whole
        records += diagnosis.update(reading, {"inverter": not away, "boiler": True})
    start, end = bodies(records, Fault)
    assert (start.code, start.component) == (FaultCode.DEVICE_UNREACHABLE, "inverter")
    assert start.id == f"device_unreachable.inverter.{MIDNIGHT + 620 * MINUTE}"
    assert (end.end_ms - end.start_ms) == 20 * MINUTE
    # Two sources: their exposure adds up. The last sample holds for nothing yet.
    figures = diagnosis.reliability()[FaultCode.DEVICE_UNREACHABLE]
    assert (figures.exposure_ms, figures.failures) == (2 * 59 * MINUTE, 1)


def test_summaries_and_energy_come_when_their_time_is_over() -> None:
    records = feed(Diagnosis(SITE), (sunny_day(minute) for minute in range(121)))
    summaries = bodies(records, Summary)
    assert [(each.start_ms - MIDNIGHT) // MINUTE for each in summaries] == list(range(0, 120, 15))
    assert {(signal.signal, signal.n) for signal in summaries[0].signals} == {
        (name, 15) for name in (PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC)
    }
    assert [each.at_ms - MIDNIGHT for each in bodies(records, Energy)] == [60 * MINUTE, 120 * MINUTE]
    assert next(at_ms for at_ms, body in records if isinstance(body, Summary)) == MIDNIGHT + 15 * MINUTE


def test_reliability_is_told_at_local_midnight() -> None:
    diagnosis = Diagnosis(SITE)
    feed(diagnosis, (sunny_day(minute) for minute in range(DAY)))
    told = bodies(diagnosis.update(sunny_day(0, day=1)), Reliability)
    always = {"battery_not_charging", "no_solar_production"}
    assert always <= {each.code for each in told}
    for each in told:
        if each.code not in always:
            continue
        assert EpisodeReliability.from_state(each.state).up_ms > 0
        assert PublishedMtbf.from_state(each.state).failures == 0


def test_a_code_that_every_signal_has_of_its_own_says_over_how_many_it_was_added_up() -> None:
    diagnosis = Diagnosis(SITE)
    feed(diagnosis, (sunny_day(minute) for minute in range(800)))
    states = diagnosis.reliability_states()
    gap = states[FaultCode.GAP]
    assert gap["components"] == 5  # four signals, and the site as a whole
    assert 750 * MINUTE < int(gap["up_ms"] or 0) / 5 < 800 * MINUTE
    assert "components" not in states[FaultCode.BATTERY_NOT_CHARGING]


def test_a_value_that_is_no_number_is_invalid() -> None:
    diagnosis = Diagnosis(SITE)
    diagnosis.update(Reading(0, {PV_POWER: math.nan, LOAD_POWER: math.inf, BATTERY_SOC: 50.0}))
    last = diagnosis.snapshot()["last"]
    assert last == {"at_ms": 0, "values": {BATTERY_SOC: 50.0}, "bad": {PV_POWER: "invalid", LOAD_POWER: "invalid"}}


def test_time_that_stands_still_is_passed_over_and_a_clock_set_back_is_followed() -> None:
    diagnosis = Diagnosis(SITE)
    feed(diagnosis, [sunny_day(700), sunny_day(701)])
    state = diagnosis.state()
    assert feed(diagnosis, [sunny_day(701), sunny_day(700), sunny_day(690)]) == []
    assert diagnosis.state() == state
    diagnosis.update(sunny_day(100))
    assert diagnosis.snapshot()["last"]["at_ms"] == MIDNIGHT + 100 * MINUTE


def test_what_it_says_can_travel() -> None:
    for _, body in feed(Diagnosis(SITE), map(broken_from_10_to_12, range(DAY + 1))):
        assert decode_body(*encode_body(body)) == body


def test_a_twin_without_readings_is_empty() -> None:
    assert Diagnosis(SITE).snapshot() == {"last": {}, "faults": {}, "reliability": {}}


def no_nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return all(no_nulls(each) for each in value.values())
    return value is not None


def test_the_twin_holds_no_nulls() -> None:
    diagnosis = Diagnosis(SITE)
    for minute in range(DAY):
        diagnosis.update(broken_from_10_to_12(minute), {"inverter": minute % 400 > 30})
        if minute % 30 == 0:
            assert no_nulls(diagnosis.snapshot())


PUBLISHED = settings_from({"site": {"timezone": "Europe/Berlin"}}, published=True)


def test_in_published_mode_minutes_are_judged_one_by_one() -> None:
    failing = {PV_POWER: 700.0, LOAD_POWER: 100.0, BATTERY_POWER: -1.0, BATTERY_SOC: 50.0}
    healthy = {**failing, BATTERY_POWER: 1.0}
    minutes = [failing if minute in (5, 6, 7, 30) else healthy for minute in range(60)]
    diagnosis = Diagnosis(PUBLISHED)
    faults = bodies(feed(diagnosis, (Reading(i * MINUTE, values) for i, values in enumerate(minutes))), Fault)
    ended = [(fault.start_ms // MINUTE, fault.end_ms // MINUTE) for fault in faults if fault.phase == "end"]
    assert ended == [(5, 8), (30, 31)]
    figures = diagnosis.reliability()[FaultCode.BATTERY_NOT_CHARGING]
    assert (figures.failures, figures.down_ms, figures.up_ms) == (2, 4 * MINUTE, 56 * MINUTE)
    assert diagnosis.published()[FaultCode.BATTERY_NOT_CHARGING].report() == {
        "minutes": 22,
        "failures": 4,
        "mtbf_minutes": 5.5,
    }


def test_noon_without_sun_as_published() -> None:
    diagnosis = Diagnosis(PUBLISHED)
    feed(diagnosis, (Reading(i * MINUTE, {PV_POWER: 0.0}) for i in range(3 * DAY)))
    assert diagnosis.published()[FaultCode.NO_SOLAR_PRODUCTION].report() == {
        "minutes": 2 * 1439,
        "failures": 3,
        "mtbf_minutes": 2 * 1439 / 3,
    }


def test_rules_say_what_they_need() -> None:
    assert rules_of(PUBLISHED).keys() == {FaultCode.BATTERY_NOT_CHARGING, FaultCode.NO_SOLAR_PRODUCTION}
    needs = rules_of(SITE)
    assert needs[FaultCode.NO_SOLAR_PRODUCTION] == (frozenset({PV_POWER}),)
    assert FaultCode.DEVICE_UNREACHABLE not in needs


signals: dict[SignalName, st.SearchStrategy[float]] = {
    PV_POWER: st.sampled_from([0.0, 3.0, 900.0, 4000.5]),
    LOAD_POWER: st.sampled_from([0.0, 300.25, 5000.0]),
    BATTERY_POWER: st.sampled_from([-500.0, 0.0, 0.1, 2500.0]),
    BATTERY_SOC: st.sampled_from([10.0, 96.5, 98.0, 100.0]),
    WATER_PRESSURE: st.sampled_from([0.5, 0.85, 1.4]),
    INVERTER_ALARM: st.sampled_from([0.0, 0.0, 3.0]),
}
steps = st.sampled_from(
    [MINUTE, MINUTE, 5 * MINUTE, 14 * MINUTE, 40 * MINUTE, 9 * 60 * MINUTE, -5 * MINUTE, -DAY * MINUTE]
)
runs = st.tuples(st.fixed_dictionaries({}, optional=signals), st.integers(1, 15), steps, st.booleans())


@st.composite
def histories(draw: Any) -> list[tuple[Reading, dict[str, bool]]]:
    """Stretches of equal readings with steps of every kind, a clock that is set back among them."""
    at_ms, history = MIDNIGHT + draw(st.integers(0, 900)) * MINUTE, []
    for values, length, step, answers in draw(st.lists(runs, max_size=12)):
        bad = {} if answers else {PV_POWER: Quality.MISSING}
        for _ in range(length):
            history.append((Reading(at_ms, values, bad), {"inverter": answers}))
            at_ms += MINUTE
        at_ms += step
    return history


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("configured", [SITE, PUBLISHED], ids=["default", "published"])
@given(histories(), st.lists(st.integers(0, 180), max_size=4))
def test_a_restart_at_any_sample_changes_nothing(
    configured: DiagnosisSettings, history: list[tuple[Reading, dict[str, bool]]], cuts: list[int]
) -> None:
    straight, split = Diagnosis(configured), Diagnosis(configured)
    for number, (reading, reachable) in enumerate(history):
        if number in cuts:
            split = Diagnosis.from_state(configured, split.state())
        assert split.update(reading, reachable) == straight.update(reading, reachable)
    assert split.snapshot() == straight.snapshot()
    assert split.state() == straight.state()


def test_a_signal_that_was_known_before_a_restart_is_known_after_it() -> None:
    dry, running = {WATER_PRESSURE: 0.4}, {INVERTER_ALARM: 0.0}
    history = [Reading(minute * MINUTE, dry if minute < 15 or minute > 17 else running) for minute in range(40)]
    straight, split = Diagnosis(SITE), Diagnosis(SITE)
    feed(straight, history)
    feed(split, history[:15])
    split = Diagnosis.from_state(SITE, split.state())
    feed(split, history[15:])
    assert split.state() == straight.state()


def test_the_state_is_small() -> None:
    diagnosis = Diagnosis(SITE)
    feed(diagnosis, map(broken_from_10_to_12, range(2 * DAY)))
    assert len(diagnosis.state()) < 4500


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x80", b"\x00", msgspec.msgpack.encode({"version": 2}), msgspec.msgpack.encode([1])]
)
def test_a_damaged_state_is_bad_input(data: bytes) -> None:
    with pytest.raises(BadInput, match="diagnosis state"):
        Diagnosis.from_state(SITE, data)


def test_a_truncated_state_is_bad_input() -> None:
    diagnosis = Diagnosis(SITE)
    feed(diagnosis, map(sunny_day, range(700)))
    data = diagnosis.state()
    for length in range(0, len(data), 7):
        with pytest.raises(BadInput):
            Diagnosis.from_state(SITE, data[:length])


def test_a_state_of_the_other_mode_keeps_what_both_have() -> None:
    diagnosis = Diagnosis(SITE)
    feed(diagnosis, map(sunny_day, range(700)))
    other = Diagnosis.from_state(PUBLISHED, diagnosis.state())
    assert other.snapshot()["last"] == diagnosis.snapshot()["last"]
    assert other.reliability() == {}
