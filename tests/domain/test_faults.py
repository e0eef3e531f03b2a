"""The catalogue is complete."""

from agent.domain.faults import FAULTS, FaultCode, Group, Severity


def test_every_code_is_described() -> None:
    assert set(FAULTS) == set(FaultCode)
    for code, spec in FAULTS.items():
        assert spec.code is code
        assert isinstance(spec.group, Group)
        assert isinstance(spec.severity, Severity)
        assert spec.meaning


def test_codes_are_found_by_their_names() -> None:
    assert FAULTS[FaultCode("no_heat")].group is Group.HEATING
    assert {spec.group for spec in FAULTS.values()} == set(Group)
