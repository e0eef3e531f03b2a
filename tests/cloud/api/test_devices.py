import pytest

from agent.domain import signals as sg
from cloud.ports import Site
from tests.cloud.api.conftest import Api

DESIRED = "/devices/ember-102/twin/desired"


def ids(page: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["device"] for item in page["items"]]


def test_all_devices_are_listed_in_order(api: Api) -> None:
    page = api.json("/devices")
    assert ids(page) == [f"ember-10{number}" for number in range(1, 9)]
    assert (page["total"], page["next"]) == (8, None)


def test_pages_join_to_the_whole(api: Api) -> None:
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = api.json(f"/devices?limit=3&offset={offset}")
        assert page["total"] == 8
        seen += ids(page)
        offset = page["next"]
    assert seen == ids(api.json("/devices"))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("online=false", {"ember-107", "ember-108"}),
        ("fault=any", {"ember-102", "ember-104", "ember-105"}),
        ("fault=no_heat", {"ember-104"}),
        ("fault=none&online=true", {"ember-101", "ember-103", "ember-106"}),
        ("fault=gap", set()),
    ],
)
def test_filters(api: Api, query: str, expected: set[str]) -> None:
    assert set(ids(api.json(f"/devices?{query}"))) == expected


def test_a_device_says_what_the_store_knows(api: Api) -> None:
    device = api.json("/devices/ember-102")
    site = api.fleet.site("ember-102")
    assert isinstance(site, Site)
    assert device["state"] == "online"
    assert device["last"]["values"] == site.last_values
    assert device["last"]["age_s"] == 20.0
    assert device["last_contact"] == "2026-06-18T17:09:40.000Z"
    assert device["faults"][0]["code"] == "battery_not_charging"
    assert device["faults"][0]["start"] == "2026-06-18T12:10:00.000Z"


def test_a_device_that_never_spoke_has_no_reading(api: Api) -> None:
    device = api.json("/devices/ember-108")
    assert (device["state"], device["last"], device["mtbf_hours"], device["backlog"]) == ("never", None, None, None)


def test_what_json_cannot_carry_is_left_out(api: Api) -> None:
    api.fleet.change("ember-101", last_values={sg.PV_POWER: float("nan"), sg.LOAD_POWER: 5.0}, last_at_ms=10**17)
    device = api.json("/devices/ember-101")
    assert device["last"]["values"] == {sg.LOAD_POWER: 5.0}
    assert device["last"]["at"].startswith("9999")


def test_signals_have_their_units(api: Api) -> None:
    rows = {row["signal"]: row for row in api.json("/devices/ember-102/signals")["items"]}
    assert rows[sg.BATTERY_SOC]["unit"] == "%"
    assert rows[sg.GRID_POWER]["meaning"] == "positive = import"


@pytest.mark.parametrize("tail", ["", "/twin", "/signals", f"/series?signal={sg.PV_POWER}"])
def test_an_unknown_device_is_not_found(api: Api, tail: str) -> None:
    error = api.problem(f"/devices/nobody{tail}", 404)
    assert (error["field"], error["value"]) == ("device", "nobody")


def test_a_patch_is_merged_at_the_version_it_was_made_on(api: Api) -> None:
    assert api.get("/devices/ember-102/twin").headers["etag"] == '"3"'
    answer = api.call(
        "PATCH", DESIRED, json={"poll_s": 30, "rules": {"dead_band_w": None}}, headers={"If-Match": '"3"'}
    )
    assert answer.status_code == 200
    assert answer.json() == {"version": 4, "doc": {"poll_s": 30, "rules": {}}}
    assert answer.headers["etag"] == '"4"'
    assert api.json("/devices/ember-102/twin")["desired"]["version"] == 4


def test_merge_patch_may_say_what_it_is(api: Api) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    assert api.call("PATCH", f"{DESIRED}?expected=3", content=b'{"a": 1}', headers=headers).status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_stale_write_is_refused_with_the_present_version(api: Api, method: str) -> None:
    error = api.problem(DESIRED, 409, method, json={"poll_s": 1}, headers={"If-Match": '"2"'})
    assert (error["value"], error["current"]) == (2, 3)
    assert api.json("/devices/ember-102/twin")["desired"]["doc"]["poll_s"] == 10


def test_put_replaces_the_document(api: Api) -> None:
    answer = api.call("PUT", f"{DESIRED}?expected=3", json={"rules": {"other": [1, 2]}})
    assert answer.json() == {"version": 4, "doc": {"rules": {"other": [1, 2]}}}


def test_put_takes_no_null(api: Api) -> None:
    error = api.problem(f"{DESIRED}?expected=3", 422, "PUT", json={"rules": {"other": None}})
    assert error["field"] == "body.rules.other"


@pytest.mark.parametrize(
    ("options", "status", "field"),
    [
        ({"json": {"a": 1}}, 422, "expected"),
        ({"json": {"a": 1}, "headers": {"If-Match": "newest"}}, 400, "If-Match"),
        ({"content": b"{", "headers": {"Content-Type": "application/json", "If-Match": "3"}}, 400, "body"),
        ({"json": [1], "headers": {"If-Match": "3"}}, 422, "body"),
        ({"content": b"x" * 70_000}, 413, "body"),
        (
            {
                "content": b'{"a":' * 30 + b"1" + b"}" * 30,
                "headers": {"Content-Type": "application/json", "If-Match": "3"},
            },
            422,
            "body",
        ),
        ({"content": b"[" * 60_000, "headers": {"Content-Type": "application/json"}}, 400, "body"),
    ],
)
def test_a_write_that_cannot_be_used(api: Api, options: dict[str, object], status: int, field: str) -> None:
    assert api.problem(DESIRED, status, "PATCH", **options)["field"] == field
    assert api.json("/devices/ember-102/twin")["desired"]["version"] == 3


def test_contradicting_versions_are_refused(api: Api) -> None:
    error = api.problem(f"{DESIRED}?expected=2", 422, "PATCH", json={"a": 1}, headers={"If-Match": "3"})
    assert error["field"] == "expected"
