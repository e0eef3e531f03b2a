"""Guessing is slow."""

from cloud.access.attempts import Attempts


def test_five_are_free_and_then_each_takes_twice_as_long() -> None:
    attempts, waits = Attempts(), []
    for _ in range(18):
        waits.append(attempts.wait_ms("anna", 1000))
        attempts.failed("anna", 1000)
    assert waits[:8] == [0, 0, 0, 0, 0, 1000, 2000, 4000]
    assert max(waits) == 300_000
    assert attempts.wait_ms("ben", 1000) == 0


def test_what_is_right_or_long_ago_is_forgotten() -> None:
    attempts = Attempts()
    for name in ("anna", "ben"):
        for _ in range(6):
            attempts.failed(name, 0)
    attempts.succeeded("anna")
    assert attempts.wait_ms("anna", 0) == 0
    assert attempts.wait_ms("ben", 0) > 0
    assert attempts.wait_ms("ben", 3_600_001) == 0
    attempts.failed("ben", 3_600_001)
    assert attempts.wait_ms("ben", 3_600_001) == 0


def test_a_flood_of_names_takes_no_more_than_a_bounded_memory() -> None:
    attempts = Attempts()
    for number in range(20_000):
        for _ in range(6 if number in (0, 19_999) else 1):
            attempts.failed(str(number), 0)
    assert attempts.wait_ms("0", 0) == 0, "the oldest gave way"
    assert attempts.wait_ms("19999", 0) > 0
