import pytest

from agent.domain.faults import FaultCode
from cloud.dashboard import incident_words
from cloud.incidents import causes, lifecycle
from tests.helpers.book import an_incident


def test_every_state_action_and_step_has_words() -> None:
    assert set(incident_words.STATE_WORDS) == set(lifecycle.STATES)
    for action in (causes.VISIT, causes.REMOTE, causes.MAKER, causes.WAIT):
        assert incident_words.ACTION_WORDS[action]
        assert incident_words.ACTION_MEANING[action]
    for state in lifecycle.STATES:
        for following in lifecycle.next_states(state):
            assert incident_words.step_words(state, following)


@pytest.mark.parametrize("kind", ["site", "equipment", "region", "clock"])
@pytest.mark.parametrize("code", list(FaultCode))
def test_every_incident_has_a_title_and_advice(kind: str, code: FaultCode) -> None:
    incident = an_incident(kind=kind, code=str(code), cause=causes.family_of(code), maker="SMA", model="STP")
    assert incident_words.title_of(incident)
    assert incident_words.advice_of(incident)


def test_a_cut_and_a_cloud_are_told_apart() -> None:
    assert "Power" in incident_words.title_of(an_incident(kind="region", cause="data", code="gap"))
    assert "Clouds" in incident_words.title_of(an_incident(kind="region", cause="solar", code="no_solar_production"))


def test_history_reads_as_a_sentence() -> None:
    assert incident_words.happened("state", "visit_planned") == ("marked it “visit planned”", "")
    assert incident_words.happened("owner", "Ben") == ("gave it to", "Ben")
    assert incident_words.happened("owner", "") == ("took its owner away", "")
    assert incident_words.happened("state", "fixed: no sign for 7 d")[1] == "fixed: no sign for 7 d"
