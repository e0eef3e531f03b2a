import pytest

from agent.domain.errors import BadInput
from cloud.incidents import lifecycle
from cloud.incidents.symptoms import Symptom
from cloud.ports import IncidentChange
from tests.helpers.book import an_incident
from tests.helpers.incidents import DAY_MS, HOUR_MS, NOW_MS


def sign(start_ms: int, end_ms: int | None = None, sudden: bool = True) -> Symptom:
    return Symptom("home-00001", "no_heat", "", "critical", start_ms, end_ms, 0.95, 60.0, "", sudden)


@pytest.mark.parametrize("state", lifecycle.STATES)
@pytest.mark.parametrize("wish", lifecycle.STATES)
def test_a_state_follows_only_where_it_may(state: str, wish: str) -> None:
    incident = an_incident(state=state)
    if wish == state:
        assert lifecycle.change(incident, IncidentChange(wish), "anna", NOW_MS).incident == incident
    elif wish in lifecycle.next_states(state):
        after = lifecycle.change(incident, IncidentChange(wish), "anna", NOW_MS)
        assert (after.incident.state, after.incident.version) == (wish, 2)
        assert after.entries[0] == ("anna", "state", wish)
    else:
        with pytest.raises(BadInput, match=f"'{wish}' cannot follow '{state}'"):
            lifecycle.change(incident, IncidentChange(wish), "anna", NOW_MS)


def test_owner_and_comment_are_kept_with_their_history() -> None:
    after = lifecycle.change(an_incident(), IncidentChange(owner=" Ben ", comment="rings at 4"), "anna", NOW_MS)
    assert (after.incident.owner, after.incident.comment, after.incident.version) == ("Ben", "rings at 4", 2)
    assert after.entries == [("anna", "owner", "Ben"), ("anna", "comment", "rings at 4")]
    same = lifecycle.change(after.incident, IncidentChange(owner="Ben"), "anna", NOW_MS)
    assert (same.incident, same.entries) == (after.incident, [])


def test_too_long_a_text_and_too_long_a_silence_are_refused() -> None:
    for wish in (
        IncidentChange(owner="x" * 101),
        IncidentChange(comment="x" * 2001),
        IncidentChange("dismissed", quiet_days=0),
        IncidentChange("dismissed", quiet_days=4000),
        IncidentChange("nonsense"),
    ):
        with pytest.raises(BadInput, match="expected"):
            lifecycle.change(an_incident(), wish, "anna", NOW_MS)


def test_a_dismissal_holds_for_the_time_it_names_and_teaches() -> None:
    after = lifecycle.change(
        an_incident(), IncidentChange("dismissed", comment="holiday", quiet_days=5), "anna", NOW_MS
    )
    assert after.lesson is not None
    assert (after.lesson.subject, after.lesson.cause, after.lesson.reason) == ("home-00001", "heat", "holiday")
    assert after.incident.quiet_until_ms == after.lesson.until_ms == NOW_MS + 5 * DAY_MS
    again = [sign(NOW_MS + DAY_MS)]
    assert lifecycle.revived(after.incident, again, NOW_MS + 5 * DAY_MS - 1).entries == []
    back = lifecycle.revived(after.incident, again, NOW_MS + 5 * DAY_MS)
    assert (back.incident.state, back.incident.reopened, back.incident.quiet_until_ms) == ("new", 1, None)
    assert lifecycle.revived(after.incident, [sign(NOW_MS - DAY_MS, NOW_MS)], NOW_MS + 6 * DAY_MS).entries == []


def test_taking_a_dismissal_back_forgets_its_lesson() -> None:
    dismissed = lifecycle.change(an_incident(), IncidentChange("dismissed"), "anna", NOW_MS).incident
    after = lifecycle.change(dismissed, IncidentChange("acknowledged"), "ben", NOW_MS)
    assert after.forget
    assert after.incident.quiet_until_ms is None


def test_an_equipments_dismissal_teaches_about_the_equipment() -> None:
    incident = an_incident(kind="equipment", maker="SMA", model="STP", firmware="3")
    lesson = lifecycle.change(incident, IncidentChange("dismissed"), "anna", NOW_MS).lesson
    assert lesson is not None
    assert (lesson.scope, lesson.subject) == ("equipment", "SMA|STP|3")


@pytest.mark.parametrize(
    ("seen", "after_ms", "reason"),
    [
        ([sign(NOW_MS + 1, NOW_MS + 2)], 10, "came back on home-00001"),
        ([sign(NOW_MS - HOUR_MS)], 10, ""),
        ([sign(NOW_MS - HOUR_MS)], DAY_MS + 1, "never went away"),
        ([sign(NOW_MS - HOUR_MS, NOW_MS - 1)], 5 * DAY_MS, ""),
        ([sign(NOW_MS - HOUR_MS, sudden=False)], 13 * DAY_MS, ""),
        ([sign(NOW_MS - HOUR_MS, sudden=False)], 15 * DAY_MS, "never went away"),
        ([], 5 * DAY_MS, ""),
    ],
)
def test_what_was_fixed_and_comes_back_is_opened_again(seen: list[Symptom], after_ms: int, reason: str) -> None:
    fixed = an_incident(state="fixed", state_ms=NOW_MS)
    after = lifecycle.revived(fixed, seen, NOW_MS + after_ms)
    assert (after.incident.state == "new") is bool(reason)
    if reason:
        assert reason in after.entries[0][2]
        assert after.incident.version == 2


def test_what_is_quiet_for_long_is_called_fixed_by_the_program() -> None:
    over = an_incident(active=False, last_ms=NOW_MS, state_ms=NOW_MS)
    assert lifecycle.settled(over, NOW_MS + 7 * DAY_MS - 1).entries == []
    after = lifecycle.settled(over, NOW_MS + 7 * DAY_MS)
    assert after.incident.state == "fixed"
    assert after.entries == [("emberwatt", "state", "fixed: no sign for 7 d")]
    assert lifecycle.settled(an_incident(active=True), NOW_MS + 30 * DAY_MS).entries == []
    region = an_incident(kind="region", active=False, last_ms=NOW_MS, state_ms=NOW_MS)
    assert lifecycle.settled(region, NOW_MS + DAY_MS).incident.state == "fixed"
    handled = an_incident(state="visit_planned", active=False, last_ms=NOW_MS, state_ms=NOW_MS + 5 * DAY_MS)
    assert lifecycle.settled(handled, NOW_MS + 8 * DAY_MS).entries == [], "somebody is at it"
