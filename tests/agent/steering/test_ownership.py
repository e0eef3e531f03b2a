from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadSetup
from agent.domain.twin import merge_patch
from agent.steering.ownership import check_wishes, conflicts, leaves, overlay, taken_over

SITE: dict[str, Any] = {
    "device": {"id": "home-1"},
    "poll": {"interval_s": 60},
    "source": [
        {"name": "inverter", "profile": "sunspec", "host": "10.0.0.5"},
        {"name": "heating", "profile": "samson-trovis-557x", "host": "10.0.0.6", "unit": 246},
    ],
    "diagnosis": {"low_water_pressure": {"lowest": 0.8}},
}


@pytest.mark.parametrize(
    ("doc", "says"),
    [
        ({"poll": {"interval_s": -5}}, r"desired.poll.interval_s: got -5, expected a number from 1 to 86400"),
        ({"poll": {"interval_s": "60"}}, "expected a number"),
        ({"poll": {"interval_s": True}}, "expected a number"),
        ({"poll": {"intervall_s": 60}}, "unknown, expected one of budget_s, interval_s"),
        ({"poll": [60]}, "expected an object"),
        ({"source": []}, "is set in the site file, by a person on site"),
        ({"nonsense": {}}, "unknown, expected one of diagnosis, model"),
        ({"uplink": {"cafile": "x"}}, "is set in the site file"),
        ({"uplink": {"port": 70_000}}, "1 to 65535"),
        ({"sources": {"boiler": {"profile": "x"}}}, "no such source, this site has inverter, heating"),
        ({"sources": {"heating": {"unit": 247}}}, "is set in the site file"),
        ({"sources": {"heating": {"profile": "../../etc/passwd"}}}, "without a folder"),
        ({"sources": {"heating": 5}}, "expected an object"),
        ({"tariff": {"currency": "euro"}}, "three letters"),
    ],
)
def test_a_wish_that_cannot_be(doc: dict[str, Any], says: str) -> None:
    with pytest.raises(BadSetup, match=says):
        check_wishes(doc, SITE)


def test_wishes_are_laid_over_the_site_file() -> None:
    doc = {
        "poll": {"interval_s": 30},
        "diagnosis": {"window_s": 300},
        "sources": {"heating": {"profile": "other", "variants": ["a"]}},
    }
    check_wishes(doc, SITE)
    merged = overlay(SITE, doc)
    assert merged["poll"] == {"interval_s": 30}
    assert merged["diagnosis"] == {"low_water_pressure": {"lowest": 0.8}, "window_s": 300}
    assert merged["source"][0] == SITE["source"][0]
    assert merged["source"][1] == SITE["source"][1] | {"profile": "other", "variants": ["a"]}
    assert merged["device"] == SITE["device"]


def test_an_edit_on_site_of_what_the_fleet_took_over_is_a_conflict() -> None:
    doc = {"poll": {"interval_s": 30}, "sources": {"heating": {"profile": "other"}}}
    taken = taken_over(doc, SITE, {})
    assert taken == {"poll.interval_s": 60, "sources.heating.profile": "samson-trovis-557x"}
    assert conflicts(doc, SITE, taken) == {}
    edited = merge_patch(SITE, {"poll": {"interval_s": 10}})
    assert conflicts(doc, edited, taken) == {"poll.interval_s": {"site": 10, "fleet": 30}}
    assert taken_over(doc, edited, taken) == taken, "what the fleet took over first stays the base"
    assert conflicts(doc, merge_patch(SITE, {"poll": {"interval_s": 30}}), taken) == {}, "on site they agree now"
    assert conflicts(doc, merge_patch(SITE, {"poll": None}), taken) == {}, "on site nothing is said any more"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
keys = st.sampled_from(
    ["poll", "uplink", "diagnosis", "sources", "model", "tariff", "heating", "interval_s", "profile"]
)


@given(st.dictionaries(keys | st.text(max_size=5), st.dictionaries(keys, values, max_size=3) | values, max_size=4))
def test_any_document_is_checked_without_a_crash(doc: dict[str, Any]) -> None:
    try:
        check_wishes(doc, SITE)
    except BadSetup:
        return
    overlay(SITE, doc)
    leaves(doc)
