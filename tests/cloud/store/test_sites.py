"""A site's row from a reported document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import signals as sg
from agent.domain.reliability import EpisodeReliability
from cloud.ports import ActiveFault
from cloud.store.sites import DeviceRow, pooled, site

HOUR_MS = 3_600_000
DOC = {
    "agent": {"version": "0.1.0"},
    "site": {"name": "Mill Lane 4", "latitude": 52.5, "longitude": 13, "timezone": "Europe/Berlin"},
    "sources": {"inverter": {"reachable": True, "equipment": {"maker": "Fronius", "model": "Symo"}}},
    "last": {"at_ms": 7, "values": {sg.PV_POWER: 1234}, "bad": {sg.BATTERY_SOC: "missing"}},
    "health": {"backlog": 3},
}


def test_everything_that_was_reported_is_shown() -> None:
    fault = ActiveFault("f", "no_heat", "major", "boiler", 5)
    row = site(DeviceRow("site-01", 1, 2, True, DOC), [fault], [])
    assert (row.name, row.timezone, row.latitude, row.longitude) == ("Mill Lane 4", "Europe/Berlin", 52.5, 13.0)
    assert row.equipment == {"inverter": {"maker": "Fronius", "model": "Symo"}}
    assert (row.last_at_ms, row.last_values, row.last_bad) == (7, {sg.PV_POWER: 1234.0}, {sg.BATTERY_SOC: "missing"})
    assert (row.agent_version, row.backlog, row.active_faults, row.online) == ("0.1.0", 3, [fault], True)
    assert (row.failures, row.mtbf_hours, row.mtbf_low_hours) == (0, None, None)


def test_a_site_watched_for_more_codes_does_not_look_the_better() -> None:
    states = [
        EpisodeReliability(2, 2, 60 * HOUR_MS, HOUR_MS).state(),
        EpisodeReliability(1, 1, 30 * HOUR_MS, 0).state(),
    ]
    row = site(DeviceRow("site-01", 1, 2, None, {}), [], states)
    assert (row.failures, row.mtbf_hours) == (3, 20.0)
    assert row.mtbf_low_hours == pytest.approx(pooled(states).mtbf_interval_hours()[0])  # type: ignore[index]
    assert row.name == "site-01"


def test_a_code_that_every_signal_has_of_its_own_does_not_make_the_home_older() -> None:
    gaps = {**EpisodeReliability(1, 1, 24 * 30 * HOUR_MS, 0).state(), "components": 24}
    battery = EpisodeReliability(2, 2, 30 * HOUR_MS, 0).state()
    assert site(DeviceRow("site-01", 1, 2, None, {}), [], [gaps, battery]).mtbf_hours == 10.0


def test_numbers_that_cannot_be_are_left_out() -> None:
    doc = {"site": {"latitude": 10**400}, "last": {"at_ms": 10**400, "values": {sg.PV_POWER: 10**400}}}
    row = site(
        DeviceRow("site-01", 1, 2, None, doc),
        [],
        [{"failures": -3, "up_ms": 5}, {"failures": 2**60, "up_ms": 5, "components": -1}],
    )
    assert (row.latitude, row.last_at_ms, row.last_values, row.failures) == (None, None, {}, 0)


@given(
    st.dictionaries(
        st.sampled_from(["site", "sources", "last", "agent", "health"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=3),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["name", "values", "bad", "equipment", "at_ms", "latitude"]), inner)
            ),
            max_leaves=10,
        ),
    )
)
def test_any_document_gives_a_row(doc: dict[str, object]) -> None:
    assert site(DeviceRow("site-01", 1, 2, None, doc), [], []).device == "site-01"
