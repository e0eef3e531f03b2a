import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.clock import SimClock, instant_text, parse_instant

INSTANTS = st.integers(0, 4_000_000_000_000)


@given(INSTANTS)
def test_an_instant_survives_its_text(at_ms: int) -> None:
    assert parse_instant(instant_text(at_ms)) == at_ms


def test_an_instant_with_an_offset_is_converted() -> None:
    assert instant_text(parse_instant("2026-05-01T02:00:00+02:00")) == "2026-05-01T00:00:00Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-05-01", "2026-05-01T00:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="expected ISO 8601 with an offset"):
        parse_instant(text)


@given(INSTANTS, st.integers(0, 10_000_000), st.sampled_from([0.5, 1.0, 60.0]))
def test_time_runs_at_its_rate_and_never_before_the_floor(start_ms: int, wall_ms: int, rate: float) -> None:
    clock = SimClock(start_ms, 1_000_000, rate, floor_ms=start_ms - 5000)
    now = clock.now_ms(wall_ms)
    assert now >= start_ms - 5000
    if wall_ms >= 1_000_000:
        assert now == start_ms + round((wall_ms - 1_000_000) * rate)
