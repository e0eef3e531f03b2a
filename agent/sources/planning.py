"""Which requests to send: few, within the device's limits, and none that touches what it does not have. Pure."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

import msgspec

from agent.sources.profile import COIL_FUNCTIONS, MODBUS_BITS, MODBUS_WORDS, Field, Guard, Limits


class Span(msgspec.Struct, frozen=True, order=True):
    """Addresses `first` to `last` that one request must hold together."""

    unit: int
    function: int
    first: int
    last: int


class Block(msgspec.Struct, frozen=True, order=True):
    """One request."""

    unit: int
    function: int
    address: int
    count: int

    @property
    def last(self) -> int:
        return self.address + self.count - 1

    def holds(self, span: Span) -> bool:
        same = self.unit == span.unit and self.function == span.function
        return same and self.address <= span.first and span.last <= self.last


class ReadRules(msgspec.Struct, frozen=True):
    """What a request may be. `readable` is by (unit, function); a pair that is not in it may be read everywhere."""

    words: int = MODBUS_WORDS
    bits: int = MODBUS_BITS
    merge_gap: int = 0
    readable: Mapping[tuple[int, int], Sequence[tuple[int, int]]] = {}

    def longest(self, function: int) -> int:
        return self.bits if function in COIL_FUNCTIONS else self.words

    def allows(self, unit: int, function: int, first: int, last: int) -> bool:
        """Whether one request may read `first` to `last`."""
        if first < 0 or last > 0xFFFF or last - first + 1 > self.longest(function):
            return False
        ranges = self.readable.get((unit, function))
        return ranges is None or any(low <= first and last <= high for low, high in ranges)


def rules_of(limits: Limits, unit: int, stations: Mapping[str, int] = MappingProxyType({})) -> ReadRules:
    """The rules of a device whose readable addresses its profile lists."""
    readable: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for entry in limits.readable:
        where = stations.get(entry.station) if entry.station else unit
        if where is not None:
            readable.setdefault((where, entry.function), []).append((entry.first, entry.last))
    return ReadRules(limits.words_per_read, limits.bits_per_read, limits.merge_gap, readable)


def spans_of(fields: Sequence[Field], rules: ReadRules) -> list[Span]:
    """What must stay together: a value with its scale factor, and every group.

    A group that no single request can hold (a model with very many modules) falls apart into its values; they are still
    of the same poll.
    """
    spans: list[Span] = []
    groups: dict[tuple[int, int, str], list[Span]] = {}
    for found in fields:
        own = _own_spans(found, rules)
        if found.group:
            groups.setdefault((found.unit, found.register.function, found.group), []).extend(own)
        else:
            spans += own
    for members in groups.values():
        hull = _hull(members)
        whole = rules.allows(hull.unit, hull.function, hull.first, hull.last)
        spans += [hull] if whole else members
    return spans


def plan_reads(spans: Sequence[Span], rules: ReadRules) -> tuple[Block, ...]:
    """Requests that hold every span whole. Raises `ValueError` for a span that no request may hold."""
    blocks: list[Block] = []
    for _, same in groupby(sorted(set(spans)), key=lambda span: (span.unit, span.function)):
        blocks += _merge(list(same), rules)
    return tuple(blocks)


def with_guards(spans: Sequence[Span], guards: Sequence[Guard], rules: ReadRules) -> list[Span]:
    """The spans, each widened to its guard's words where one request can hold both."""
    widened = []
    for span in spans:
        for guard in guards:
            same = guard.unit == span.unit and guard.function == span.function
            if same and guard.address <= span.first and span.last <= guard.last:
                if rules.allows(span.unit, span.function, guard.address, span.last):
                    span = Span(span.unit, span.function, guard.address, span.last)
                break
        widened.append(span)
    return widened


def _merge(spans: list[Span], rules: ReadRules) -> list[Block]:
    blocks: list[Block] = []
    for span in spans:
        if not rules.allows(span.unit, span.function, span.first, span.last):
            raise ValueError(f"addresses {span.first} to {span.last} cannot be read in one request")
        if blocks and span.first <= blocks[-1].last + 1 + rules.merge_gap:
            head = blocks[-1]
            last = max(head.last, span.last)
            if rules.allows(span.unit, span.function, head.address, last):
                blocks[-1] = Block(head.unit, head.function, head.address, last - head.address + 1)
                continue
        blocks.append(Block(span.unit, span.function, span.first, span.last - span.first + 1))
    return blocks


def words_of(found: Field) -> list[Span]:
    """The words of a value: one span, or one for each word where they do not lie side by side."""
    function, register = found.register.function, found.register
    if register.scattered:
        return [Span(found.unit, function, address, address) for address in register.scattered]
    return [Span(found.unit, function, found.address, found.address + register.width - 1)]


def _own_spans(found: Field, rules: ReadRules) -> list[Span]:
    spans = words_of(found)
    if found.scale_address is not None:
        spans.append(Span(found.unit, found.register.function, found.scale_address, found.scale_address))
    hull = _hull(spans)
    return [hull] if rules.allows(hull.unit, hull.function, hull.first, hull.last) else spans


def _hull(spans: Sequence[Span]) -> Span:
    first = min(span.first for span in spans)
    return Span(spans[0].unit, spans[0].function, first, max(span.last for span in spans))
