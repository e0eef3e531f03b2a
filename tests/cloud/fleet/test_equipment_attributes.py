"""What homes have: from columns, from tables, and as it changes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agent.domain.errors import BadSetup
from cloud.fleet.equipment_attributes import Attributes, AttributesJob, attributes_of, merged, read_equipment

ROWS = pa.table(
    {
        "device": pa.array(["a", "a", "b", "b", "c"]).dictionary_encode(),
        "firmware": pa.array(["1", "2", "1", None, None]).dictionary_encode(),
        "latitude": [48.5, 48.5, 50.0, 50.0, None],
    }
)


def test_values_and_what_changed() -> None:
    job = AttributesJob(("firmware", "latitude"))
    parts = pa.concat_tables([job.partial(ROWS.slice(0, 1)), job.partial(ROWS.slice(1))])
    found = attributes_of(job.finish(parts))
    assert found.by_device == {
        "a": {"firmware": "2", "latitude": "48.5"},
        "b": {"firmware": "1", "latitude": "50"},
        "c": {},
    }
    assert found.changing == {"firmware"}


def test_places_need_both_coordinates_on_earth() -> None:
    known = Attributes({"a": {"latitude": "48.5", "longitude": "11"}, "b": {"latitude": "1"}})
    assert known.places() == {"a": (48.5, 11.0)}
    with pytest.raises(BadSetup, match="equipment of a: latitude '91'"):
        Attributes({"a": {"latitude": "91", "longitude": "11"}}).places()
    with pytest.raises(BadSetup, match="longitude 'east'"):
        Attributes({"a": {"latitude": "9", "longitude": "east"}}).places()


def test_tables_as_csv_and_parquet_are_alike(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("device,model,latitude\na,X1,48.5\nb,,\n")
    pq.write_table(
        pa.table({"device": ["a", "b"], "model": ["X1", None], "latitude": [48.5, None]}), tmp_path / "e.parquet"
    )
    expected = {"a": {"model": "X1", "latitude": "48.5"}, "b": {}}
    assert read_equipment(tmp_path / "e.csv") == read_equipment(tmp_path / "e.parquet") == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("home,model\na,X1\n", "column 'device' is missing; found home, model"),
        ("", "column 'device' is missing; found none"),
        ("device,model\na,X1\n,X2\n", "row 3: field 'device' is empty"),
    ],
)
def test_a_bad_table_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "e.csv").write_text(text)
    with pytest.raises(BadSetup, match=said):
        read_equipment(tmp_path / "e.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_columns_are_separated_as_the_header_is(tmp_path: Path, separator: str) -> None:
    rows = [["device", "model", "latitude", "longitude"], ["a", "X1", "48.5", "11"]]
    (tmp_path / "e.csv").write_text("".join(f"{separator.join(row)}\n" for row in rows))
    assert read_equipment(tmp_path / "e.csv") == {"a": {"model": "X1", "latitude": "48.5", "longitude": "11"}}


def test_a_decimal_comma_is_one() -> None:
    assert Attributes({"a": {"latitude": "48,5", "longitude": "11,25"}}).places() == {"a": (48.5, 11.25)}


@pytest.mark.parametrize("name", ["e.csv", "e.parquet"])
def test_a_table_that_is_not_there_is_named_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSetup) as caught:
        read_equipment(tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: cannot be read: no such file"


def test_the_second_word_counts() -> None:
    assert merged({"a": {"x": "1", "y": "1"}}, {"a": {"x": "2"}, "b": {}}) == {"a": {"x": "2", "y": "1"}, "b": {}}
