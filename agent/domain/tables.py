"""Records of one shape, side by side: names once, numbers column by column, as steps from one record to the next.

Only what comes back byte for byte is put into a table; whatever else there is travels as it stands in the journal.
Windows follow each other and numbers rise by one, so a table holds only how far a record is from that.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Final, NamedTuple

import msgspec

from agent.domain import columns
from agent.domain.errors import BadMessage
from agent.domain.records import Energy, Record, SignalSummary, Summary, decode_body

MAX_NUMBERS: Final = 512 * 1024
_FIELDS: Final = 9  # of a signal in a window: see `SignalSummary`
_STEPPED: Final = frozenset({0, 4})  # mean and count are near those of the window before
_SUMMARY_HEAD: Final = 4
_ENERGY_HEAD: Final = 4
_MILLI: Final = 1000
_encoder: Final = msgspec.msgpack.Encoder()


class SummaryTable(msgspec.Struct, array_like=True, frozen=True):
    """`rows` summaries of the same signals; the first starts at `start_ms`, its record is number `seq`."""

    seq: int
    start_ms: int
    window_s: int
    merged: int
    rows: int
    names: list[str]
    decimals: list[int]


class EnergyTable(msgspec.Struct, array_like=True, frozen=True):
    """`rows` readings of the same counters, in thousandths of Wh; the first was at `at_ms`."""

    seq: int
    at_ms: int
    step_ms: int
    measured: bool
    rows: int
    names: list[str]


class Shelf(NamedTuple):
    """Records taken apart: those that travel as they are, the tables, and the numbers of all tables in two strings."""

    plain: Sequence[Record]
    summaries: Sequence[SummaryTable] = ()
    energies: Sequence[EnergyTable] = ()
    low: bytes = b""
    high: bytes = b""


def take_apart(records: Sequence[Record]) -> Shelf:
    """What can stand in tables, in tables."""
    plain: list[Record] = []
    summaries: dict[tuple[object, ...], list[tuple[Record, Summary]]] = {}
    energies: dict[tuple[object, ...], list[tuple[Record, Energy]]] = {}
    for record in records:
        body = _body_that_comes_back(record)
        if isinstance(body, Summary):
            shape = tuple((each.signal, each.decimals) for each in body.signals)
            summaries.setdefault((body.window_s, body.merged, shape), []).append((record, body))
        elif isinstance(body, Energy):
            energies.setdefault((body.measured, *body.counters), []).append((record, body))
        else:
            plain.append(record)
    numbers: list[int] = []
    summary_tables = [_summary_table(rows, numbers) for rows in summaries.values()]
    energy_tables = [_energy_table(rows, numbers) for rows in energies.values()]
    return Shelf(plain, summary_tables, energy_tables, *columns.pack(numbers))


def put_together(shelf: Shelf, most_records: int, most_bytes: int) -> list[Record]:
    """The records in the order of their numbers. Raises `BadMessage` for tables that hold too much, or not enough."""
    lengths = [*(table.rows for table in shelf.summaries), *(table.rows for table in shelf.energies)]
    count = len(shelf.plain) + sum(lengths)
    if min(lengths, default=1) < 1:
        raise BadMessage("a table without rows")
    if count > most_records:
        raise BadMessage(f"{count} records, at most {most_records} allowed")
    if len(shelf.low) > MAX_NUMBERS:
        raise BadMessage(f"tables of {len(shelf.low)} numbers, at most {MAX_NUMBERS} allowed")
    numbers = _Numbers(columns.unpack(shelf.low, shelf.high))
    records, room = list(shelf.plain), most_bytes
    try:
        for record in _all_of(shelf, numbers):
            room -= len(bytes(record.body))
            if room < 0:
                raise BadMessage(f"tables of more than {most_bytes} bytes")
            records.append(record)
    except (OverflowError, msgspec.EncodeError) as error:
        raise BadMessage(f"tables: {error}") from error
    numbers.end()
    if lengths:
        records.sort(key=lambda record: record.seq)
    return records


def _all_of(shelf: Shelf, numbers: "_Numbers") -> Iterator[Record]:
    for summaries in shelf.summaries:
        yield from _summaries_of(summaries, numbers)
    for energies in shelf.energies:
        yield from _energies_of(energies, numbers)


class _Numbers:
    """The numbers of all tables, handed out column by column."""

    def __init__(self, values: list[int]) -> None:
        self._values = values
        self._at = 0

    def block(self, width: int, rows: int) -> list[list[int]]:
        """The next `width` columns of `rows` each."""
        begin, self._at = self._at, self._at + width * rows
        if self._at > len(self._values):
            raise BadMessage(f"tables of {self._at} numbers or more, {len(self._values)} are there")
        return [self._values[at : at + rows] for at in range(begin, self._at, rows)]

    def end(self) -> None:
        if self._at != len(self._values):
            raise BadMessage(f"tables of {self._at} numbers, {len(self._values)} are there")


def _body_that_comes_back(record: Record) -> Summary | Energy | None:
    """The body when a table can hold it exactly."""
    if record.kind not in ("summary", "energy"):
        return None
    try:
        body = decode_body(record.kind, record.body)
    except BadMessage:
        return None
    if isinstance(body, Energy):
        if not all(abs(value) < 2**53 / _MILLI for value in body.counters.values()):
            return None
        counters = {name: _milli(value) / _MILLI for name, value in body.counters.items()}
        again = _encoder.encode(Energy(body.at_ms, counters, body.measured))
        return body if again == bytes(record.body) else None
    if isinstance(body, Summary) and _encoder.encode(body) == bytes(record.body):
        return body
    return None


def _milli(value: float) -> int:
    return round(value * _MILLI)


def _summary_table(rows: Sequence[tuple[Record, Summary]], numbers: list[int]) -> SummaryTable:
    record, first = rows[0]
    window_ms = first.window_s * 1000
    bodies = [body for _, body in rows]
    starts = [body.start_ms for body in bodies]
    numbers += _from_expected([record.seq for record, _ in rows], 1)
    numbers += _from_expected(starts, window_ms)
    numbers += [record.at_ms - body.start_ms - window_ms for record, body in rows]
    numbers += [record.clock for record, _ in rows]
    signals = [[_numbers_of(each) for each in body.signals] for body in bodies]
    for field in range(_FIELDS):
        for place in range(len(first.signals)):
            column = [row[place][field] for row in signals]
            numbers += _steps(column) if field in _STEPPED else column
    names = [each.signal for each in first.signals]
    decimals = [each.decimals for each in first.signals]
    return SummaryTable(record.seq, first.start_ms, first.window_s, first.merged, len(rows), names, decimals)


def _numbers_of(each: SignalSummary) -> tuple[int, ...]:
    bad = (each.stale, each.missing, each.invalid, each.estimated)
    return (each.mean, each.below, each.above, each.last, each.n, *bad)


def _summaries_of(table: SummaryTable, numbers: _Numbers) -> Iterator[Record]:
    if len(table.names) != len(table.decimals):
        raise BadMessage(f"table of {len(table.names)} signals with {len(table.decimals)} decimals")
    width, window_ms = len(table.names), table.window_s * 1000
    seqs, starts, delays, clocks = numbers.block(_SUMMARY_HEAD, table.rows)
    block = numbers.block(_FIELDS * width, table.rows)
    for field in _STEPPED:
        for at in range(field * width, (field + 1) * width):
            block[at] = list(accumulate(block[at]))
    heads = zip(
        _expected(seqs, table.seq, 1), _expected(starts, table.start_ms, window_ms), delays, clocks, strict=True
    )
    rows = zip(*block, strict=True) if block else iter([()] * table.rows)
    for (seq, start_ms, delay_ms, clock), row in zip(heads, rows, strict=True):
        fields = [row[field * width : (field + 1) * width] for field in range(_FIELDS)]
        signals = list(zip(table.names, table.decimals, *fields, strict=True))
        raw = _encoder.encode((start_ms, table.window_s, signals, table.merged))
        yield Record(seq, "summary", start_ms + window_ms + delay_ms, msgspec.Raw(raw), clock)


def _energy_table(rows: Sequence[tuple[Record, Energy]], numbers: list[int]) -> EnergyTable:
    record, first = rows[0]
    times = [body.at_ms for _, body in rows]
    step_ms = _first_step(times)
    numbers += _from_expected([record.seq for record, _ in rows], 1)
    numbers += _from_expected(times, step_ms)
    numbers += [record.at_ms - body.at_ms for record, body in rows]
    numbers += [record.clock for record, _ in rows]
    for name in first.counters:
        numbers += _steps([_milli(body.counters[name]) for _, body in rows])
    return EnergyTable(record.seq, times[0], step_ms, first.measured, len(rows), list(first.counters))


def _energies_of(table: EnergyTable, numbers: _Numbers) -> Iterator[Record]:
    seqs, times, delays, clocks = numbers.block(_ENERGY_HEAD, table.rows)
    block = [list(accumulate(column)) for column in numbers.block(len(table.names), table.rows)]
    heads = zip(
        _expected(seqs, table.seq, 1), _expected(times, table.at_ms, table.step_ms), delays, clocks, strict=True
    )
    rows = zip(*block, strict=True) if block else iter([()] * table.rows)
    for (seq, at_ms, delay_ms, clock), row in zip(heads, rows, strict=True):
        counters = {name: milli / _MILLI for name, milli in zip(table.names, row, strict=True)}
        raw = _encoder.encode(Energy(at_ms, counters, table.measured))
        yield Record(seq, "energy", at_ms + delay_ms, msgspec.Raw(raw), clock)


def _first_step(times: Sequence[int]) -> int:
    """What a message can carry of it: clocks that are 300 million years apart have no step in common."""
    step = times[1] - times[0] if len(times) > 1 else 0
    return step if abs(step) < 2**63 else 0


def _steps(column: Sequence[int]) -> list[int]:
    return [column[0], *(after - before for before, after in pairwise(column))]


def _from_expected(values: Sequence[int], step: int) -> list[int]:
    """How far each is from where the one before and `step` put it; the first is 0."""
    return [0, *(after - before - step for before, after in pairwise(values))]


def _expected(distances: Sequence[int], first: int, step: int) -> list[int]:
    """What `_from_expected` took."""
    return [value + at * step for at, value in enumerate(accumulate(distances, initial=first), -1)][1:]
