import msgspec

from cloud.dashboard import incident_view
from cloud.ports import IncidentEntry
from tests.helpers.book import an_incident
from tests.helpers.fleet import NOW_MS, demo_fleet
from tests.helpers.works import demo_book

SITES = {site.device: site for site in demo_fleet().sites()}


def test_a_line_says_where_why_and_what_it_costs() -> None:
    line = incident_view.line(demo_book().rows["i-heat"], SITES, NOW_MS)
    assert (line.title, line.where, line.device) == ("No heat", "Hisingsgatan 40", "ember-104")
    assert line.why == "Flow 24.1 °C"
    assert (line.cost, line.certainty, line.since) == ("60.00 €", "95 %", "5 h")
    assert line.equipment == "De Dietrich Diematic 3 (4.18.32)"


def test_evidence_that_is_a_sentence_stays_one() -> None:
    line = incident_view.line(an_incident(why="room 19 degrees, without moving"), SITES, NOW_MS)
    assert line.why == "Room 19 degrees, without moving"


def test_what_is_over_costs_nothing_and_a_dismissal_says_until_when() -> None:
    over = incident_view.line(an_incident(active=False, cost_per_day=0.0), SITES, NOW_MS)
    assert over.cost == "–"
    quiet = incident_view.line(an_incident(quiet_until_ms=NOW_MS + 86_400_000), SITES, NOW_MS)
    assert "19 Jun" in quiet.note


def test_a_site_that_is_not_in_the_fleet_has_no_link() -> None:
    line = incident_view.line(an_incident(subject="gone"), SITES, NOW_MS)
    assert (line.device, line.where) == ("", "gone")


def test_evidence_that_is_no_signal_has_words_and_a_unit_too() -> None:
    one = an_incident(why="produced_wh 4680, inverter_alarm 4")
    assert incident_view.line(one, SITES, NOW_MS).why == "Produced meanwhile 4.7 kWh, Inverter alarm Hardware"


def test_one_is_not_called_many() -> None:
    one = an_incident(kind="equipment", sites=1, active_sites=1)
    assert incident_view.line(one, SITES, NOW_MS).sites == "1 site"
    assert incident_view.line(msgspec.structs.replace(one, active=False), SITES, NOW_MS).sites == "1 site, over"
    both = msgspec.structs.replace(one, sites=2)
    assert incident_view.line(both, SITES, NOW_MS).sites == "1 of 2 sites still"


def test_the_morning_counts_sites_not_alarms() -> None:
    book = demo_book()
    twice = an_incident(id="i-2", subject="ember-104", cause="battery", severity="warning", cost_per_day=1.0)
    morning = incident_view.morning([*book.incidents(), twice])
    assert (morning.visits, morning.urgent, morning.remote, morning.equipment) == (1, 1, 1, 1)
    assert morning.cost == "76.00 €"


def test_equipment_that_is_blamed_comes_first_with_its_share() -> None:
    pair = [an_incident(id=f"i-{n}", subject=f"ember-{n}", cost_per_day=2.0) for n in (101, 106)]
    found = incident_view.blamed([*demo_book().incidents(), *pair], SITES)
    assert (found[0].name, found[0].id) == ("SolarEdge SE5K-RWS, firmware 4.18.32", "i-fw")
    assert (found[0].sites, found[0].of) == (4, 4)
    assert all(not one.id for one in found[1:])


def test_one_incident_alone_blames_no_equipment() -> None:
    assert incident_view.blamed([an_incident(subject="ember-104")], SITES) == []


def test_sites_that_still_suffer_come_first() -> None:
    rows = [
        msgspec.structs.replace(row, active=row.device == "ember-102") for row in demo_book().incident_sites("i-fw")
    ]
    lines = incident_view.site_lines(rows, SITES, NOW_MS)
    assert [(line.device, line.last) for line in lines] == [
        ("ember-102", "still there"),
        ("ember-101", "last seen 1 h ago"),
    ]


def test_the_newest_of_the_history_comes_first() -> None:
    entries = demo_book().incident_history("i-heat")
    later = IncidentEntry("i-heat", 2, NOW_MS, "anna", "state", "fixed")
    first, second = incident_view.history_lines([*entries, later], NOW_MS)
    assert (first.who, first.what) == ("anna", "marked it “fixed”")
    assert second.detail == "Flow 24.1 °C"
