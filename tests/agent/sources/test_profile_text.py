"""Pointing into a profile's text."""

import pytest

from agent.domain.errors import BadSetup
from agent.sources.profile_text import Place, ProfileText

TEXT = """\
name = "t"

[limits]
unit = 3

[[register]]
signal = "one"

[[register]]
signal = "two"
"scale" = 2.0
map = { 1 = "a" }
"""


@pytest.mark.parametrize(
    ("place", "key", "line"),
    [
        (Place("limits", 0), "unit", 4),
        (Place("register", 0), "signal", 7),
        (Place("register", 1), "signal", 10),
        (Place("register", 1), "scale", 11),
        (Place("register", 1), "nothing", 9),
        (Place("register", 1), "", 9),
        (Place("register", 2), "signal", None),
        (Place("derived", 0), "signal", None),
    ],
)
def test_lines(place: Place, key: str, line: int | None) -> None:
    assert ProfileText("t.toml", TEXT).line_of(place, key) == line


def test_a_refusal_names_file_line_entry_and_field() -> None:
    with pytest.raises(BadSetup) as caught:
        ProfileText("t.toml", TEXT).refuse(Place("register", 1, "two"), "map.1", "got 'a', expected a number")
    assert str(caught.value) == "t.toml:12: register two, field map.1: got 'a', expected a number"
