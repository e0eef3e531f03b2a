from cloud.incidents.lessons import Taught
from cloud.incidents.places import Part, Place
from cloud.ports import Lesson
from tests.helpers.book import an_incident
from tests.helpers.incidents import NOW_MS

FLEET = {f"h{n}": Place(f"h{n}", parts=(Part("inverter", "SMA", "STP", "3"),)) for n in range(8)}
FLEET["other"] = Place("other", parts=(Part("inverter", "Kostal", "P", "1"),))


def lesson(scope: str, subject: str, cause: str = "battery") -> Lesson:
    return Lesson(f"i-{subject}", scope, subject, cause, NOW_MS, "anna", "by design")


def test_what_was_dismissed_for_equipment_counts_less_on_each_of_its_sites() -> None:
    taught = Taught([lesson("equipment", "SMA|STP|")], FLEET)
    here = taught.about(an_incident(subject="h1"), "battery", ["h1"])
    assert here.factor < 0.5
    assert "SMA STP" in here.note
    assert "2025-11-21" in here.note
    assert "anna" in here.note
    assert taught.about(an_incident(subject="other"), "battery", ["other"]) == (1.0, "")
    assert taught.about(an_incident(subject="h1"), "heat", ["h1"]) == (1.0, "")


def test_what_was_dismissed_on_several_sites_counts_less_on_the_next_of_the_kind() -> None:
    two = Taught([lesson("site", f"h{n}") for n in range(2)], FLEET)
    assert two.about(an_incident(subject="h7"), "battery", ["h7"]).factor == 1.0
    three = Taught([lesson("site", f"h{n}") for n in range(3)], FLEET)
    verdict = three.about(an_incident(subject="h7"), "battery", ["h7"])
    assert verdict.factor < 1
    assert "dismissed on 3 other sites with SMA STP 3" in verdict.note
    assert three.about(an_incident(id="i-h0", subject="h0"), "battery", ["h0"]).factor == 1.0, "its own does not count"


def test_an_equipments_incident_knows_that_most_of_its_sites_were_dismissed() -> None:
    taught = Taught([lesson("site", f"h{n}") for n in range(3)], FLEET)
    cohort = an_incident(kind="equipment", subject="SMA STP")
    assert "3 of its 4 sites" in taught.about(cohort, "battery", ["h0", "h1", "h2", "h3"]).note
    assert taught.about(cohort, "battery", [f"h{n}" for n in range(8)]) == (1.0, "")
    assert taught.about(an_incident(kind="region"), "battery", ["h0"]) == (1.0, "")
