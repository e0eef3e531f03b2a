"""Answers to values: sums, directions, states of sleep, what lies apart, and maps that have moved."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import BATTERY_POWER, GRID_POWER, INVERTER_STATE, LOAD_POWER, PV_POWER, Quality
from agent.sources.answers import Answer, Decoder, MapMoved
from agent.sources.planning import Block, plan_reads, rules_of, spans_of
from agent.sources.profile import BoundSum, Field, Guard, Layout, Profile, Register, bind_absolute
from agent.sources.profile_file import parse_profile

PROFILE = Profile(name="p", maker="m", model="x", sources=("none",), register=())
INVALID = Quality.INVALID
HEAD = 'name = "t"\nmaker = "m"\nmodel = "x"\nsources = ["a data sheet"]\n'


def layout() -> tuple[Layout, list[Block]]:
    ac = Register(type="i16", signal="_ac", address=0)
    grid = Register(type="i16", signal=GRID_POWER, address=10)
    fields = (Field("_ac", 1, 0, ac), Field(GRID_POWER, 1, 10, grid))
    return Layout(fields, (), (BoundSum(LOAD_POWER, (0, 1), (), 50.0),)), [Block(1, 3, 0, 1), Block(1, 3, 10, 1)]


def test_a_sum_of_one_poll() -> None:
    where, blocks = layout()
    values, bad = Decoder(PROFILE, where, blocks).decode([[2500], [-1200 & 0xFFFF]])
    assert values == {GRID_POWER: -1200, LOAD_POWER: 1300}
    assert bad == {}


@pytest.mark.parametrize(("grid", "quality"), [(Quality.MISSING, Quality.MISSING), (Quality.INVALID, Quality.INVALID)])
def test_a_sum_needs_every_term(grid: Quality, quality: Quality) -> None:
    where, blocks = layout()
    values, bad = Decoder(PROFILE, where, blocks).decode([[2500], grid])
    assert values == {}
    assert bad == {GRID_POWER: quality, LOAD_POWER: quality}


@pytest.mark.parametrize(("ac", "expected"), [(1150, 0.0), (1149, None), (1201, 1.0)])
def test_a_sum_is_floored_within_its_tolerance_only(ac: int, expected: float | None) -> None:
    where, blocks = layout()
    values, bad = Decoder(PROFILE, where, blocks).decode([[ac], [-1200 & 0xFFFF]])
    assert values.get(LOAD_POWER) == expected
    assert (bad.get(LOAD_POWER) is INVALID) == (expected is None)


def test_only_wanted_signals_are_given() -> None:
    where, blocks = layout()
    values, bad = Decoder(PROFILE, where, blocks, frozenset({LOAD_POWER})).decode([[2500], [0]])
    assert (values, bad) == ({LOAD_POWER: 2500}, {})


def test_a_moved_map_is_noticed() -> None:
    register = Register(type="u16", signal="_x", at=2, models=(7,))
    guarded = Layout((Field("_x", 1, 12, register),), (), (), (Guard(1, 3, 10, (7, 5), 16),))
    decoder = Decoder(PROFILE, guarded, [Block(1, 3, 10, 3)])
    assert decoder.decode([[7, 5, 1]]) == ({}, {})
    with pytest.raises(MapMoved):
        decoder.decode([[8, 5, 1]])


def decode(text: str, words: dict[int, int], silent: frozenset[int] = frozenset()) -> tuple[dict[str, float], object]:
    """The profile's own requests answered out of `words`; a block that holds one of `silent` is missing."""
    profile = parse_profile(HEAD + text, "t.toml")
    layout, rules = bind_absolute(profile, 1), rules_of(profile.limits, 1)
    blocks = plan_reads(spans_of(layout.fields, rules), rules)
    answers: list[Answer] = []
    for block in blocks:
        places = range(block.address, block.address + block.count)
        missing = any(place in silent for place in places)
        answers.append(Quality.MISSING if missing else [words.get(place, 0) for place in places])
    values, bad = Decoder(profile, layout, blocks).decode(answers)
    return {str(name): value for name, value in values.items()}, {str(name): why for name, why in bad.items()}


APART = '[[register]]\nsignal = "grid_power"\naddress = [{}, {}]\ntype = "i32"\norder = "{}"\n'


