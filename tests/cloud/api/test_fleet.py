import pytest

from agent.domain.errors import BadSetup, Transient
from cloud.api.app import make_api
from cloud.ports import SILENT_AFTER_MS
from tests.cloud.api.conftest import Api
from tests.helpers.fleet import DAY_MS, NOW_MS, HandClock, demo_fleet
from tests.helpers.web import Client


def test_faults_newest_first_in_pages(api: Api) -> None:
    whole = api.json("/faults")["items"]
    assert len(whole) == 9
    assert [row["start"] for row in whole] == sorted((row["start"] for row in whole), reverse=True)
    first = api.json("/faults?limit=5")
    second = api.json(f"/faults?limit=5&offset={first['next']}")
    assert first["items"] + second["items"] == whole
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("active=true", 3),
        ("active=false", 6),
        ("device=ember-104", 3),
        ("code=no_heat&active=true", 1),
        (f"from={NOW_MS - DAY_MS}", 3),
        (f"to={NOW_MS - 4 * DAY_MS}", 3),
        ("code=gap", 0),
    ],
)
def test_fault_filters(api: Api, query: str, count: int) -> None:
    assert len(api.json(f"/faults?{query}")["items"]) == count


def test_a_fault_in_full(api: Api) -> None:
    fault = api.json("/faults?device=ember-102&active=true")["items"][0]
    assert (fault["active"], fault["end"], fault["lost_wh"], fault["failing_s"]) == (True, None, 4210.0, 18_000.0)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("device=nobody", 404, "device"),
        ("active=perhaps", 422, "active"),
        ("limit=0", 422, "limit"),
        ("limit=1001", 422, "limit"),
        ("offset=4999&limit=100", 422, "offset"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 422, "from"),
    ],
)
def test_fault_queries_that_cannot_be_used(api: Api, query: str, status: int, field: str) -> None:
    assert api.problem(f"/faults?{query}", status)["field"] == field


def test_quarantine_with_reasons(api: Api) -> None:
    rows = api.json("/quarantine")["items"]
    assert [(row["device"], row["reason"]) for row in rows] == [("ember-105", "checksum differs"), (None, "not JSON")]


def test_health(api: Api) -> None:
    health = api.json("/health")
    assert (health["status"], health["devices"], health["online"]) == ("ok", 8, 6)
    assert health["time"] == "2026-06-18T17:10:00.000Z"


@pytest.mark.parametrize(
    ("heard", "status", "broker"), [(True, "ok", "connected"), (None, "ok", "none"), (False, "degraded", "away")]
)
def test_health_says_whether_the_broker_is_heard(heard: bool | None, status: str, broker: str) -> None:
    health = Client(make_api(demo_fleet(), HandClock(), broker=lambda: heard)).json("/health")
    assert (health["status"], health["broker"]) == (status, broker)


def test_who_is_not_heard_of_is_not_online(api: Api) -> None:
    api.clock.at_ms += SILENT_AFTER_MS
    states = [device["state"] for device in api.json("/devices")["items"]]
    assert sorted(states) == ["never", "offline", *["silent"] * 6]
    assert api.json("/health")["online"] == api.json("/devices?online=true")["total"] == 0


@pytest.mark.parametrize("error", [Transient("database is locked"), BadSetup("fleet.db", "not a usable database")])
def test_a_database_that_is_away_is_said_so(api: Api, error: Exception) -> None:
    api.fleet.broken = error
    answer = api.get("/health")
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == str(error)
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("POST", "/devices", 405)])
def test_even_a_wrong_address_is_answered_in_the_same_shape(api: Api, method: str, path: str, status: int) -> None:
    api.problem(path, status, method)
