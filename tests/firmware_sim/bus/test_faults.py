import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.bus.faults import FORMS, SECONDS, BusCode, BusFault, FaultBook, checked


def struck(fault: BusFault, occasions: int, seed: int = 1) -> list[bool]:
    book = FaultBook([fault], seed)
    return [book.strikes(fault.code, 0) is not None for _ in range(occasions)]


@given(st.integers(1, 20), st.integers(0, 100))
def test_every_nth_occasion(every: int, occasions: int) -> None:
    seen = struck(BusFault(BusCode.SILENCE, every=every), occasions)
    assert seen == [number % every == 0 for number in range(1, occasions + 1)]


@given(st.integers(1, 20))
def test_so_many_and_then_no_more(count: int) -> None:
    assert struck(BusFault(BusCode.SILENCE, count=count), 40) == [number < count for number in range(40)]


def test_a_share_by_chance_and_the_same_seed_strikes_the_same() -> None:
    fault = BusFault(BusCode.SILENCE, rate=0.2)
    assert 150 <= sum(struck(fault, 1000)) <= 250
    assert struck(fault, 100) == struck(fault, 100)
    assert struck(fault, 100) != struck(fault, 100, seed=2)
    assert not any(struck(BusFault(BusCode.SILENCE, rate=0.0), 50))


def test_it_strikes_in_its_time_only() -> None:
    book = FaultBook([BusFault(BusCode.SILENCE, start_ms=10, end_ms=20)])
    assert [book.strikes(BusCode.SILENCE, at_ms) is not None for at_ms in (9, 10, 19, 20)] == [False, True, True, False]
    assert book.holding(BusCode.SILENCE, 15) is not None
    assert book.holding(BusCode.ECHO, 15) is None


def test_clearing() -> None:
    book = FaultBook([BusFault(BusCode.SILENCE), BusFault(BusCode.ECHO)])
    assert book.clear(BusCode.NOISE) == 0
    assert book.clear(BusCode.ECHO) == 1
    assert [one.fault.code for one in book.active(0)] == [BusCode.SILENCE]
    assert book.clear() == 1


@pytest.mark.parametrize("code", BusCode)
def test_a_fault_has_its_first_form_and_its_usual_time_when_nobody_says(code: BusCode) -> None:
    fault = checked(BusFault(code, option="a=b"))
    assert fault.form == FORMS.get(code, ("",))[0]
    assert fault.seconds == SECONDS.get(code, 0.0)
