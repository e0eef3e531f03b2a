"""The report card's own arithmetic, and one short site through it."""

from pathlib import Path

import pytest

from agent.diagnosis.settings import settings_from
from agent.domain.faults import FaultCode
from agent.domain.signals import FLOW_TEMPERATURE, PV_POWER
from bench.diagnosis import Row, fault_table, healthy_table, main, rows_of
from bench.diagnosis_fleet import Finding, Outcome, Seen, judge, settings_of, waits_min
from bench.diagnosis_plain import PLAIN, PlainOutcome
from firmware_sim.labelled.sites import home_moments
from firmware_sim.labelled.story import DAY_MS, HEAT_FAULTS, HOUR_MS, POWER_FAULTS, Label, Story
from firmware_sim.variety import some_home

START_MS = 1_717_200_000_000
LABEL = Label(FaultCode.INVERTER_ALARM, START_MS + 10 * HOUR_MS, START_MS + 14 * HOUR_MS)


def outcome(*, told: bool) -> Outcome:
    seen = Seen(LABEL, 240, 2 if told else None, LABEL.start_ms if told else None, waits_min=1.0)
    right = Finding(FaultCode.INVERTER_ALARM, "", LABEL.start_ms, LABEL.end_ms, LABEL.start_ms, right=True)
    wrong = Finding(FaultCode.GAP, "", 0, None, 0)
    plain = {name: PlainOutcome([0], 3) for name in PLAIN}
    return Outcome(1, 60, [seen], [right, wrong] if told else [wrong], plain=plain)


def test_found_missed_and_told_for_nothing() -> None:
    rows = rows_of([outcome(told=True), outcome(told=False)])
    alarm = rows[FaultCode.INVERTER_ALARM]
    assert (alarm.shown, alarm.found, alarm.recall, alarm.precision, alarm.delays) == (2, 1, 0.5, 1.0, [2])
    assert (rows[FaultCode.GAP].recall, rows[FaultCode.GAP].precision) == (None, 0.0)
    assert Row().precision is None


def test_the_tables_hold_every_figure() -> None:
    text = fault_table([outcome(told=True), outcome(told=False)])
    assert "| inverter_alarm | 2 | 0.500 | 1.000 | 1 | 2 | 0.00 | 1.000" in text
    assert text.splitlines()[-1].startswith("| **all** | 2 | 0.500 | 0.333 |  | 1 over |")
    assert "| homes | 0.3 | 2 (gap) | 6.09 |" in healthy_table([("homes", [outcome(told=False), outcome(told=False)])])


def test_the_last_line_tells_how_much_later_than_it_waits_an_episode_was_told() -> None:
    found = [(3, 1.0), (18, 15.0), (40, 45.0), (9, 0.0)]
    seen = [Seen(LABEL, 240, told, LABEL.start_ms, waits_min=waits) for told, waits in found]
    site = Outcome(1, 60, [*seen, Seen(LABEL, 240)], [], plain={name: PlainOutcome([], 0) for name in PLAIN})
    assert rows_of([site])[FaultCode.INVERTER_ALARM].over == [2, 3, -5, 9]
    assert "| 2 over |" in fault_table([site]).splitlines()[-1]
    nobody = Outcome(1, 60, [Seen(LABEL, 240)], [], plain={name: PlainOutcome([], 0) for name in PLAIN})
    assert "|  | – |" in fault_table([nobody]).splitlines()[-1]


def test_a_table_of_nothing() -> None:
    assert fault_table([]) == "None was asked for."


def test_what_a_rule_waits_for_comes_from_its_settings() -> None:
    settings = settings_from({"diagnosis": {"no_heat": {"debounce_s": 1200}, "gap": {"missing_s": 1800}}})

    def waits(code: FaultCode, component: str = "") -> float:
        return waits_min(settings, Label(code, 0, 1, component))

    assert waits(FaultCode.NO_HEAT) == 20
    assert waits(FaultCode.STUCK_VALUE, PV_POWER) == 360
    assert (waits(FaultCode.GAP, PV_POWER), waits(FaultCode.GAP), waits(FaultCode.CLOCK_ERROR)) == (30, 0, 0)
    assert waits(FaultCode.FLAT_HEATING_CURVE) == 120 + 150
    assert all(waits(FaultCode(code), FLOW_TEMPERATURE) >= 0 for code in (*POWER_FAULTS, *HEAT_FAULTS))


def test_a_wrong_folder_is_told_before_anything_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--homes", "1000000", "--data", str(tmp_path)])
    assert f"--data {tmp_path}: no recordings in it" in capsys.readouterr().err


def test_minutes_in_which_nobody_listens_are_no_delay() -> None:
    label = Label(FaultCode.GAP, LABEL.start_ms, LABEL.end_ms)
    story, scenario = Story(3, START_MS, 1, (label,)), some_home(3)
    told = judge(home_moments(story, scenario), settings_of(scenario), story)
    assert [(seen.shown_min, seen.heard_min, seen.told_after_min) for seen in told.seen] == [(240, 0, 0)]


def test_a_short_site_through_the_diagnosis() -> None:
    story = Story(3, START_MS, 1, (LABEL,))
    assert LABEL.end_ms < START_MS + DAY_MS
    scenario = some_home(3)
    told = judge(home_moments(story, scenario), settings_of(scenario), story)
    (seen,) = told.seen
    assert (seen.shown_min, seen.counts, seen.told_after_min) == (240, True, 2)
    assert [finding.code for finding in told.findings] == [FaultCode.INVERTER_ALARM]
    assert told.false == []
    assert set(told.plain) == set(PLAIN)
