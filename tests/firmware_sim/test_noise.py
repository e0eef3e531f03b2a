import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.noise import hashed, octaves, smooth

SEEDS = st.integers(0, 2**31 - 1)


@given(SEEDS, st.integers(0, 10**7))
def test_a_number_depends_on_its_index_only(seed: int, index: int) -> None:
    alone = hashed(seed, "x", np.array([index]))
    among = hashed(seed, "x", np.arange(index - 3, index + 4))
    assert alone[0] == among[3]
    assert 0.0 <= alone[0] < 1.0


def test_numbers_are_spread_evenly_and_channels_differ() -> None:
    one, other = hashed(1, "a", np.arange(20_000)), hashed(1, "b", np.arange(20_000))
    assert abs(one.mean() - 0.5) < 0.01
    assert abs(one.std() - 12**-0.5) < 0.01
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.03
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.03


@given(SEEDS, st.floats(1e9, 2e9))
def test_smooth_noise_does_not_jump(seed: int, start: float) -> None:
    times = start + np.arange(600.0)
    values = smooth(seed, "s", times, 300.0)
    assert np.abs(np.diff(values)).max() < 1.6 / 300.0
    assert ((values >= 0.0) & (values < 1.0)).all()


def test_octaves_stay_in_their_range() -> None:
    values = octaves(3, "o", np.arange(0.0, 1e6, 60.0), (86400.0, 3600.0, 600.0))
    assert ((values >= 0.0) & (values < 1.0)).all()
    assert values.std() > 0.05
