"""Recordings through the diagnosis: what is counted as found, as true and as false, and how the page says it."""

import math

from agent.domain.faults import FaultCode
from agent.domain.signals import LOAD_POWER, SignalName
from agent.domain.wire import Fault
from bench.diagnosis_judged import HOLE
from bench.diagnosis_real import RealOutcome, Told, missed_list, real_list, real_sites, real_table
from bench.diagnosis_recordings import Recorded
from bench.diagnosis_recordings_heat import PLANTS

START_MS = 1_704_067_200_000
STEP_MS = 900_000


def home(days: int = 40) -> Recorded:
    """A load that moves, with a hole of six hours on the third day."""
    times, rows = [], list[dict[SignalName, float]]()
    for number in range(days * 96):
        if not 2 * 96 <= number < 2 * 96 + 24:
            times.append(START_MS + number * STEP_MS)
            rows.append({LOAD_POWER: round(400 + 150 * math.sin(number / 15) + 90 * math.sin(number * 1.7), 1)})
    return Recorded("A home", "home", {"timezone": "UTC"}, times, rows)


def test_a_recording_as_it_is_and_with_faults_put_in() -> None:
    outcome = RealOutcome("A home")
    outcome.add(home())
    assert [(told.fault.code, told.truth) for told in outcome.told] == [(FaultCode.GAP, HOLE)]
    assert (outcome.sites, round(outcome.days), outcome.true_as_is, outcome.false_as_is) == (1, 40, 1, 0)
    assert outcome.put_in >= 6
    assert outcome.found == outcome.put_in - outcome.missed.total()
    assert (outcome.missed.total(), outcome.false) == (0, 0)


def test_the_one_that_ships() -> None:
    (seattle,) = real_sites(None)
    assert (seattle.put_in, seattle.found, seattle.false_as_is, seattle.false) == (11, 11, 0, 0)


def told(code: str, truth: str, site: str = "north") -> Told:
    return Told(site, Fault("1", code, "end", "warning", "", START_MS, end_ms=START_MS + STEP_MS), truth)


def test_the_page_names_each_finding_and_what_is_true_of_it() -> None:
    plant = RealOutcome(PLANTS, 5, 365.25, told=[told("no_heat", "", "plant 1")])
    long = RealOutcome("Two homes", 2, 365.25, 10, 8, [told("gap", HOLE), told("no_heat", "")], 1)
    long.missed["gap"] = 2
    short = RealOutcome("An hour", 1, 0.05, told=[told("no_heat", "", "east")] * 8)
    table = real_table([long, short, plant]).splitlines()
    assert table[2] == "| Two homes | 2 | 365 | 1 | 1 | 1.00 | 10 | 8 | 1 |"
    assert table[3] == "| An hour | 1 | 0 | 0 | 8 | – | 0 | 0 | 0 |"
    assert table[5] == "| **all homes** | 3 | 365 | 1 | 9 | 9.00 | 10 | 8 | 1 |"
    assert table[6] == "| **all** | 8 | 731 | 1 | 10 | 5.00 | 10 | 8 | 1 |"
    lines = real_list([long, short]).splitlines()
    assert lines[0] == f"- Two homes: 1 × gap at north, true: {HOLE}."
    assert lines[1] == "- Two homes: 1 × no_heat at north, false: 2024-01-01 00:00Z."
    assert lines[2].startswith("- An hour: 8 × no_heat, false: ")
    assert lines[2].endswith(" and 2 more.")
    assert missed_list([long, short]) == "Put in and not found: Two homes: 2 × gap."
    assert "Nothing" in real_list([])
