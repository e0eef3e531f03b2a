"""Only the answer to this request is taken, whatever else is on the line."""

import struct
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from agent.sources.rtu_frame import frame_of, has_echo, has_more, resembles_answer, take_answer, wanted_of
from tests.helpers.rtu_slaves import framed

WORDS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125)


def request(unit: int = 1, function: int = 3, address: int = 0, count: int = 2) -> bytes:
    return framed(unit, struct.pack(">BHH", function, address, count))


def answer(words: list[int], unit: int = 1, function: int = 3) -> bytes:
    return framed(unit, struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words))


def test_a_frame_has_the_checksum_of_the_specification() -> None:
    assert frame_of(1, bytes.fromhex("0300000002")) == request()
    # The example of the Modbus over serial line specification, appendix B: 02 07 → CRC 41 12.
    assert frame_of(2, b"\x07") == bytes.fromhex("02074112")


@given(WORDS, st.integers(1, 247), st.sampled_from([3, 4]), st.integers(0, 0xFFFF))
def test_the_answer_is_found_behind_an_echo(words: list[int], unit: int, function: int, address: int) -> None:
    asked = request(unit, function, address, len(words))
    given_back = answer(words, unit, function)
    for before in (b"", asked, b"\x00\xff" + asked):
        assert take_answer(before + given_back, wanted_of(asked)) == given_back[1:-2]


@given(WORDS, st.binary(max_size=6), st.binary(max_size=6))
def test_noise_around_it_costs_nothing(words: list[int], before: bytes, behind: bytes) -> None:
    given_back = answer(words, unit=7)
    wanted = wanted_of(request(7, 3, 0, len(words)))
    assert take_answer(before + given_back + behind, wanted) == given_back[1:-2]


