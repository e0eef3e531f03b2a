from agent.domain.faults import FAULTS, FaultCode
from cloud.incidents import causes


def test_every_code_of_the_vocabulary_has_a_cause_and_something_to_do() -> None:
    for code in FaultCode:
        assert causes.family_of(code) != code, "a code that this version knows belongs to a family"
        assert causes.severity_of(code) == FAULTS[code].severity
        assert causes.action_of(code) in (causes.VISIT, causes.REMOTE)
        assert causes.assumed_cost(code) >= 0


def test_a_code_of_a_later_version_stands_for_itself() -> None:
    assert causes.family_of("melting") == "melting"
    assert causes.severity_of("melting") == "warning"
    assert causes.leading(["melting"]) == "melting"


def test_the_cause_leads_not_what_it_leads_to() -> None:
    assert causes.leading(["room_too_cold", "no_heat", "boiler_lockout"]) == "boiler_lockout"
    assert causes.leading(["gap", "device_unreachable"]) == "device_unreachable"


def test_the_worst_severity_counts() -> None:
    assert causes.worst(["info", "critical", "warning"]) == "critical"
    assert causes.worst([]) == "warning"
