"""What a person is told whose table does not fit."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from agent.domain.misfit import misfit


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    unit: int
    source: str


class Cable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="carrier", tag="cable"):
    baud: int = 9600


class Radio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="carrier", tag="radio"):
    channel: int = 1


class Role(StrEnum):
    VIEWER = "viewer"
    MANAGER = "manager"


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: Role


class Whole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: int | None = None
    host: str = ""
    password: str = ""
    kind: Literal["mqtt", "https"] = "mqtt"
    sign: Literal[1, -1] = 1
    wait_s: float = 1.0
    units: list[Unit] = []
    factors: dict[str, float] = {}
    sources: list[dict[str, Any]] = []
    pair: tuple[int, str] = (1, "")
    way: Cable | Radio = Cable()
    limited: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    listed: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    role: Role = Role.VIEWER
    own: dict[str, Cable] = {}
    people: dict[str, Person] = {}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"prot": 1}, "unknown field `prot`, did you mean port?"),
        ({"units": [{"unit": 1, "source": "a", "q": 1}]}, "units[0]: unknown field `q`, expected one of unit, source"),
        ({"units": [{"unit": 1}]}, "units[0]: field `source` is missing, expected text"),
        ({"units": [{"unit": "x", "source": "a"}]}, "units[0].unit: got 'x', expected a whole number"),
        ({"units": {"unit": 1}}, "units: got {'unit': 1}, expected tables in double brackets, [[…]]"),
        ({"sources": {"name": "a"}}, "sources: got {'name': 'a'}, expected tables in double brackets, [[…]]"),
        ({"port": "x"}, "port: got 'x', expected a whole number"),
        ({"wait_s": "60s"}, "wait_s: got '60s', expected a number"),
        ({"wait_s": 10**400}, "wait_s: got 1" + "0" * 59 + "…, expected a number"),
        ({"kind": "ftp"}, "kind: got 'ftp', expected mqtt or https"),
        ({"sign": -2}, "sign: got -2, expected 1 or -1"),
        ({"factors": {"a.b": "x"}}, "factors: got {'a.b': 'x'}, expected a table"),
        ({"pair": [1, 2]}, "pair[1]: got 2, expected text"),
        ({"pair": [1]}, "pair: got [1], expected a list"),
        ({"way": {"carrier": "rado"}}, "way.carrier: got 'rado', expected cable or radio"),
        ({"way": {"carrier": "radio", "chanel": 1}}, "way: unknown field `chanel`, did you mean channel?"),
        ({"password": 5}, "password: got int, expected text"),
        (5, "it: got 5, expected a table"),
        ({"limited": 9}, "limited: got 9, expected a whole number, at least 1 and at most 5"),
        ({"listed": []}, "listed: got [], expected a list, of a length of at least 1"),
        ({"role": "boss"}, "role: got 'boss', expected viewer or manager"),
        ({"own": {"a.b": {"baud": 1}, "c": {"bode": 1}}}, "own.c: unknown field `bode`, expected one of baud"),
        ({"own": {"c": {"baud": "fast"}}}, "own.c.baud: got 'fast', expected a whole number"),
        ({"own": {"c": 5}}, "own.c: got 5, expected a table"),
        ({"people": {"anna": {}}}, "people.anna: field `role` is missing, expected viewer or manager"),
    ],
)
def test_the_field_its_value_and_what_was_expected(table: Any, told: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(table, Whole)
    assert misfit(refused.value, table, Whole) == told
