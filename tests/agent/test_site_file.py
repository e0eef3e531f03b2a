"""The site file with wishes in it: checked whole, the same in every way that is not wished for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.config import AgentSettings, load
from agent.domain.errors import BadSetup
from agent.site_file import SiteFile, in_force
from agent.steering.vault import Kept, Trial, Vault, Wish

SITE = """
[device]
id = "home-1"
[poll]
interval_s = 60
budget_s = 20
[[source]]
name = "heating"
profile = "samson-trovis-557x"
host = "127.0.0.1"
[uplink]
host = "broker.example.org"
"""


def site_settings(folder: Path) -> AgentSettings:
    (folder / "site.toml").write_text(SITE)
    return load(folder / "site.toml")


@pytest.fixture
def alone(tmp_path: Path) -> AgentSettings:
    return site_settings(tmp_path)


def test_without_wishes_it_is_the_site_file(alone: AgentSettings) -> None:
    assert SiteFile(alone).with_wishes({}) is alone
    SiteFile(alone).check({})


def test_wishes_change_what_they_name_and_nothing_else(alone: AgentSettings) -> None:
    doc = {
        "poll": {"interval_s": 30},
        "uplink": {"flush_interval_s": 60, "host": "new.example.org"},
        "diagnosis": {"low_water_pressure": {"lowest": 0.7}},
        "sources": {"heating": {"profile": "sunspec"}},
    }
    site = SiteFile(alone)
    site.check(doc)
    new = site.with_wishes(doc)
    assert (new.interval_s, new.budget_s) == (30, 20)
    assert new.uplink is not None
    assert (new.uplink.host, new.uplink.flush_interval_s) == ("new.example.org", 60)
    assert new.diagnosis.low_water_pressure.lowest == 0.7
    assert (new.device, new.state, new.clock, new.table) == (alone.device, alone.state, alone.clock, alone.table)


def test_another_interval_for_a_while_takes_its_own_budget(alone: AgentSettings) -> None:
    hurried = SiteFile(alone).with_wishes({}, 5)
    assert (hurried.interval_s, hurried.budget_s) == (5, 4)


def test_a_model_is_asked_of_whoever_holds_models(alone: AgentSettings) -> None:
    class Models:
        def check(self, wish: Mapping[str, Any]) -> None:
            if wish.get("version") != "7":
                raise BadSetup("desired.model", "unknown")

        async def use(self, wish: Mapping[str, Any] | None) -> None: ...

    SiteFile(alone, Models()).check({"model": {"version": "7"}})
    with pytest.raises(BadSetup, match="unknown"):
        SiteFile(alone, Models()).check({"model": {"version": "8"}})
    with pytest.raises(BadSetup, match="no model other than its own"):
        SiteFile(alone).check({"model": {"version": "7"}})


def test_a_look_from_the_side_sees_what_the_agent_uses(alone: AgentSettings) -> None:
    alone.state.mkdir()
    vault = Vault(alone.state)
    assert in_force(alone) is alone
    good, trial = Wish(1, {"poll": {"interval_s": 30}}), Wish(2, {"poll": {"interval_s": 20}})
    vault.save(Kept(good))
    assert in_force(alone).interval_s == 30
    vault.save(Kept(good, Trial(trial, [])))
    assert in_force(alone).interval_s == 20
    vault.save(Kept(good, Trial(Wish(3, {"poll": {"interval_s": -1}}), [])))
    assert in_force(alone).interval_s == 30


keys = st.sampled_from(
    "poll uplink diagnosis sources heating interval_s budget_s profile variants signals correct timeout_s window_s "
    "max_gap_s low_water_pressure lowest debounce_s port host tariff currency model source site".split()
) | st.text(max_size=4)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["sunspec", "samson-trovis-557x", "pv_power"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=400)
@given(doc=st.dictionaries(keys, values, max_size=4))
def test_any_wish_can_be_used_or_is_refused(doc: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    site = SiteFile(site_settings(tmp_path_factory.getbasetemp()))
    try:
        site.check(doc)
    except BadSetup:
        return
    assert site.with_wishes(doc).device == "home-1"


def test_what_was_checked_is_not_made_again(alone: AgentSettings) -> None:
    site = SiteFile(alone)
    site.check({})
    first = site.parts(alone)
    assert first.settings is alone
    assert site.parts(alone) is not first, "given away once"


def test_a_way_out_changes_no_device(alone: AgentSettings) -> None:
    site = SiteFile(alone)
    present = site.parts(alone)
    elsewhere = site.with_wishes({"uplink": {"host": "new.example.org"}})
    assert site.parts(elsewhere, present) is present
    faster = site.with_wishes({"poll": {"interval_s": 30}})
    assert site.parts(faster, present).settings is faster
