"""What memory keeps while the disk refuses."""

import msgspec

from agent.domain.wire import Body, Energy, Event, Fault, Reliability, Summary
from agent.holding import Held, within
from tests.helpers.uplinks import START_MS, summary

FAULT = Fault("f", "no_heat", "start", "warning", "", START_MS)
BEGIN_MS = START_MS - START_MS % 86_400_000


def window(number: int) -> Summary:
    return msgspec.structs.replace(summary(number), start_ms=BEGIN_MS + number * 900_000)


def month(days: int) -> Held:
    held: Held = []
    for number in range(days * 96):
        at_ms = BEGIN_MS + (number + 1) * 900_000
        held.append((at_ms, window(number)))
        if number % 4 == 0:
            held.append((at_ms, Energy(at_ms, {"pv_energy_total": float(number)})))
        if number % 96 == 0:
            held.append((at_ms, Reliability(at_ms, "no_heat", {})))
            held.append((at_ms, FAULT))
    return held


def kinds(held: Held, kind: type[Body]) -> list[Body]:
    return [body for _, body in held if isinstance(body, kind)]


def samples(held: Held) -> int:
    return sum(body.signals[0].n for body in kinds(held, Summary) if isinstance(body, Summary))


def test_what_fits_is_left_as_it_is() -> None:
    held = month(3)
    assert within(held, 1_000) == held


def test_resolution_goes_first_and_no_sample_with_it() -> None:
    held = month(20)
    smaller = within(held, 1_200)
    assert len(smaller) <= 1_200
    assert samples(smaller) == samples(held)
    assert kinds(smaller, Energy) == kinds(held, Energy)
    windows = [body for body in kinds(smaller, Summary) if isinstance(body, Summary)]
    assert {window.window_s for window in windows} == {3_600}
    assert sum(window.merged for window in windows) == 20 * 96
    assert [at_ms for at_ms, _ in smaller] == sorted(at_ms for at_ms, _ in smaller)


def test_faults_stay_when_almost_nothing_fits() -> None:
    smaller = within(month(40), 60)
    assert len(smaller) == 60
    assert kinds(smaller, Fault) == [FAULT] * 40
    assert samples(smaller) > 0


def test_even_events_are_bounded() -> None:
    assert len(within([(n, Event(n, "start")) for n in range(100)], 10)) == 10
