"""The site file's sources are replaced, and every other line stays."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadSetup
from agent.domain.proof_change import Change
from agent.onsite.bench import SourcePlan
from agent.onsite.site_text import merged_text, new_text

OLD = """# Ours.
[device]
id = "mill"  # do not change

[[source]]
name = "old"
profile = "sunspec"
host = "10.0.0.1"

[source.correct]
flip = ["grid_power"]

# The broker.
[uplink]
host = "broker"
"""
NEW = SourcePlan(
    {"name": "new", "profile": "sunspec", "host": "10.0.0.2", "more_units": [200]}, Change(times={"a": 0.1})
)


def test_a_new_file_holds_what_was_said() -> None:
    table = tomllib.loads(new_text("mill", {"name": 'The "Mill"', "latitude": 52.5}, "/var/lib/x", [NEW]))
    assert table["device"] == {"id": "mill", "state": "/var/lib/x"}
    assert table["site"] == {"name": 'The "Mill"', "latitude": 52.5}
    assert table["source"] == [{**NEW.table, "correct": {"times": {"a": 0.1}}}]


def test_sources_are_replaced_and_comments_stay() -> None:
    text = merged_text(OLD, [NEW])
    table = tomllib.loads(text)
    assert [source["name"] for source in table["source"]] == ["new"]
    assert table["uplink"] == {"host": "broker"}
    assert "# do not change" in text
    assert "# The broker.\n[uplink]" in text


def test_to_replace_them_by_themselves_changes_nothing() -> None:
    once = merged_text(OLD, [NEW])
    assert merged_text(once, [NEW]) == once


@pytest.mark.parametrize("text", ["[device\n", 'source = [{ name = "inline" }]\n[device]\nid = "x"\n'])
def test_what_cannot_be_replaced_is_refused(text: str) -> None:
    with pytest.raises(BadSetup, match="site file"):
        merged_text(text, [NEW])


values = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=8), values, max_size=4))
def test_every_table_can_be_read_back(table: dict[str, object]) -> None:
    assert tomllib.loads(merged_text("", [SourcePlan(table)]))["source"] == [table]
