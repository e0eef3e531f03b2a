"""The published figure over arrays is the agent's, minute by minute, however rows are cut."""

import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.domain.errors import BadSetup
from agent.domain.local_time import LocalTime
from agent.domain.reliability import PublishedMtbf
from agent.domain.rules import Rule
from agent.domain.rules_published import PublishedBattery, PublishedSolar
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER, Reading, SignalName
from cloud.fleet.equipment_minutes import CODES, Period, Zones
from cloud.fleet.equipment_published import PublishedJob

NAMES = (PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC)
MIDNIGHT = int(datetime(2017, 6, 4, tzinfo=UTC).timestamp() * 1000)
Row = tuple[str, int, float | None, float | None, float | None, float | None]


def table(rows: list[Row]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    kinds = [pa.string(), pa.timestamp("ms", tz="UTC"), *[pa.float64()] * 4]
    return pa.table(
        [pa.array(list(column), kind) for column, kind in zip(columns, kinds, strict=True)],
        names=["device", "time", *NAMES],
    )


def figures(result: pa.Table) -> dict[str, list[tuple[int, int]]]:
    return {
        row["device"]: [(row[f"{code}__minutes"], row[f"{code}__failures"]) for code in CODES]
        for row in result.to_pylist()
    }


def example() -> list[Row]:
    """One printed day of the published program: the four failing minutes of 2017-06-04, and healthy ones between."""
    failing = {
        9 * 60 + 29: (0.115, -0.011, 0.732),
        17 * 60 + 15: (0.302, -0.099, 0.721),
        17 * 60 + 22: (0.357, -1.579, 0.495),
        17 * 60 + 31: (0.329, -0.171, 0.364),
    }
    rows: list[Row] = []
    for minute in range(1440):
        load, battery, pv = failing.get(minute, (0.3, 0.4, 0.8))
        rows.append(("UTXb98803", MIDNIGHT + minute * 60_000, pv, load, battery, 60.0))
    return rows


def test_the_worked_example() -> None:
    job = PublishedJob(Zones())
    result = job.finish(job.partial(table(example()))).to_pylist()[0]
    assert (result["battery_not_charging__minutes"], result["battery_not_charging__failures"]) == (479, 4)
    assert 479 / 4 == 119.75
    assert result["no_solar_production__failures"] == 0


def walked(rows: list[Row], rule: Rule) -> tuple[int, int]:
    mtbf = PublishedMtbf()
    for _, at_ms, *values in rows:
        reading = {SignalName(n): v for n, v in zip(NAMES, values, strict=True) if v is not None}
        if rule.judge(Reading(at_ms, reading)):
            mtbf.update(at_ms)
    return mtbf.minutes, mtbf.failures


@st.composite
def fleets(draw: st.DrawFn) -> list[Row]:
    level = st.sampled_from([None, 0.0, 0.2, 0.5])
    soc = st.sampled_from([None, 50.0, 100.0])
    rows: list[Row] = []
    for device in range(draw(st.integers(0, 3))):
        at = MIDNIGHT + draw(st.integers(9 * 60, 12 * 60)) * 60_000
        for _ in range(draw(st.integers(0, 60))):
            battery = draw(st.sampled_from([None, -0.3, 0.0, 0.3]))
            rows.append((f"home-{device}", at, draw(level), draw(level), battery, draw(soc)))
            at += draw(st.sampled_from([20_000, 60_000, 60_000, 600_000, 86_400_000]))
    return rows


@given(fleets(), st.sampled_from(["UTC", "Europe/London", "Asia/Kathmandu"]), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_equals_the_agents_own_however_rows_are_cut(rows: list[Row], zone: str, rng: random.Random) -> None:
    job = PublishedJob(Zones("UTC", {f"home-{i}": zone for i in range(2)}))
    shuffled = rows * 2 if rng.random() < 0.3 else list(rows)
    rng.shuffle(shuffled)
    cut = rng.randint(0, len(shuffled))
    whole = job.finish(job.partial(table(rows)))
    pieces = [job.partial(table(piece)) for piece in (shuffled[cut:], shuffled[:cut])]
    in_pieces = job.finish(pa.concat_tables(pieces))
    assert whole.drop_columns("rows").equals(in_pieces.drop_columns("rows"))
    found = figures(whole)
    for device in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == device]
        local = LocalTime(ZoneInfo("UTC" if device == "home-2" else zone))
        assert found[device] == [walked(own, PublishedBattery()), walked(own, PublishedSolar(local))]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "int64"])
def test_times_of_every_unit(unit: str) -> None:
    rows = table(example())
    kind = pa.int64() if unit == "int64" else pa.timestamp(unit)
    column = rows.column("time").cast(kind)
    period = Period(MIDNIGHT + 10 * 3_600_000, MIDNIGHT + 1042 * 60_000 + 1)
    job = PublishedJob(Zones(), period)
    assert figures(job.finish(job.partial(rows.set_column(1, "time", column)))) == {"UTXb98803": [(6, 2), (0, 0)]}


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("time", pa.array(["2017-06-04"]), "column 'time': type string"),
        ("time", pa.array([None], pa.timestamp("ms")), "1 rows have no time"),
        ("device", pa.array([None], pa.string()), "1 rows have no device"),
        (str(PV_POWER), pa.array(["much"]), "type string; expected a number"),
    ],
)
def test_a_column_of_the_wrong_kind_is_named(column: str, value: pa.Array, said: str) -> None:
    rows = table([("a", MIDNIGHT, 1.0, 1.0, 1.0, 1.0)])
    rows = rows.set_column(rows.schema.get_field_index(column), column, value)
    with pytest.raises(BadSetup, match=said):
        PublishedJob(Zones()).partial(rows)


def test_an_unknown_zone_is_named() -> None:
    with pytest.raises(BadSetup, match="'Europe/Atlantis' is not a time zone"):
        Zones("Europe/Atlantis")
