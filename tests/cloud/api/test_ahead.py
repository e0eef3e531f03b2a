"""Energy by the site's own periods, and what will need somebody."""

import pytest

from agent.domain import signals as sg
from tests.cloud.api.conftest import Api


def test_days_of_the_site_add_up_to_what_the_counters_gained(api: Api) -> None:
    asked = "device=ember-101&from=2026-06-11T00:00:00%2B02:00&to=2026-06-18T00:00:00%2B02:00"
    days = api.json(f"/energy/periods?{asked}")
    assert (days["timezone"], days["by"], len(days["periods"])) == ("Europe/Berlin", "day", 7)
    assert days["periods"][0]["start"] == "2026-06-10T22:00:00.000Z"
    totals = api.json(f"/energy?{asked}")["totals"]
    summed = sum(period["wh"][sg.PV_ENERGY_TOTAL] for period in days["periods"])
    assert summed == pytest.approx(totals[sg.PV_ENERGY_TOTAL], rel=0.02)


@pytest.mark.parametrize(("by", "count"), [("week", 2), ("month", 1), ("year", 1), ("lifetime", 1)])
def test_longer_periods(api: Api, by: str, count: int) -> None:
    asked = f"device=ember-101&by={by}&from=2026-06-10T00:00:00Z&to=2026-06-18T00:00:00Z"
    assert len(api.json(f"/energy/periods?{asked}")["periods"]) == count


def test_what_is_refused(api: Api) -> None:
    assert api.get("/energy/periods?device=nobody").status_code == 404
    assert api.get("/energy/periods?device=ember-101&by=hour").status_code == 422
    assert api.get("/energy/periods?device=ember-101&from=2020-01-01T00:00:00Z").status_code == 422
    assert api.get("/energy/periods?device=ember-101&from=2000-01-01T00:00:00Z").status_code == 422


def test_maintenance_newest_first_and_only_what_can_be_read(api: Api) -> None:
    (item,) = api.json("/maintenance?device=ember-101")["items"]
    assert (item["code"], item["days_low"], item["days_high"]) == ("water_pressure", 9.2, 13.8)
    assert api.json("/maintenance?device=ember-102")["items"] == []
    assert api.get("/maintenance?device=nobody").status_code == 404
