"""The table of causes: small, without circles, and of known faults only."""

from agent.domain.causes import AFTERMATH_MS, CONSEQUENCES, EARLY
from agent.domain.faults import FaultCode


def reaches(code: FaultCode, aim: FaultCode, seen: frozenset[FaultCode] = frozenset()) -> bool:
    following = CONSEQUENCES.get(code, frozenset()) - seen
    return aim in following or any(reaches(each, aim, seen | following) for each in following)


def test_nothing_is_its_own_cause() -> None:
    for code in CONSEQUENCES:
        assert code not in CONSEQUENCES[code]


def test_the_published_scenarios_are_silenced_by_what_explains_them_only() -> None:
    causes = {code for code, following in CONSEQUENCES.items() if FaultCode.BATTERY_NOT_CHARGING in following}
    assert causes == {FaultCode.SIGN_OR_SCALE_ERROR, FaultCode.INVERTER_ALARM}
    assert not reaches(FaultCode.BATTERY_NOT_CHARGING, FaultCode.NO_SOLAR_PRODUCTION)


def test_early_causes_and_aftermaths_are_of_the_table() -> None:
    assert set(CONSEQUENCES) >= EARLY
    every = frozenset().union(*CONSEQUENCES.values())
    assert set(AFTERMATH_MS) <= every