@given(st.integers(1, 2000), st.randoms(use_true_random=False))
def test_bits_come_in_whole_bytes(count: int, random: Random) -> None:
    data = random.randbytes((count + 7) // 8)[:250]
    count = min(count, 8 * len(data))
    given_back = framed(1, struct.pack(">BB", 1, len(data)) + data)
    assert take_answer(given_back, wanted_of(request(1, 1, 0, count))) == given_back[1:-2]


@given(WORDS, st.integers(1, 10))
def test_another_length_is_not_the_answer(words: list[int], more: int) -> None:
    assert take_answer(answer(words), wanted_of(request(count=len(words) + more))) is None


def test_another_station_or_function_is_not_the_answer() -> None:
    wanted = wanted_of(request())
    assert take_answer(answer([1, 2], unit=2), wanted) is None
    assert take_answer(answer([1, 2], function=4), wanted) is None
    assert take_answer(answer([9, 9], unit=2) + answer([1, 2]), wanted) == answer([1, 2])[1:-2]


def test_an_exception_is_an_answer() -> None:
    assert take_answer(framed(1, b"\x83\x02"), wanted_of(request())) == b"\x83\x02"
    assert take_answer(framed(1, b"\x84\x02"), wanted_of(request())) is None


def test_identification_has_the_length_that_its_objects_have() -> None:
    asked = framed(1, b"\x2b\x0e\x01\x00")
    body = b"\x2b\x0e\x01\x01\x00\x00\x02\x00\x04Acme\x01\x02X1"
    whole = framed(1, body)
    for end in range(len(whole)):
        assert take_answer(asked + whole[:end], wanted_of(asked)) is None
    assert take_answer(asked + whole, wanted_of(asked)) == body


@given(WORDS, st.data())
def test_a_damaged_answer_is_none(words: list[int], data: st.DataObject) -> None:
    """Up to three bits anywhere, or a burst of up to 16: the checksum finds all of them."""
    whole = bytearray(answer(words))
    if data.draw(st.booleans()):
        for at in data.draw(st.sets(st.integers(0, 8 * len(whole) - 1), min_size=1, max_size=3)):
            whole[at // 8] ^= 1 << at % 8
    else:
        start = data.draw(st.integers(0, 8 * len(whole) - 16))
        burst = data.draw(st.integers(1, 0xFFFF)) << start
        whole = bytearray((int.from_bytes(whole, "little") ^ burst).to_bytes(len(whole), "little"))
    assert take_answer(bytes(whole), wanted_of(request(count=len(words)))) is None


@given(WORDS, st.data())
def test_a_cut_or_shifted_answer_is_none(words: list[int], data: st.DataObject) -> None:
    whole = answer(words)
    start = data.draw(st.integers(0, 3))
    end = data.draw(st.integers(0, 3)) if start else data.draw(st.integers(1, 4))
    assert take_answer(whole[start : len(whole) - end], wanted_of(request(count=len(words)))) is None


def test_a_hundred_thousand_damaged_answers_give_no_value() -> None:
    random = Random(4)
    taken = 0
    for _ in range(100_000):
        words = [random.getrandbits(16) for _ in range(random.randrange(1, 6))]
        whole = bytearray(answer(words))
        for at in random.sample(range(8 * len(whole)), random.randrange(1, 4)):
            whole[at // 8] ^= 1 << at % 8
        taken += take_answer(bytes(whole), wanted_of(request(count=len(words)))) is not None
    assert taken == 0


@given(WORDS, st.binary(min_size=1, max_size=5))
def test_something_behind_an_answer_is_seen(words: list[int], behind: bytes) -> None:
    asked = request(count=len(words))
    wanted = wanted_of(asked)
    for before in (b"", asked, b"\x00"):
        assert not has_more(before + answer(words), wanted)
        assert has_more(before + answer(words) + behind, wanted)
    assert not has_more(answer(words)[:-1], wanted)


def test_an_inserted_byte_that_the_checksum_lets_through_leaves_one_behind() -> None:
    """One in 65,536: with a byte too many (at 7) another frame of the right length has a right checksum."""
    whole = bytes.fromhex("010308004cb2717759aa350ada21")
    wanted = wanted_of(request(count=4))
    right = answer([76, 45681, 22954, 13578])
    assert whole[:7] + whole[8:] == right
    assert take_answer(whole, wanted) not in (None, right[1:-2])
    assert has_more(whole, wanted)


def test_a_written_value_is_confirmed_by_its_like() -> None:
    asked = framed(1, struct.pack(">BHH", 6, 10, 5))
    assert take_answer(asked, wanted_of(asked)) == asked[1:-2]
    assert take_answer(framed(1, struct.pack(">BHH", 6, 10, 6)), wanted_of(asked)) is None
    # Behind an adapter that echoes, only the second one is the device's.
    assert take_answer(asked, wanted_of(asked, echo=True)) is None
    assert take_answer(asked + asked, wanted_of(asked, echo=True)) == asked[1:-2]
    many = framed(1, struct.pack(">BHHBHH", 16, 10, 2, 4, 1, 2))
    assert take_answer(many, wanted_of(many)) is None
    assert take_answer(many + framed(1, struct.pack(">BHH", 16, 10, 2)), wanted_of(many)) is not None
    assert has_echo(many + b"x", wanted_of(many))
    assert not has_echo(b"x", wanted_of(many))


def test_what_came_damaged_is_told_from_what_is_still_to_come() -> None:
    wanted = wanted_of(request())
    whole = answer([1, 2])
    assert resembles_answer(whole[:-1], wanted)
    assert resembles_answer(request() + b"\x00" + whole[:-1] + b"\x00", wanted)
    assert not resembles_answer(request(), wanted)
    assert not resembles_answer(b"\xff" * 9, wanted)
    # Its length is enough where nobody else can have spoken.
    assert resembles_answer(b"\xff" * 9, wanted, alone=True)
    assert not resembles_answer(b"\xff" * 7, wanted, alone=True)
    assert not resembles_answer(answer([1, 2], unit=2), wanted)