@given(st.integers(-1_000_000, 1_000_000), st.sampled_from([(10, 12), (12, 10), (10, 900), (900, 10)]))
def test_words_that_lie_apart(value: int, places: tuple[int, int]) -> None:
    """Near ones come in one request, far ones in two; the order of the addresses is that of the words."""
    high, low = (value & 0xFFFFFFFF) >> 16, value & 0xFFFF
    first, second = places
    assert decode(APART.format(first, second, "hi"), {first: high, second: low})[0] == {GRID_POWER: value}
    assert decode(APART.format(first, second, "lo"), {first: low, second: high})[0] == {GRID_POWER: value}


def test_a_word_that_lies_apart_and_is_missing() -> None:
    text = APART.format(10, 900, "hi")
    assert decode(text, {10: 1}, frozenset({900})) == ({}, {GRID_POWER: Quality.MISSING})


DIRECTED = """
[[register]]
signal = "_way"
address = 0
type = "bits16"
bits = { 1 = 1, 2 = -1 }
group = "g"
[[register]]
signal = "battery_power"
address = 1
type = "i16"
direction = "_way"
floor = 50.0
group = "g"
"""


@pytest.mark.parametrize(
    ("way", "raw", "expected"),
    [
        (0b010, 1500, 1500),
        (0b100, 1500, -1500),
        (0b100, 0x10000 - 1500, -1500),
        (0b010, 0x10000 - 1500, 1500),
        (0b000, 30, 0),
        (0b001, 1500, None),
    ],
)
def test_a_size_and_its_direction(way: int, raw: int, expected: float | None) -> None:
    values, bad = decode(DIRECTED, {0: way, 1: raw})
    assert values.get(BATTERY_POWER) == expected
    assert bad == ({BATTERY_POWER: INVALID} if expected is None else {})


SLEEPER = """
[sentinel]
i16 = [0x8000]
[[register]]
signal = "inverter_state"
address = 0
type = "u16"
map = { 1 = "sleeping", 2 = "off", 3 = "running", 4 = "standby" }
[[register]]
signal = "_one"
address = 1
type = "i16"
asleep = 0
[[register]]
signal = "_two"
address = 2
type = "i16"
asleep = 0
high = 10000
[[derived]]
signal = "pv_power"
plus = ["_one", "_two"]
optional = ["_two"]
"""


@pytest.mark.parametrize("state", [1, 2, 3, 4, 99])
def test_no_value_is_0_w_only_from_a_device_that_says_it_sleeps(state: int) -> None:
    values, _ = decode(SLEEPER, {0: state, 1: 0x8000, 2: 0x8000})
    assert values.get(PV_POWER) == (0.0 if state in (1, 2) else None)


def test_a_sleeping_device_that_says_nonsense_is_not_believed() -> None:
    assert PV_POWER not in decode(SLEEPER, {0: 1, 1: 0x8000, 2: 0x7FFE})[0]


def test_what_the_device_does_not_have_is_left_out() -> None:
    profile = parse_profile(HEAD + SLEEPER, "t.toml")
    decoder = Decoder(profile, bind_absolute(profile, 1), [Block(1, 3, 0, 3)])
    assert decoder.compose([3.0, 700.0, None]) == ({INVERTER_STATE: 3, PV_POWER: 700}, {})
    assert decoder.compose([3.0, None, 700.0]) == ({INVERTER_STATE: 3}, {})
    assert decoder.compose([None, None, None]) == ({}, {})
    assert decoder.compose([3.0, 700.0, INVALID]) == ({INVERTER_STATE: 3}, {PV_POWER: INVALID})


FALLBACK = """
[[register]]
signal = "grid_power"
address = 0
type = "i16"
fallback = "_other"
[[register]]
signal = "_other"
address = 1
type = "i16"
"""


def test_another_register_gives_the_value_where_the_first_does_not() -> None:
    profile = parse_profile(HEAD + FALLBACK, "t.toml")
    decoder = Decoder(profile, bind_absolute(profile, 1), [Block(1, 3, 0, 2)])
    assert decoder.compose([5.0, 7.0])[0] == {GRID_POWER: 5}
    assert decoder.compose([None, 7.0])[0] == {GRID_POWER: 7}
    assert decoder.compose([INVALID, 7.0])[0] == {GRID_POWER: 7}
    assert decoder.compose([None, INVALID])[1] == {GRID_POWER: INVALID}
    assert decoder.compose([INVALID, None])[1] == {GRID_POWER: INVALID}


def test_no_other_register_stands_in_for_one_that_has_had_a_value() -> None:
    profile = parse_profile(HEAD + FALLBACK, "t.toml")
    decoder = Decoder(profile, bind_absolute(profile, 1), [Block(1, 3, 0, 2)])
    assert decoder.compose([INVALID, 7.0], frozenset({0}))[1] == {GRID_POWER: INVALID}
