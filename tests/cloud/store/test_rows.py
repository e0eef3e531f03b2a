"""Records into rows, and what is refused."""

import math
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain import signals as sg
from agent.domain.errors import BadMessage
from agent.domain.wire import Body, Energy, Event, Fault, Record, Reliability, SignalSummary, Summary, Unknown
from cloud.store.rows import LATEST_MS, rows_of
from tests.helpers.batches import DEVICE, record
from tests.helpers.uplinks import START_MS

EPOCH = "00"


def one(body: Body) -> dict[str, object]:
    ((_, row),) = rows_of(DEVICE, EPOCH, record(1, body))
    return row


def window(*signals: SignalSummary, start_ms: int = START_MS, window_s: int = 900) -> Summary:
    return Summary(start_ms, window_s, list(signals))


def test_integers_become_exactly_the_value_that_was_rounded() -> None:
    row = one(window(SignalSummary(sg.BATTERY_SOC, 1, 237, 10, 20, -3, 90, 1, 2, 3, 4)))
    assert [row[key] for key in ("mean", "low", "high", "last")] == [23.7, 22.7, 25.7, 23.4]
    assert [row[key] for key in ("n", "stale", "missing", "invalid", "estimated")] == [90, 1, 2, 3, 4]


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_a_value_survives_the_wire(number: int, decimals: int) -> None:
    row = one(window(SignalSummary(sg.PV_POWER, decimals, number, 0, 0, 0, 1)))
    assert row["mean"] == float(f"{number}e-{decimals}")


def test_a_window_without_good_samples_has_no_values() -> None:
    row = one(window(SignalSummary(sg.PV_POWER, 0, 0, 0, 0, 0, 0, missing=90)))
    assert (row["mean"], row["low"], row["last"], row["missing"]) == (None, None, None, 90)


def test_a_signal_that_nobody_knows_is_kept_under_its_name() -> None:
    assert one(window(SignalSummary("wind_speed", 1, 33, 0, 0, 0, 1)))["signal"] == "wind_speed"


def test_an_end_without_its_time_ended_when_it_was_recorded() -> None:
    row = one(Fault("f", "no_heat", "end", "major", "boiler", START_MS - 5))
    assert row["end_ms"] == START_MS


BAD: list[tuple[Body, str]] = [
    (window(start_ms=-1), "start_ms -1, expected a time between 1970 and 2100"),
    (window(start_ms=LATEST_MS + 1), "start_ms"),
    (window(window_s=0), "window_s 0"),
    (window(SignalSummary("bad name", 0, 0, 0, 0, 0, 1)), "signal 'bad name'"),
    (window(SignalSummary("x" * 101, 0, 0, 0, 0, 0, 1)), "signal"),
    (window(SignalSummary(sg.PV_POWER, 40, 0, 0, 0, 0, 1)), "decimals 40"),
    (window(SignalSummary(sg.PV_POWER, 0, 2**60, 0, 0, 0, 1)), "a value beyond"),
    (window(SignalSummary(sg.PV_POWER, 0, 0, 2**60, 0, 0, 1)), "a value beyond"),
    (window(SignalSummary(sg.PV_POWER, 0, 0, 0, 0, 0, -1)), "count -1"),
    (window(*[SignalSummary(sg.PV_POWER, 0, 0, 0, 0, 0, 1)] * 501), "501 signals"),
    (Summary(START_MS, 900, [], merged=0), "merged 0"),
    (Energy(START_MS, {sg.PV_ENERGY_TOTAL: math.nan}), "nan is not a number"),
    (Energy(START_MS, {str(n): 1.0 for n in range(201)}), "201 entries"),
    (Energy(START_MS, {"a\0b": 1.0}), "none of them NUL"),
    (Fault("f", "no_heat", "begin", "major", "boiler", START_MS), "phase 'begin', expected one of start, update, end"),
    (Fault("", "no_heat", "start", "major", "boiler", START_MS), "id ''"),
    (Fault("f", "no_heat", "start", "major", "b" * 501, START_MS), "component"),
    (Fault("f", "no_heat", "start", "major", "boiler", START_MS, failing_s=math.inf), "inf is not a number"),
    (Fault("f", "no_heat", "start", "major", "boiler", START_MS, evidence={"x": math.nan}), "evidence"),
    (Reliability(START_MS, "no_heat", {"up_ms": math.inf}), "state"),
    (Event(START_MS, "re start"), "name"),
    (Event(START_MS, "restart", {"x": math.nan}), "detail"),
    (Unknown("k" * 101, b"\xc0"), "kind"),
]


@pytest.mark.parametrize(("body", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_what_breaks_a_limit_is_refused_by_name(body: Body, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason.replace(".", r"\.")):
        rows_of(DEVICE, EPOCH, record(1, body))


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats()


@given(
    st.sampled_from(["summary", "energy", "fault", "reliability", "event", "later"]),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats()
        | st.text(max_size=5)
        | st.binary(max_size=5),
        lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=20,
    ),
)
def test_any_body_is_either_refused_or_fits_the_tables(kind: str, content: object) -> None:
    raw = msgspec.msgpack.encode(content)
    try:
        rows = rows_of(DEVICE, EPOCH, Record(1, kind, START_MS, msgspec.Raw(raw)))
    except BadMessage:
        return
    for _, row in rows:
        for value in row.values():
            if isinstance(value, int):
                struct.pack(">q", value)
            if isinstance(value, float):
                assert math.isfinite(value)
