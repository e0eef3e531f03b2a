import time

from agent.clock import SimulatedClock, SystemClock


def test_the_systems_clock_is_the_systems() -> None:
    assert abs(SystemClock().now_ms() - time.time() * 1000) < 1000
    assert SystemClock().monotonic_ms() <= SystemClock().monotonic_ms()


async def test_a_simulated_hour_passes_in_a_moment() -> None:
    started_ms = time.time_ns() // 1_000_000
    clock = SimulatedClock(origin_ms=1_000_000, started_ms=started_ms, rate=360_000)
    before, steady, real = clock.now_ms(), clock.monotonic_ms(), time.monotonic()
    await clock.sleep(3600)
    assert clock.now_ms() - before >= 3_590_000
    assert clock.monotonic_ms() - steady >= 3_590_000
    assert time.monotonic() - real < 5
