"""Recordings: what is read, what is refused and how it is said."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.errors import BadInput, BadSetup
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    GRID_POWER,
    LOAD_POWER,
    PV_POWER,
    Quality,
    Reading,
    SignalName,
)
from agent.sources.recording import (
    MAPPINGS,
    OWN_NAMES,
    PUBLISHED,
    ColumnMapping,
    inspect_recording,
    mapping_of,
    read_recording,
)

START_MS = 1_496_568_540_000  # 2017-06-04T09:29:00Z


def write(folder: Path, text: str, name: str = "home.csv") -> Path:
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_bytes(text.encode())
    return path


def readings(folder: Path, text: str, mapping: ColumnMapping = OWN_NAMES, name: str = "home.csv") -> list[Reading]:
    return list(read_recording(write(folder, text, name), mapping))


@pytest.mark.parametrize("name", ["home.csv", "home.csv.gz"])
def test_rows_become_readings(tmp_path: Path, name: str) -> None:
    text = "time,pv_power,battery_power\n2017-06-04T09:29:00Z,732,-11\n2017-06-04T09:30:00Z,700.5,0\n"
    assert readings(tmp_path, text, name=name) == [
        Reading(START_MS, {PV_POWER: 732.0, BATTERY_POWER: -11.0}),
        Reading(START_MS + 60_000, {PV_POWER: 700.5, BATTERY_POWER: 0.0}),
    ]


@pytest.mark.parametrize(
    "stamp",
    ["2017-06-04T09:29:00Z", "2017-06-04T11:29:00+02:00", "2017-06-04 09:29:00+00:00", "1496568540", "1496568540.0"],
)
def test_instants_in_every_form(tmp_path: Path, stamp: str) -> None:
    assert readings(tmp_path, f"time,pv_power\n{stamp},1\n")[0].at_ms == START_MS


def test_milliseconds_are_kept(tmp_path: Path) -> None:
    got = readings(tmp_path, "time,pv_power\n2017-06-04T09:29:00.123Z,1\n2017-06-04T09:29:00.124Z,1\n")
    assert [reading.at_ms - START_MS for reading in got] == [123, 124]


def test_the_published_example_in_kw(tmp_path: Path) -> None:
    text = "time,pcons,pbatt,pdc,soc\n2017-06-04T09:29:00Z,0.115,-0.011,0.732,55\n"
    [reading] = readings(tmp_path, text, PUBLISHED)
    assert reading.values == pytest.approx({LOAD_POWER: 115, BATTERY_POWER: -11, PV_POWER: 732, BATTERY_SOC: 55})
    assert MAPPINGS["published"] is PUBLISHED


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_and_decimal_commas(tmp_path: Path, separator: str) -> None:
    text = "time,pv_power,battery_power\n2017-06-04T09:29:00Z,1.732:5,-11\n2017-06-04T09:30:00Z,700.5,\n"
    got = readings(tmp_path, text.replace(",", separator).replace(":5", ",5"))
    assert [reading.values for reading in got] == [{PV_POWER: 1732.5, BATTERY_POWER: -11.0}, {PV_POWER: 700.5}]
    with pytest.raises(BadInput, match=r"home\.csv:2: column pv_power: got '1,5 kW', expected a number"):
        readings(tmp_path, f"time{separator}pv_power\n1{separator}1,5 kW\n")


@pytest.mark.parametrize(
    ("stamp", "zoneless"),
    [("2017-06-04 09:29", True), ("2017-06-04T09:29:00Z", False), ("1496568540", False), ("soon", False)],
)
def test_times_without_a_zone_are_noticed(tmp_path: Path, stamp: str, zoneless: bool) -> None:
    assert inspect_recording(write(tmp_path, f"time,pv_power\n\n{stamp},1\n")).zoneless is zoneless
    assert not inspect_recording(write(tmp_path, "time,pv_power\n")).zoneless


def test_cells_without_a_good_value(tmp_path: Path) -> None:
    text = "time,pv_power,battery_soc\n1,,50\n2,nan,50\n3,-5,101\n4,inf,0\n5, 7 , \n"
    got = readings(tmp_path, text)
    assert [reading.values for reading in got] == [
        {BATTERY_SOC: 50},
        {BATTERY_SOC: 50},
        {},
        {BATTERY_SOC: 0},
        {PV_POWER: 7},
    ]
    missing, invalid = Quality.MISSING, Quality.INVALID
    assert [reading.bad for reading in got] == [
        {PV_POWER: missing},
        {PV_POWER: invalid},
        {PV_POWER: invalid, BATTERY_SOC: invalid},
        {PV_POWER: invalid},
        {BATTERY_SOC: missing},
    ]


def test_unknown_columns_are_ignored_but_told(tmp_path: Path) -> None:
    path = write(tmp_path, "time,note,pv_power,pcons\n1,hello,5,x\n")
    info = inspect_recording(path)
    assert info.signals == (PV_POWER,)
    assert info.ignored == ("note", "pcons")
    assert [reading.values for reading in read_recording(path)] == [{PV_POWER: 5}]


def test_a_mapping_from_the_site_file(tmp_path: Path) -> None:
    mapping = mapping_of({"Netz": ("grid_power", -1000.0)}, time="Zeit", zone="Europe/Rome")
    [reading] = readings(tmp_path, "Zeit,Netz,pv_power\n2017-06-04T11:29:00,1.5,20\n", mapping)
    assert reading == Reading(START_MS, {GRID_POWER: -1500.0, PV_POWER: 20.0})


def test_the_hour_that_autumn_has_twice(tmp_path: Path) -> None:
    stamps = ["2017-10-29T01:30:00", "2017-10-29T02:30:00", "2017-10-29T02:00:00", "2017-10-29T02:30:00"]
    text = "time,pv_power\n" + "".join(f"{stamp},1\n" for stamp in [*stamps, "2017-10-29T03:00:00"])
    got = [reading.at_ms for reading in readings(tmp_path, text, mapping_of({}, zone="Europe/Rome"))]
    assert [(later - got[0]) / 60_000 for later in got] == [0, 60, 90, 120, 150]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("when,pv_power", ["no column 'time'", "when, pv_power"]),
        ("time,watts", ["no column is a known signal", "time, watts"]),
        ("", ["no column 'time'", "none"]),
        ("time,pv_power,pv_power", ["pv_power is there twice"]),
    ],
)
def test_a_header_that_lacks_something(tmp_path: Path, header: str, words: list[str]) -> None:
    path = write(tmp_path, header + "\n")
    with pytest.raises(BadSetup) as caught:
        list(read_recording(path))
    for word in [str(path), *words]:
        assert word in str(caught.value)


def test_a_wanted_column_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, "time,pv_power\n1,2\n")
    with pytest.raises(BadSetup, match="no column for load_power; the columns are: time, pv_power"):
        list(read_recording(path, OWN_NAMES, [PV_POWER, LOAD_POWER]))
    with pytest.raises(BadSetup, match="no column 'pcons'"):
        list(read_recording(path, PUBLISHED))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("2017-06-04T09:30:00Z,abc", ["home.csv:3", "pv_power", "'abc'", "a number"]),
        ("yesterday,5", ["home.csv:3", "time", "'yesterday'", "ISO 8601"]),
        ("2017-06-04T09:30:00,5", ["home.csv:3", "time", "Z or an offset"]),
        ("2017-06-04T09:30:00Z,5,6", ["home.csv:3", "3 cells", "expected 2"]),
        ("2017-06-04T09:28:00Z,5", ["home.csv:3", "goes back by 60 s"]),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, row: str, words: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        readings(tmp_path, f"time,pv_power\n2017-06-04T09:29:00Z,1\n{row}\n")
    for word in words:
        assert word in str(caught.value)


def test_milliseconds_since_1970_are_not_seconds(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="seconds since 1970"):
        readings(tmp_path, f"time,pv_power\n{START_MS},1\n")


@pytest.mark.parametrize("rows", [3, 511, 512, 513, 1025])
def test_lines_are_right_in_every_batch(tmp_path: Path, rows: int) -> None:
    good = "".join(f"{n},1\n" for n in range(rows))
    with pytest.raises(BadInput, match=rf"home\.csv:{rows + 2}:"):
        readings(tmp_path, f"time,pv_power\n{good}{rows},x\n")
    with pytest.raises(BadInput, match=rf"home\.csv:{rows + 2}: time goes back"):
        readings(tmp_path, f"time,pv_power\n{good}0,1\n")


def test_rows_before_a_bad_one_are_given_batch_by_batch(tmp_path: Path) -> None:
    path = write(tmp_path, "time,pv_power\n" + "".join(f"{n},1\n" for n in range(600)) + "600,x\n")
    got = []
    with pytest.raises(BadInput):
        got.extend(read_recording(path))
    stream = read_recording(path)
    assert [next(stream).at_ms for _ in range(512)] == [n * 1000 for n in range(512)]


def test_a_repeated_instant_is_given_once(tmp_path: Path) -> None:
    text = "time,pv_power\n" + "".join(f"{n // 2},{n}\n" for n in range(1100))
    got = readings(tmp_path, text)
    assert [reading.at_ms for reading in got] == [n * 1000 for n in range(550)]
    assert got[1].values == {PV_POWER: 2}


def test_blank_lines_are_nothing(tmp_path: Path) -> None:
    assert len(readings(tmp_path, "time,pv_power\n1,1\n\n2,2\n\n")) == 2
    with pytest.raises(BadInput, match=":4:"):
        readings(tmp_path, "time,pv_power\n1,1\n\n2,x\n")


def test_only_a_header_is_an_empty_recording(tmp_path: Path) -> None:
    assert readings(tmp_path, "time,pv_power\n") == []


def test_a_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    assert len(readings(tmp_path, "\ufefftime,pv_power\r\n1,1\r\n2,2\r\n")) == 2


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00broken", b"time,pv_power\n1,1\n"])
def test_a_damaged_archive(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "home.csv.gz"
    path.write_bytes(content)
    with pytest.raises(BadSetup, match="cannot be read"):
        list(read_recording(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="cannot be read"):
        list(read_recording(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("columns", "zone", "words"),
    [
        ({"a": ("pv_powr", 1.0)}, "", "did you mean pv_power"),
        ({"a": ("pv_power", 0.0)}, "", "factor 0"),
        ({}, "Mars/Olympus", "'Mars/Olympus'"),
    ],
)
def test_a_bad_mapping(columns: dict[str, tuple[str, float]], zone: str, words: str) -> None:
    with pytest.raises(BadSetup, match=words):
        mapping_of(columns, zone=zone)


cells = st.one_of(st.none(), st.just("nan"), st.floats(-200, 2e6, allow_nan=False).map(lambda number: round(number, 3)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5000), cells, cells), max_size=40), st.booleans())
def test_every_cell_arrives_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, float | str | None, float | str | None]], iso: bool
) -> None:
    """Against a reading of one's own, cell by cell."""
    at = datetime(2024, 1, 1, tzinfo=UTC)
    lines, expected = ["time,pv_power,battery_soc"], []
    for step, *row in rows:
        at += timedelta(seconds=step)
        stamp = at.isoformat() if iso else str(int(at.timestamp()))
        lines.append(",".join([stamp, *("" if cell is None else str(cell) for cell in row)]))
        values: dict[SignalName, float] = {}
        bad: dict[SignalName, Quality] = {}
        for name, cell, high in ((PV_POWER, row[0], 1e6), (BATTERY_SOC, row[1], 100.0)):
            if cell is None:
                bad[name] = Quality.MISSING
            elif isinstance(cell, str) or not 0 <= cell <= high:
                bad[name] = Quality.INVALID
            else:
                values[name] = cell
        expected.append(Reading(int(at.timestamp() * 1000), values, bad))
    path = tmp_path_factory.mktemp("recording") / "home.csv"
    path.write_text("\n".join(lines) + "\n")
    assert list(read_recording(path)) == expected
