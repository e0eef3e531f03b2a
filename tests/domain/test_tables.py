"""Records side by side: what comes out is byte for byte what went in."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.errors import BadMessage
from agent.domain.records import Body, Energy, Event, Record, SignalSummary, Summary, Unknown, encode_body
from agent.domain.signals import BATTERY_SOC, PV_ENERGY_TOTAL, PV_POWER
from agent.domain.tables import EnergyTable, Shelf, SummaryTable, put_together, take_apart

MOST = 5_000
ROOM = 1 << 22
START_MS = 1_750_032_000_000


def window(number: int, mean: int = 500, missing: int = 0) -> Summary:
    signals = [SignalSummary(PV_POWER, 0, mean, 5, 7, -2, 15), SignalSummary(BATTERY_SOC, 1, 505, 0, 0, 0, 14, missing)]
    return Summary(START_MS + number * 900_000, 900, signals)


def record(seq: int, body: Body, *, late_ms: int = 0, clock: int = 0) -> Record:
    kind, raw = encode_body(body)
    return Record(seq, kind, START_MS + late_ms, msgspec.Raw(raw), clock)


def exact(records: list[Record]) -> list[tuple[int, str, int, bytes, int]]:
    return [(each.seq, each.kind, each.at_ms, bytes(each.body), each.clock) for each in records]


def test_what_is_alike_stands_in_one_table_and_the_rest_as_it_is() -> None:
    records = [record(4, window(0)), record(5, Event(1, "start")), record(7, window(1)), record(8, window(4, 900, 2))]
    shelf = take_apart(records)
    assert [table.rows for table in shelf.summaries] == [3]
    assert [each.seq for each in shelf.plain] == [5]
    assert exact(put_together(shelf, MOST, ROOM)) == exact(records)


def test_windows_of_another_length_are_another_table() -> None:
    merged = msgspec.structs.replace(window(3), window_s=3600, merged=4)
    records = [record(1, merged), record(2, window(5)), record(3, window(6))]
    shelf = take_apart(records)
    assert sorted(table.rows for table in shelf.summaries) == [1, 2]
    assert exact(put_together(shelf, MOST, ROOM)) == exact(records)


@pytest.mark.parametrize(
    "body",
    [
        Unknown("summary", msgspec.msgpack.encode([START_MS, 900, [], 1, "a field of the future"])),
        Unknown("summary", b"\xc1 no body at all"),
        Unknown("energy", b"\x90"),
        Energy(1, {PV_ENERGY_TOTAL: math.nan}),
        Energy(1, {PV_ENERGY_TOTAL: math.inf}),
        Energy(1, {PV_ENERGY_TOTAL: 1e300}),
        Energy(1, {PV_ENERGY_TOTAL: 0.0001}),
        Energy(1, {PV_ENERGY_TOTAL: -0.0}),
    ],
    ids=str,
)
def test_what_a_table_cannot_hold_exactly_travels_as_it_is(body: Body) -> None:
    records = [record(1, body)]
    shelf = take_apart(records)
    assert (len(shelf.plain), shelf.summaries, shelf.energies) == (1, [], [])
    assert exact(put_together(shelf, MOST, ROOM)) == exact(records)


text = st.text(max_size=6)
int64 = st.integers(-(2**63), 2**63 - 1)
summaries = st.builds(
    Summary,
    int64,
    int64,
    st.lists(st.builds(SignalSummary, text, *[int64] * 10), max_size=3),
    st.integers(-2, 2),
)
energies = st.builds(Energy, int64, st.dictionaries(text, st.floats() | st.integers(-9, 9).map(float)), st.booleans())


@given(st.lists(st.tuples(summaries | energies, int64, st.integers(0, 2)), max_size=6), st.integers(1, 2**62))
def test_any_records_come_back(some: list[tuple[Summary | Energy, int, int]], first: int) -> None:
    records = []
    for at, (body, at_ms, clock) in enumerate(some):
        kind, raw = encode_body(body)
        records.append(Record(first + at, kind, at_ms, msgspec.Raw(raw), clock))
    assert exact(put_together(take_apart(records), MOST, ROOM)) == exact(records)


def table(rows: int, names: list[str], decimals: list[int] | None = None) -> SummaryTable:
    return SummaryTable(1, START_MS, 900, 1, rows, names, [0] * len(names) if decimals is None else decimals)


@pytest.mark.parametrize(
    ("shelf", "says"),
    [
        (Shelf([], [table(1, ["a"])], [], b"", b""), "numbers or more, 0 are there"),
        (Shelf([], [table(1, [])], [], bytes(5), bytes(5)), "4 numbers, 5 are there"),
        (Shelf([], [table(0, [])], [], b"", b""), "without rows"),
        (Shelf([], [table(-3, []), table(4, [])], [], b"", b""), "without rows"),
        (Shelf([], [table(MOST + 1, [])], [], b"", b""), "records, at most"),
        (Shelf([], [table(1, ["a"], [])], [], bytes(13), bytes(13)), "1 signals with 0 decimals"),
        (Shelf([], [], [], bytes(1 << 20), bytes(1 << 20)), "numbers, at most"),
        (Shelf([], [table(1000, ["x" * 10_000])], [], bytes(13_000), bytes(13_000)), "more than"),
        (Shelf([], [], [EnergyTable(1, 2**63, 2**63, True, 2, [])], bytes(8), bytes(8)), "tables: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_that_is_none_is_refused(shelf: Shelf, says: str) -> None:
    with pytest.raises(BadMessage, match=says):
        put_together(shelf, MOST, ROOM)
