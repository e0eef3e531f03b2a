"""Sums that only rise, and start anew when a device is flashed: what a period adds."""

import random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cloud.fleet.equipment_minutes import Period
from cloud.fleet.equipment_states import StatesJob, state_tallies

HOUR = 3_600_000
State = tuple[int, int, int]


def table(states: list[State], device: str = "a") -> pa.Table:
    rows = [
        {"device": device, "code": "no_heat", "time": at, "failures": n, "repairs": n, "up_ms": up, "down_ms": 0}
        for at, n, up in states
    ]
    return pa.Table.from_pylist(rows, schema=StatesJob().partial_schema).set_column(
        2, "time", pa.array([at for at, _, _ in states], pa.timestamp("ms", tz="UTC"))
    )


def grown(states: list[State], period: Period | None = None) -> tuple[int, int]:
    job = StatesJob(period or Period())
    (tally,) = state_tallies(job.finish(job.partial(table(states))))["no_heat"]
    return tally.failures, tally.up_ms


def test_the_whole_history_and_a_period() -> None:
    states = [(HOUR, 1, 10), (2 * HOUR, 1, 20), (3 * HOUR, 4, 25), (4 * HOUR, 5, 40)]
    assert grown(states) == (5, 40)
    assert grown(states, Period(2 * HOUR + 1, 4 * HOUR)) == (3, 5)
    assert grown(states, Period(0, 3 * HOUR)) == (0, 10)


def test_a_device_made_anew_goes_on_from_zero() -> None:
    assert grown([(HOUR, 5, 100), (2 * HOUR, 1, 10), (3 * HOUR, 2, 30)]) == (7, 130)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10**9)), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
)
def test_pieces_and_doubles_in_any_order_change_nothing(steps: list[tuple[int, int]], rng: random.Random) -> None:
    failures = up = 0
    states = []
    for i, (more, longer) in enumerate(steps):
        failures, up = failures + more, up + longer
        states.append((i * HOUR, failures, up))
    shuffled = [*states, *states[::2]]
    rng.shuffle(shuffled)
    cut = rng.randint(0, len(shuffled))
    job = StatesJob()
    parts = pa.concat_tables([job.partial(table(shuffled[:cut])), job.partial(table(shuffled[cut:]))])
    (tally,) = state_tallies(job.finish(parts))["no_heat"]
    assert (tally.failures, tally.up_ms) == (failures, up)
