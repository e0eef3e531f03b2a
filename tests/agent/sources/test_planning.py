"""Plans: every register is read, no limit is broken, no hole is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sources.planning import Block, ReadRules, Span, plan_reads, rules_of, spans_of
from agent.sources.profile import Field, Limits, Readable, Register


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Span], ReadRules]:
    """Readable ranges with holes between, and spans inside them."""
    words = draw(st.integers(4, 125))
    readable: dict[tuple[int, int], list[tuple[int, int]]] = {}
    spans: list[Span] = []
    for unit, function in draw(st.sets(st.sampled_from([(1, 3), (1, 4), (2, 3), (1, 1)]), min_size=1)):
        address = draw(st.integers(0, 50))
        ranges = []
        for _ in range(draw(st.integers(1, 4))):
            length = draw(st.integers(4, 300))
            ranges.append((address, address + length - 1))
            for _ in range(draw(st.integers(0, 6))):
                width = draw(st.integers(1, min(4, length, words)))
                first = address + draw(st.integers(0, length - width))
                spans.append(Span(unit, function, first, first + width - 1))
            address += length + draw(st.integers(1, 20))
        readable[unit, function] = ranges
    return spans, ReadRules(words, 2000, draw(st.integers(0, 50)), readable)


@given(cases())
def test_plans_cover_everything_and_break_nothing(case: tuple[list[Span], ReadRules]) -> None:
    spans, rules = case
    blocks = plan_reads(spans, rules)
    for span in spans:
        assert any(block.holds(span) for block in blocks)
    for block in blocks:
        assert 1 <= block.count <= rules.longest(block.function)
        ranges = rules.readable[block.unit, block.function]
        assert any(low <= block.address and block.last <= high for low, high in ranges)
    assert list(blocks) == sorted(blocks)


@given(cases())
def test_a_block_reads_no_more_in_vain_than_allowed(case: tuple[list[Span], ReadRules]) -> None:
    spans, rules = case
    for block in plan_reads(spans, rules):
        wanted = {a for s in spans if block.holds(s) for a in range(s.first, s.last + 1)}
        gap = 0
        for address in range(block.address, block.last + 1):
            gap = 0 if address in wanted else gap + 1
            assert gap <= rules.merge_gap
        assert {block.address, block.last} <= wanted


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=40), st.integers(1, 125))
def test_without_gaps_to_merge_only_wanted_words_are_read(addresses: list[int], words: int) -> None:
    blocks = plan_reads([Span(1, 3, a, a) for a in addresses], ReadRules(words))
    read = [a for block in blocks for a in range(block.address, block.last + 1)]
    assert sorted(read) == sorted(set(addresses))


def test_neighbours_across_a_small_gap_are_one_request() -> None:
    spans = [Span(1, 3, 10, 11), Span(1, 3, 15, 15), Span(1, 3, 40, 40)]
    assert plan_reads(spans, ReadRules(merge_gap=3)) == (Block(1, 3, 10, 6), Block(1, 3, 40, 1))
    assert plan_reads(spans, ReadRules(merge_gap=2)) == (Block(1, 3, 10, 2), Block(1, 3, 15, 1), Block(1, 3, 40, 1))


def test_units_and_functions_are_never_mixed() -> None:
    spans = [Span(1, 3, 10, 10), Span(2, 3, 11, 11), Span(1, 4, 12, 12)]
    assert len(plan_reads(spans, ReadRules(merge_gap=50))) == 3


def test_a_span_in_a_hole_is_refused() -> None:
    rules = rules_of(Limits(readable=(Readable(function=3, first=0, last=9),)), 1)
    with pytest.raises(ValueError, match="addresses 9 to 10"):
        plan_reads([Span(1, 3, 9, 10)], rules)


def _field(address: int, *, scale: int | None = None, group: str = "", kind: str = "u16") -> Field:
    return Field("_x", 1, address, Register(type=kind, signal="_x", address=address), scale, group)


def test_a_value_and_its_scale_factor_stay_together() -> None:
    assert spans_of([_field(10, scale=25)], ReadRules()) == [Span(1, 3, 10, 25)]


def test_a_group_stays_together() -> None:
    fields = [_field(10, group="a"), _field(50, group="a", kind="u32"), _field(100)]
    assert set(spans_of(fields, ReadRules())) == {Span(1, 3, 10, 51), Span(1, 3, 100, 100)}


def test_a_group_beyond_one_request_falls_apart() -> None:
    fields = [_field(10, scale=5, group="a"), _field(300, scale=5, group="a")]
    spans = spans_of(fields, ReadRules())
    assert set(spans) == {Span(1, 3, 5, 10), Span(1, 3, 300, 300), Span(1, 3, 5, 5)}


def test_words_that_lie_apart_come_in_one_request_where_it_can_hold_them() -> None:
    near = Field("_x", 1, 78, Register(type="u32", address=(78, 80)))
    far = Field("_y", 1, 625, Register(type="i32", address=(625, 690)))
    rules = ReadRules(words=38)
    assert spans_of([near], rules) == [Span(1, 3, 78, 80)]
    assert spans_of([far], rules) == [Span(1, 3, 625, 625), Span(1, 3, 690, 690)]
    assert spans_of([far], ReadRules(words=66)) == [Span(1, 3, 625, 690)]


def test_a_stations_ranges_are_its_own() -> None:
    limits = Limits(
        readable=(Readable(function=3, first=0, last=9), Readable(function=3, first=50, last=59, station="battery"))
    )
    rules = rules_of(limits, 1, {"battery": 225})
    assert rules.allows(1, 3, 0, 9)
    assert not rules.allows(1, 3, 50, 59)
    assert rules.allows(225, 3, 50, 59)
    assert not rules.allows(225, 3, 0, 9)
