"""Findings held against recordings of which it is known what is true of them."""

from agent.domain.faults import FaultCode
from agent.domain.signals import FLOW_TEMPERATURE, LOAD_POWER, OUTDOOR_TEMPERATURE, PUMP_ON, PV_POWER, SignalName
from agent.domain.wire import Fault
from bench.diagnosis_judged import FLAT, HOLE, TRAITS, truth
from bench.diagnosis_real import settings_of
from bench.diagnosis_recordings import Recorded
from firmware_sim.labelled.story import HOUR_MS

START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z
SITE = {"latitude": 45.7, "longitude": 6.0, "timezone": "UTC"}


def recording(rows: list[dict[SignalName, float]], name: str = "home") -> Recorded:
    times = [START_MS + number * HOUR_MS // 2 for number in range(len(rows))]
    return Recorded("some", name, SITE, times, rows)


def finding(code: FaultCode, from_h: float, to_h: float | None, component: str = "") -> Fault:
    start_ms = START_MS + round(from_h * HOUR_MS)
    end_ms = None if to_h is None else START_MS + round(to_h * HOUR_MS)
    return Fault("1", code, "end", "warning", component, start_ms, end_ms=end_ms)


def judge(recorded: Recorded, fault: Fault) -> str:
    return truth(recorded, fault, settings_of(recorded))


def test_a_signal_that_did_not_come_is_missing_and_one_that_came_is_not() -> None:
    rows = [{LOAD_POWER: 1.0, PV_POWER: 1.0} for _ in range(48)]
    for row in range(24, 30):
        del rows[row][LOAD_POWER]
    recorded = recording(rows)
    assert judge(recorded, finding(FaultCode.GAP, 11.5, 15, LOAD_POWER)) == HOLE
    assert judge(recorded, finding(FaultCode.GAP, 5, 7, LOAD_POWER)) == ""
    thin = Recorded("some", "home", SITE, [*recorded.times[:10], *recorded.times[20:]], [*rows[:10], *rows[20:]])
    assert judge(thin, finding(FaultCode.GAP, 4.5, 10)) == HOLE
    assert judge(thin, finding(FaultCode.GAP, 2, 2.5)) == ""


def test_panels_that_are_silent_by_night_are_not_missing() -> None:
    def silent_until(hour: float) -> Recorded:
        rows = [{LOAD_POWER: 1.0, PV_POWER: 1.0} for _ in range(48)]
        for row in range(round(hour * 2)):
            del rows[row][PV_POWER]
        return recording(rows)

    # In January the sun is 4 degrees high at about eight.
    assert judge(silent_until(8.5), finding(FaultCode.GAP, 0, 8.5, PV_POWER)) == ""
    assert judge(silent_until(11), finding(FaultCode.GAP, 0, 11, PV_POWER)) == HOLE


def test_a_curve_is_flat_where_the_flow_says_so_by_itself() -> None:
    def plant(slope: float, air: float) -> Recorded:
        rows = []
        for number in range(96):
            swing = abs(number % 48 - 24) / 4
            rows.append({OUTDOOR_TEMPERATURE: air - swing, FLOW_TEMPERATURE: 40.0 - slope * swing, PUMP_ON: 1.0})
        return recording(rows)

    told = finding(FaultCode.FLAT_HEATING_CURVE, 12, 40)
    assert judge(plant(-0.1, 8.0), told) == FLAT
    assert judge(plant(-0.8, 8.0), told) == ""
    assert judge(plant(-0.1, 35.0), told) == "", "nobody heats then"


def test_what_was_looked_at_is_true_of_its_site_its_days_and_its_name_only() -> None:
    trait = TRAITS[1]
    assert trait.first == "2017-06-22"
    start_ms = 1_498_153_800_000  # 2017-06-22T17:50Z
    fault = Fault("1", trait.code, "end", "warning", "", start_ms, end_ms=start_ms + HOUR_MS)
    assert trait.explains(trait.site, fault)
    assert not trait.explains("Building_9", fault)
    assert not trait.explains(trait.site, Fault("1", "gap", "end", "warning", "", start_ms, end_ms=start_ms))
    late_ms = start_ms + 24 * HOUR_MS
    assert not trait.explains(trait.site, Fault("1", trait.code, "start", "warning", "", late_ms))
    assert judge(recording([{LOAD_POWER: 1.0}] * 48, trait.site), fault) == trait.words
