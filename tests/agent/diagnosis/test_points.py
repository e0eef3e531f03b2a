"""Faults that are known only when they are over."""

from agent.diagnosis.points import Told
from agent.domain.faults import FAULTS, FaultCode

HOUR = 3_600_000


def test_its_whole_life_is_told_at_once() -> None:
    told = Told(FaultCode.GAP)
    start, end = told.tell(HOUR, 3 * HOUR, {"missing_minutes": 120.0})
    assert (start.phase, start.end_ms, end.phase, end.end_ms) == ("start", None, "end", 3 * HOUR)
    assert start.id == end.id == f"{FaultCode.GAP}.{HOUR}"
    assert (end.start_ms, end.failing_s, end.evidence) == (HOUR, 7200.0, {"missing_minutes": 120.0})
    assert end.severity == FAULTS[FaultCode.GAP].severity


def test_the_evidence_is_its_own() -> None:
    evidence = {"by_s": 5.0}
    start, _ = Told(FaultCode.CLOCK_ERROR).tell(0, 0, evidence)
    evidence["by_s"] = 9.0
    assert start.evidence == {"by_s": 5.0}


def test_it_counts_as_a_failure_that_was_repaired() -> None:
    told, later = Told(FaultCode.GAP), Told(FaultCode.GAP)
    told.reliability.add_up(10 * HOUR)
    told.tell(HOUR, 2 * HOUR, {})
    told.tell(5 * HOUR, 6 * HOUR, {})
    assert (told.reliability.failures, told.reliability.repairs, told.reliability.down_ms) == (2, 2, 2 * HOUR)
    later.restore(told.state())
    assert later.state() == told.state()
