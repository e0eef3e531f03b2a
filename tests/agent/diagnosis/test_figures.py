"""Reliability by code and the twin's sections."""

from agent.diagnosis.figures import is_told, reliability_of, states_of, twin_of
from agent.domain.faults import FaultCode, Severity
from agent.domain.reliability import EpisodeReliability, PublishedMtbf
from agent.domain.signals import LOAD_POWER, PV_POWER, Quality, Reading
from agent.domain.wire import Fault

HOUR = 3_600_000


def watched(hours: int, failures: int = 0) -> EpisodeReliability:
    figures = EpisodeReliability()
    figures.add_up(hours * HOUR)
    for _ in range(failures):
        figures.add_failure()
        figures.add_repair()
    return figures


def test_components_of_one_code_are_taken_together_and_counted() -> None:
    parts = [(FaultCode.STUCK_VALUE, watched(4)), (FaultCode.STUCK_VALUE, watched(6, 1)), (FaultCode.GAP, watched(3))]
    figures = reliability_of([*parts, (FaultCode.HUNTING, EpisodeReliability())])
    assert figures.keys() == {FaultCode.STUCK_VALUE, FaultCode.GAP}, "what was never watched is not told"
    assert (figures[FaultCode.STUCK_VALUE].exposure_ms, figures[FaultCode.STUCK_VALUE].failures) == (10 * HOUR, 1)
    states = states_of(figures, parts, {})
    assert states[FaultCode.STUCK_VALUE]["components"] == 2
    assert "components" not in states[FaultCode.GAP]


def test_the_published_figure_stands_beside() -> None:
    failed, calm = PublishedMtbf(), PublishedMtbf()
    failed.update(60_000)
    published = {FaultCode.BATTERY_NOT_CHARGING: failed, FaultCode.NO_SOLAR_PRODUCTION: calm}
    states = states_of({}, [], published)
    assert states.keys() == {FaultCode.BATTERY_NOT_CHARGING}
    assert states[FaultCode.BATTERY_NOT_CHARGING]["published_failures"] == 1


def test_what_never_failed_is_told_of_the_two_published_scenarios_only() -> None:
    assert is_told(FaultCode.NO_SOLAR_PRODUCTION, watched(1).state())
    assert not is_told(FaultCode.HUNTING, watched(1).state())
    assert is_told(FaultCode.HUNTING, watched(1, 1).state())


def test_the_twin_holds_what_is_now() -> None:
    fault = Fault("gap.pv.5", FaultCode.GAP, "start", Severity.WARNING, PV_POWER, 5, None, 0.0, {})
    figures = {FaultCode.HUNTING: watched(1), FaultCode.GAP: watched(1, 1)}
    twin = twin_of(Reading(7, {LOAD_POWER: 3.0}, {PV_POWER: Quality.MISSING}), [fault], figures)
    assert twin["last"] == {"at_ms": 7, "values": {LOAD_POWER: 3.0}, "bad": {PV_POWER: "missing"}}
    assert twin["faults"]["gap.pv.5"]["start_ms"] == 5
    assert twin["reliability"].keys() == {str(FaultCode.GAP)}
    assert twin_of(None, [], {}) == {"last": {}, "faults": {}, "reliability": {}}
