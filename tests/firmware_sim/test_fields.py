import pytest

from firmware_sim.errors import BadScenario
from firmware_sim.failures import Silence
from firmware_sim.fields import Fields


def fields(**table: object) -> Fields:
    return Fields("site.toml", "part", table)


def test_values_come_out_as_they_are() -> None:
    table = fields(a="x", b=1.5, c=3, d="silent", e=["p", "q"], f={"g": 1}, h=[{"i": 2}])
    assert table.text("a") == "x"
    assert table.number("b", 0, 2) == 1.5
    assert table.whole("c", 0, 5) == 3
    assert table.word("d", Silence) is Silence.SILENT
    assert table.texts("e") == ("p", "q")
    assert table.table("f").whole("g", 0, 5) == 1
    assert table.tables("h")[0].whole("i", 0, 5) == 2
    table.end()


def test_defaults_stand_in_for_what_is_not_there() -> None:
    table = fields()
    assert (table.text("a", "x"), table.number("b", 0, 2, 1.0), table.word("c", Silence, Silence.REFUSE)) == (
        "x", 1.0, Silence.REFUSE,
    )  # fmt: skip
    assert table.texts("d") == ()


@pytest.mark.parametrize(
    ("table", "read", "problem"),
    [
        ({}, lambda f: f.text("a"), "part.a: is missing; expected a text"),
        ({"a": 5}, lambda f: f.text("a"), "part.a: 5 is not a text"),
        ({"a": "x"}, lambda f: f.number("a", 0, 2), "part.a: 'x' is out of place; expected a number from 0 to 2"),
        ({"a": True}, lambda f: f.number("a", 0, 2), "part.a: True is out of place"),
        ({"a": float("nan")}, lambda f: f.number("a", 0, 2), "part.a: nan is out of place"),
        ({"a": 3}, lambda f: f.number("a", 0, 2), "part.a: 3 is out of place"),
        ({"a": 1.5}, lambda f: f.whole("a", 0, 2), "part.a: 1.5 is not whole"),
        ({"a": "loud"}, lambda f: f.word("a", Silence), "part.a: 'loud' is not known; expected one of refuse, silent"),
        ({"a": "x"}, lambda f: f.table("a"), "part.a: 'x' is not a table"),
        ({"a": {}}, lambda f: f.tables("a"), "part.a: is not a list of tables"),
        ({"a": [1]}, lambda f: f.texts("a"), "part.a: [1] is not a list of texts"),
    ],
)
def test_a_bad_value_is_one_clear_line(table: dict[str, object], read: object, problem: str) -> None:
    assert callable(read)
    with pytest.raises(BadScenario) as caught:
        read(fields(**table))
    assert str(caught.value).startswith(f"site.toml: {problem}")
    assert "\n" not in str(caught.value)


def test_what_nobody_took_is_refused_and_the_nearest_name_told() -> None:
    table = fields(latitud=1)
    table.number("latitude", -90, 90, 0.0)
    with pytest.raises(BadScenario, match=r"part\.latitud: is not a known field; did you mean latitude"):
        table.end()
