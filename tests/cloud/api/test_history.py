import csv
import io

import pytest

from agent.domain import signals as sg
from cloud.api.history import gained
from cloud.ports import EnergyRow
from tests.cloud.api.conftest import Api
from tests.helpers.fleet import DAY_MS, HOUR_MS, NOW_MS

SERIES = f"/devices/ember-102/series?signal={sg.PV_POWER}"


def test_by_default_the_last_day_in_steps_that_fit(api: Api) -> None:
    series = api.json(SERIES)
    assert (series["unit"], series["step_s"]) == ("W", 300)
    assert (series["start"], series["end"]) == ("2026-06-17T17:10:00.000Z", "2026-06-18T17:10:00.000Z")
    assert 200 < len(series["points"]) <= 288
    assert all(point["low"] <= point["mean"] <= point["high"] for point in series["points"])


def test_iso_and_milliseconds_mean_the_same(api: Api) -> None:
    by_number = api.json(f"{SERIES}&from={NOW_MS - DAY_MS}&to={NOW_MS}&step=3600")
    by_text = api.json(f"{SERIES}&from=2026-06-17T17:10:00Z&to=2026-06-18T19:10:00%2B02:00&step=3600")
    assert by_text == by_number
    unescaped_plus = api.json(f"{SERIES}&from=2026-06-17T17:10:00Z&to=2026-06-18T19:10:00+02:00&step=3600")
    assert unescaped_plus == by_number


def test_csv_holds_the_same_points(api: Api) -> None:
    query = f"{SERIES}&step=3600"
    answer = api.get(f"{query}&format=csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert 'filename="ember-102-' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    points = api.json(query)["points"]
    assert [(row["time"], float(row["mean"]), int(row["n"])) for row in rows] == [
        (point["at"], point["mean"], point["n"]) for point in points
    ]


def test_a_step_without_a_good_sample_is_empty_not_zero(api: Api) -> None:
    query = f"/devices/ember-103/series?signal={sg.OUTDOOR_TEMPERATURE}&step=21600"
    point = api.json(query)["points"][0]
    assert (point["mean"], point["n"], point["bad"]) == (None, 0, 4)
    assert api.get(f"{query}&format=csv").text.splitlines()[1].endswith(",,,,,0,4")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("from=2026-06-17T17:10:00", "from"),
        ("to=1e99", "to"),
        ("from=2030-01-01T00:00:00Z", "from"),
        ("step=0", "step"),
        ("step=1", "step"),
        ("format=xml", "format"),
    ],
)
def test_a_period_that_cannot_be_used(api: Api, query: str, field: str) -> None:
    assert api.problem(f"{SERIES}&{query}", 422)["field"] == field


def test_an_unknown_signal_names_its_neighbours(api: Api) -> None:
    error = api.problem("/devices/ember-102/series?signal=pv_powr", 422)
    assert error["field"] == "signal"
    assert sg.PV_POWER in error["message"]
    assert api.problem("/devices/ember-102/series", 422)["field"] == "signal"


def test_energy_gains_over_the_period(api: Api) -> None:
    energy = api.json(f"/energy?device=ember-102&from={NOW_MS - 2 * HOUR_MS}&limit=1000")
    assert not energy["thinned"]
    first, last = energy["points"][0]["counters"], energy["points"][-1]["counters"]
    assert energy["totals"] == pytest.approx({name: last[name] - first[name] for name in first})


def test_energy_is_thinned_to_the_limit(api: Api) -> None:
    energy = api.json(f"/energy?device=ember-102&from={NOW_MS - 7 * DAY_MS}&limit=50")
    assert energy["thinned"]
    assert len(energy["points"]) <= 50
    whole = api.json(f"/energy?device=ember-102&from={NOW_MS - 7 * DAY_MS}&limit=1000")
    assert energy["totals"] == whole["totals"]


def test_energy_is_bounded(api: Api) -> None:
    assert api.problem("/energy?device=ember-102&from=0", 422)["field"] == "from"
    assert api.problem("/energy", 422)["field"] == "device"


def test_a_counter_that_begins_again_counts_from_zero() -> None:
    rows = [EnergyRow(at, {sg.PV_ENERGY_TOTAL: value}, True) for at, value in enumerate((100.0, 150.0, 20.0, 30.0))]
    assert gained(rows) == {sg.PV_ENERGY_TOTAL: 50.0 + 20.0 + 10.0}


def test_events_of_a_device(api: Api) -> None:
    rows = api.json("/events?device=ember-102&limit=1")["items"]
    assert [(row["name"], row["detail"]) for row in rows] == [("link_restored", {"offline_s": 312})]
    assert api.problem("/events?device=nobody", 404)["field"] == "device"
