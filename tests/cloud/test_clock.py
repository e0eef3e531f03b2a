import time

from cloud.clock import SimulatedClock, SystemClock


def test_the_systems_clock_is_the_systems() -> None:
    assert abs(SystemClock().now_ms() - time.time() * 1000) < 1000


def test_a_simulated_clock_starts_at_its_origin_and_runs_at_its_rate() -> None:
    now_ms = time.time_ns() // 1_000_000
    assert SimulatedClock(5_000_000, now_ms + 10_000, 60).now_ms() < 5_000_000
    assert 5_600_000 <= SimulatedClock(5_000_000, now_ms - 10_000, 60).now_ms() < 5_900_000
