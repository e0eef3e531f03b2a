import pytest

from agent.domain.reliability import EpisodeReliability
from cloud.ports import ReliabilityRow
from tests.cloud.api.conftest import Api
from tests.helpers.fleet import NOW_MS


def test_each_device_and_code(api: Api) -> None:
    rows = api.json("/mtbf?device=ember-102")["items"]
    assert [row["code"] for row in rows] == ["battery_not_charging", "no_solar_production"]
    figures = rows[0]["figures"]
    assert figures["failures"] == 7
    assert figures["mtbf_hours"] == pytest.approx(430 / 7)
    assert figures["mtbf_low_hours"] < figures["mtbf_hours"] < figures["mtbf_high_hours"]


def test_without_a_failure_there_is_a_bound_and_no_figure(api: Api) -> None:
    figures = api.json("/mtbf?device=ember-101&code=no_solar_production")["items"][0]["figures"]
    assert figures["mtbf_hours"] is None
    assert figures["mtbf_high_hours"] is None
    assert figures["mtbf_low_hours"] == pytest.approx(143.5, abs=0.1)


def test_the_published_figure_stands_beside_it(api: Api) -> None:
    published = api.json("/mtbf?device=ember-102&code=battery_not_charging")["items"][0]["published"]
    assert published == {"minutes": 20 * 29, "failures": 21, "mtbf_minutes": 20 * 29 / 21}


def test_a_state_without_the_published_figure(api: Api) -> None:
    state = EpisodeReliability(1, 1, 3_600_000, 60_000).state()
    api.fleet.reliability_list = [ReliabilityRow("ember-101", "gap", NOW_MS, state)]
    assert api.json("/mtbf")["items"][0]["published"] is None


def test_by_code_pools_the_fleet(api: Api) -> None:
    rows = {row["code"]: row for row in api.json("/mtbf?group=code")["items"]}
    states = [row.state for row in api.fleet.reliability(code="battery_not_charging")]
    pooled = EpisodeReliability()
    for state in states:
        pooled.merge(EpisodeReliability.from_state(state))
    row = rows["battery_not_charging"]
    assert (row["device"], row["devices"]) == (None, len(states))
    assert {name: row["figures"][name] for name in pooled.report()} == pooled.report()


def test_by_device_is_the_fleet_tables_figure(api: Api) -> None:
    rows = api.json("/mtbf?group=device")["items"]
    assert len(rows) == 8
    row = next(row for row in rows if row["device"] == "ember-104")
    assert (row["code"], row["figures"]["failures"], row["figures"]["mtbf_hours"]) == (None, 2, 340.0)


@pytest.mark.parametrize("value", [float("nan"), -1, 2**70])
def test_a_state_that_cannot_be_true_does_not_spoil_the_others(api: Api, value: float) -> None:
    api.fleet.reliability_list.append(ReliabilityRow("ember-101", "gap", NOW_MS, {"failures": value, "up_ms": 1}))
    rows = api.json("/mtbf")["items"]
    assert len(rows) == len(api.fleet.reliability_list) - 1
    assert all(row["code"] != "gap" for row in api.json("/mtbf?group=code")["items"])


def test_what_it_refuses(api: Api) -> None:
    assert api.problem("/mtbf?device=nobody", 404)["field"] == "device"
    assert api.problem("/mtbf?group=moon", 422)["field"] == "group"
