import pytest

from agent.domain import signals as sg
from cloud.dashboard import tables
from cloud.ports import EnergyRow, ReliabilityRow
from tests.cloud.dashboard.conftest import Pages
from tests.helpers.fleet import DAY_MS, HOUR_MS, NOW_MS, InMemoryFleet, demo_fleet


def rows(*values: float) -> list[EnergyRow]:
    return [EnergyRow(index * HOUR_MS, {sg.PV_ENERGY_TOTAL: value}, True) for index, value in enumerate(values)]


def test_counting_starts_at_the_last_row_before_the_period() -> None:
    assert tables.gained_since(rows(100, 110, 130, 160), 90 * 60_000) == {sg.PV_ENERGY_TOTAL: 50.0}
    assert tables.gained_since(rows(100, 110, 130, 160), HOUR_MS) == {sg.PV_ENERGY_TOTAL: 50.0}
    assert tables.gained_since([], 0) == {}


def test_a_counter_that_begins_again() -> None:
    assert tables.gained_since(rows(100, 110, 5, 10), 0) == {sg.PV_ENERGY_TOTAL: 20.0}


def test_energy_of_today_starts_at_the_sites_midnight() -> None:
    fleet = demo_fleet()
    site = fleet.site("ember-102")
    assert site is not None
    lines, measured = tables.energy_lines(fleet, site, NOW_MS)
    today = {line.label: line.today for line in lines}
    assert measured
    # 520 W since 00:00 in Seattle, where it is 10:10.
    assert today["Generated"] == "5.2 kWh"
    assert today["Self-sufficiency"] == "78 %"


class Metered(InMemoryFleet):
    """Its site has meters at the panels, the grid and the battery, and none for the house."""

    def energy(self, device: str, start_ms: int, end_ms: int) -> list[EnergyRow]:
        counted = {sg.PV_ENERGY_TOTAL: 9e3, sg.GRID_IMPORT_TOTAL: 1e3, sg.GRID_EXPORT_TOTAL: 4e3}
        counted[sg.BATTERY_CHARGE_TOTAL] = 2e3
        return [EnergyRow(NOW_MS - HOUR_MS, dict.fromkeys(counted, 0.0), True), EnergyRow(NOW_MS, counted, True)]


def test_what_the_house_used_follows_from_the_other_meters() -> None:
    lines, _ = tables.energy_lines(Metered(), demo_fleet().sites()[0], NOW_MS)
    today = {line.label: line.today for line in lines}
    assert (today["Consumed"], today["Self-sufficiency"], today["Self-consumption"]) == ("4.0 kWh", "75 %", "56 %")


def test_without_counters_there_is_no_table() -> None:
    fleet = demo_fleet()
    site = fleet.site("ember-104")
    assert site is not None
    assert tables.energy_lines(fleet, site, NOW_MS)[0] == []


def test_reliability_most_failures_first() -> None:
    fleet = demo_fleet()
    lines = tables.reliability_lines(fleet.reliability(device="ember-102"), "America/Los_Angeles", NOW_MS)
    assert [line.failures for line in lines] == [7, 0]
    assert lines[0].mtbf == "61 h (30 … 153 h)"
    assert lines[0].availability == "96.8 % (91.2 … 98.9 %)"
    assert lines[1].mtbf == "> 144 h, no failure yet"
    assert lines[1].mttr == "–"


def test_a_code_of_several_signals_shows_the_time_of_one() -> None:
    state = {"failures": 1, "repairs": 1, "up_ms": 24 * 720 * 3_600_000, "down_ms": 0, "components": 24}
    line = tables.reliability_lines([ReliabilityRow("d", "gap", NOW_MS, state)], "UTC", NOW_MS)[0]
    assert line.exposure == "720 h × 24"


@pytest.mark.parametrize("value", [float("nan"), -5, 2**80])
def test_a_state_that_cannot_be_true_is_left_out(value: float) -> None:
    assert tables.reliability_lines([ReliabilityRow("d", "gap", NOW_MS, {"failures": value})], "UTC", NOW_MS) == []


def test_faults_in_words_and_in_the_sites_time() -> None:
    fleet = demo_fleet()
    sites = {site.device: site for site in fleet.sites()}
    line = tables.fault_lines(fleet.faults(device="ember-102"), sites, NOW_MS)[0]
    assert (line.label, line.since, line.until, line.duration) == (
        "Battery not charging",
        "05:10",
        "still active",
        "5 h",
    )
    assert ("Battery", "−182 W") in line.evidence
    assert line.lost == "4.2 kWh"


def test_a_fault_of_a_site_that_is_gone() -> None:
    fleet = demo_fleet()
    assert tables.fault_lines(fleet.faults(device="ember-102"), {}, NOW_MS)[0].site == "ember-102"


def test_the_page_of_all_faults(pages: Pages) -> None:
    assert pages.text("/faults").count("still active") == 3
    assert pages.text("/faults?show=all").count('data-label="Fault"') == 9
    assert pages.text("/faults?show=ended&code=no_heat").count('data-label="Fault"') == 2
    assert pages.text("/faults?show=all&days=1").count('data-label="Fault"') == 3
    assert "No fault matches" in pages.text("/faults?device=ember-101")


def test_events_in_words(pages: Pages) -> None:
    line = tables.event_lines(pages.fleet.events("ember-102"), "America/Los_Angeles", NOW_MS)[1]
    assert (line.label, line.detail) == ("Agent started", "version 0.1.0, restarts 2")
    assert line.at == "17 Jun 10:10"
    assert pages.fleet.events("ember-102")[1].at_ms == NOW_MS - DAY_MS


def test_one_fault_is_not_called_faults(pages: Pages) -> None:
    assert '<span class="count">1 fault</span>' in pages.text("/faults?device=ember-104")
