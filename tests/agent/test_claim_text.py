"""The site file keeps every line it had; what cannot be added in place is left to a person."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.claim_text import with_uplink

WANTED: dict[str, str | int] = {"host": "b", "port": 8883, "cafile": "ca.pem", "certfile": "d.pem"}


def test_a_file_without_the_table_gets_it_at_its_end() -> None:
    text = '# mine\n[device]\nid = "x"  # so\n'
    assert with_uplink(text, WANTED) == (
        text + '\n[uplink]\nhost = "b"\nport = 8883\ncafile = "ca.pem"\ncertfile = "d.pem"\n'
    )


def test_a_table_that_is_there_keeps_its_host_and_its_comments() -> None:
    text = '[uplink]  # the way out\nhost = "mine"\n# slow\nflush_interval_s = 60\n\n[poll]\ninterval_s = 5\n'
    changed = with_uplink(text, WANTED)
    assert changed is not None
    assert set(text.splitlines()) < set(changed.splitlines())
    assert tomllib.loads(changed)["uplink"] == {
        "host": "mine",
        "flush_interval_s": 60,
        "cafile": "ca.pem",
        "certfile": "d.pem",
    }


def test_what_is_there_already_changes_nothing() -> None:
    once = with_uplink("", WANTED)
    assert once is not None
    assert with_uplink(once, WANTED) == once


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        '[uplink]\nhost = "x"\ncertfile = "another.pem"\n',
        'uplink = { host = "x" }\n',
        'uplink.host = "x"\n',
        "uplink = 5\n",
    ],
)
def test_what_cannot_be_added_in_place_is_left_to_a_person(text: str) -> None:
    assert with_uplink(text, WANTED) is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_name_of_a_file_survives(host: str, name: str) -> None:
    changed = with_uplink("[poll]\n", {"host": host, "certfile": name})
    if changed is not None:
        assert tomllib.loads(changed)["uplink"] == {"host": host, "certfile": name}
