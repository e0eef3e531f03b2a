"""What a device says although it cannot be, poll by poll."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    FLOW_TEMPERATURE,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    INVERTER_STATE,
    PV_ENERGY_TOTAL,
    PV_POWER,
    Quality,
)
from agent.sources.answers import Answer, Decoder
from agent.sources.guards import Guards, Poll
from agent.sources.planning import plan_reads, rules_of, spans_of
from agent.sources.profile import bind_absolute
from agent.sources.profile_file import parse_profile

HEAD = 'name = "t"\nmaker = "m"\nmodel = "x"\nsources = ["a data sheet"]\n'
INVERTER = """
[limits]
merge_gap = 20
[sentinel]
u16 = [0xFFFF]
[[register]]
signal = "inverter_state"
address = 0
type = "enum16"
map = { 1 = "running", 2 = "sleeping" }
[[register]]
signal = "pv_power"
address = 1
type = "u32"
asleep = 0
[[register]]
signal = "battery_power"
address = 3
type = "i16"
[[register]]
signal = "battery_soc"
address = 4
type = "u16"
[[register]]
signal = "pv_energy_total"
address = 5
type = "u32"
scale = 100.0
[[register]]
signal = "room_temperature"
address = 7
type = "i16"
scale = 0.1
sentinel = [0x7FFF]
"""
MINUTE = 60_000


class Device:
    """Words by address, polled through the guards as a source does it."""

    def __init__(self, text: str, words: Sequence[int]) -> None:
        profile = parse_profile(HEAD + text, "t.toml")
        layout, rules = bind_absolute(profile, 1), rules_of(profile.limits, 1)
        self.blocks = plan_reads(spans_of(layout.fields, rules), rules)
        self.decoder = Decoder(profile, layout, self.blocks)
        self.guards = Guards(self.decoder, len(self.blocks))
        self.words = list(words)
        self.at_ms = 0
        self.rereads = 0

    def answers(self, words: Sequence[int]) -> list[Answer]:
        return [list(words[block.address : block.address + block.count]) for block in self.blocks]

    def take(self, words: Sequence[int]) -> Poll:
        answers = self.answers(words)
        numbers = self.decoder.numbers(answers)
        return Poll(self.at_ms, answers, numbers, self.decoder.empty(answers, numbers))

    def poll(
        self, first: Sequence[int] | None = None, again: Sequence[int] | None = None
    ) -> tuple[dict[str, float], dict[str, Quality]]:
        """One poll: `first` and `again` are what the device says instead of its words."""
        poll = self.take(self.words if first is None else first)
        second = None
        if self.guards.doubts(poll):
            self.rereads += 1
            second = self.take(self.words if again is None else again)
        values, bad = self.decoder.compose(self.guards.judge(poll, second))
        self.at_ms += MINUTE
        return {str(k): v for k, v in values.items()}, {str(k): v for k, v in bad.items()}


GOOD = [1, 0, 2000, 500, 55, 0, 10_000, 215]


def inverter(*, polls: int = 1) -> Device:
    device = Device(INVERTER, GOOD)
    for _ in range(polls):
        values, bad = device.poll()
        assert bad == {}
        assert values[PV_POWER] == 2000
    return device


def changed(**places: int) -> list[int]:
    words = list(GOOD)
    for place, word in places.items():
        words[int(place[1:])] = word
    return words


def test_the_first_poll_is_read_twice_and_the_others_are_not() -> None:
    device = inverter(polls=5)
    assert device.rereads == 1


def test_a_first_poll_whose_two_answers_differ_is_not_believed() -> None:
    device = Device(INVERTER, GOOD)
    values, bad = device.poll(first=changed(_1=3))
    assert PV_POWER not in values
    assert bad[PV_POWER] == Quality.INVALID
    assert device.poll()[0][PV_POWER] == 2000


def test_a_torn_value_is_read_again() -> None:
    device = inverter()
    values, _ = device.poll(first=changed(_1=1))
    assert values[PV_POWER] == 2000


def test_a_true_leap_is_confirmed_by_the_second_answer() -> None:
    device = inverter()
    device.words = changed(_2=9000)
    values, bad = device.poll()
    assert (values[PV_POWER], bad) == (9000, {})


def test_a_leap_without_a_second_answer_is_no_value() -> None:
    device = inverter()
    poll = device.take(changed(_2=9000))
    _, bad = device.decoder.compose(device.guards.judge(poll))
    assert bad == {PV_POWER: Quality.INVALID}


def test_a_word_slipped_inside_a_block_costs_the_block_and_nothing_wrong_is_taken() -> None:
    device = inverter()
    slipped = [GOOD[0], 0, *GOOD[1:-1]]
    values, bad = device.poll(first=slipped, again=slipped)
    assert values == {}
    assert set(bad.values()) == {Quality.INVALID}
    assert device.poll()[1] == {}


def test_a_block_of_zeros_is_a_failed_read_until_it_stays() -> None:
    device = inverter()
    zeros = [0] * 8
    for _ in range(2):
        assert device.poll(first=zeros, again=zeros)[0] == {}
    assert device.poll()[0][BATTERY_SOC] == 55


def test_a_charge_of_0_between_good_values_is_invalid() -> None:
    device = inverter()
    for _ in range(4):
        values, bad = device.poll(first=changed(_4=0), again=changed(_4=0))
        assert bad == {BATTERY_SOC: Quality.INVALID}
        assert values[BATTERY_POWER] == 500
        assert device.poll()[0][BATTERY_SOC] == 55


def test_a_charge_that_stays_at_0_is_believed() -> None:
    device = inverter()
    device.words = changed(_4=0)
    seen = [device.poll()[0].get(BATTERY_SOC) for _ in range(4)]
    assert seen == [None, None, 0, 0]


def test_a_counter_that_dips_is_held_until_it_has_caught_up() -> None:
    device = inverter()
    for raw, expected in ((9_999, None), (9_999, None), (10_000, 1_000_000), (10_001, 1_000_100)):
        device.words = changed(_6=raw)
        values, bad = device.poll()
        assert values.get(PV_ENERGY_TOTAL) == expected
        assert (bad.get(PV_ENERGY_TOTAL) is Quality.INVALID) == (expected is None)
        assert values[PV_POWER] == 2000


def test_a_counter_that_wraps_goes_on() -> None:
    top = changed(_5=0xFFFF, _6=0xFFFE)
    device = Device(INVERTER, top)
    device.poll()
    device.words = changed(_5=0, _6=3)
    values, bad = device.poll()
    assert (values[PV_ENERGY_TOTAL], bad) == (300, {})


def test_a_counter_that_was_replaced_is_believed_in_the_end() -> None:
    device = inverter()
    seen = []
    for step in range(12):
        device.words = changed(_6=100 + step)
        seen.append(device.poll()[0].get(PV_ENERGY_TOTAL))
    assert seen == [None] * 9 + [10_900, 11_000, 11_100]


def test_a_replaced_counter_does_not_cost_its_neighbours_for_long() -> None:
    device = inverter()
    device.words = changed(_6=100)
    known = [PV_POWER in device.poll()[0] for _ in range(8)]
    assert known == [False] * 5 + [True] * 3


def test_minus_one_as_429_million_never_counts() -> None:
    device = inverter()
    minus = changed(_5=0xFFFF, _6=0xFFFF)
    assert PV_ENERGY_TOTAL not in device.poll(first=minus, again=minus)[0]
    assert device.poll()[0][PV_ENERGY_TOTAL] == 1_000_000


def test_a_code_that_nobody_knows_is_no_slip_if_it_is_said_twice() -> None:
    device = inverter()
    device.words = changed(_0=77)
    values, bad = device.poll()
    assert bad == {INVERTER_STATE: Quality.INVALID}
    assert values[PV_POWER] == 2000


def test_an_identical_block_of_live_powers_is_stale_in_the_end() -> None:
    device = inverter(polls=9)
    _, bad = device.poll()
    assert bad[PV_POWER] == bad[BATTERY_POWER] == bad[BATTERY_SOC] == Quality.STALE
    assert PV_ENERGY_TOTAL not in bad
    device.words = changed(_2=2001)
    assert device.poll()[1] == {}


def test_a_night_without_powers_is_not_stale() -> None:
    device = Device(INVERTER, changed(_2=0, _3=0))
    for _ in range(30):
        assert device.poll()[1] == {}


def test_identical_blocks_within_seconds_are_not_stale() -> None:
    device = inverter()
    for _ in range(30):
        device.at_ms -= MINUTE - 1000
        assert device.poll()[1] == {}


def test_a_sensor_that_was_never_there_is_no_signal_and_one_that_breaks_is_invalid() -> None:
    device = Device(INVERTER, changed(_7=0x7FFF))
    values, bad = device.poll()
    assert "room_temperature" not in {*values, *bad}
    device.words = GOOD
    assert device.poll()[0]["room_temperature"] == 21.5
    device.words = changed(_7=0x7FFF)
    assert device.poll()[1] == {"room_temperature": Quality.INVALID}


def test_a_sleeping_device_is_not_asked_what_it_has() -> None:
    device = Device(INVERTER, changed(_0=2, _7=0x7FFF))
    assert device.poll()[1] == {"room_temperature": Quality.INVALID}


WITNESS = """
[[register]]
signal = "_model"
address = 0
type = "u16"
witness = true
group = "g"
[[register]]
signal = "grid_power"
address = 1
type = "i16"
group = "g"
[[register]]
signal = "flow_temperature"
address = 10
type = "i16"
"""


def test_a_witness_that_changes_costs_its_block_until_it_stays() -> None:
    device = Device(WITNESS, [4711, 100, *[0] * 8, 40])
    assert device.poll()[0] == {GRID_POWER: 100, FLOW_TEMPERATURE: 40}
    device.words = [4712, 100, *[0] * 8, 40]
    known = [GRID_POWER in device.poll()[0] for _ in range(4)]
    assert known == [False, False, False, True]


@given(st.lists(st.integers(0, 60), min_size=2, max_size=40))
def test_a_counter_in_order_is_always_believed(steps: list[int]) -> None:
    device = inverter()
    raw = 10_000
    for step in steps:
        raw += step % 20
        device.words = changed(_6=raw)
        assert device.poll()[0][PV_ENERGY_TOTAL] == raw * 100


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=40))
def test_what_is_believed_of_a_counter_never_falls(moves: list[int]) -> None:
    device = inverter()
    raw, last = 10_000, 0.0
    for move in moves:
        raw += move
        device.words = changed(_6=raw)
        value = device.poll()[0].get(PV_ENERGY_TOTAL)
        if value is not None:
            assert value >= last
            last = value


@given(st.integers(0, 7), st.integers(1, 0xFFFF))
def test_after_one_spoilt_answer_the_next_is_believed(place: int, flip: int) -> None:
    """A counter that was a little ahead is waited for."""
    device = inverter(polls=2)
    spoilt = list(GOOD)
    spoilt[place] ^= flip
    device.poll(first=spoilt)
    values, bad = device.poll()
    assert set(bad) <= {PV_ENERGY_TOTAL}
    assert values[PV_POWER] == 2000


@pytest.mark.parametrize("missing", [Quality.MISSING, Quality.INVALID])
def test_a_block_without_an_answer_is_forgotten_by_nobody(missing: Quality) -> None:
    device = inverter()
    answers: list[Answer] = [missing for _ in device.blocks]
    poll = Poll(device.at_ms, answers, device.decoder.numbers(answers))
    _, bad = device.decoder.compose(device.guards.judge(poll))
    assert set(bad.values()) == {missing}
    assert device.poll()[1] == {}


def test_the_import_counter_is_a_counter_under_any_name() -> None:
    text = '[[register]]\nsignal = "grid_import_total"\naddress = 0\ntype = "u32"\n'
    device = Device(text, [1, 0])
    device.poll()
    device.words = [0, 5]
    assert device.poll()[1] == {GRID_IMPORT_TOTAL: Quality.INVALID}
