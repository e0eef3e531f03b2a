"""Runs over arrays give what the agent's own rules and tracker give sample by sample, however rows are cut."""

import random
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.diagnosis.settings import DiagnosisSettings
from agent.domain.episodes import EpisodeTracker, Timing
from agent.domain.local_time import LocalTime
from agent.domain.rules import BatteryNotCharging, Rule
from agent.domain.rules_dark import NoSolarProduction
from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, LOAD_POWER, PV_POWER, Reading, SignalName
from cloud.fleet.equipment_episodes import EpisodeJob, Rules
from cloud.fleet.equipment_minutes import CODES, Period, Zones

NAMES = (PV_POWER, LOAD_POWER, BATTERY_POWER, BATTERY_SOC)
START = 1_497_000_000_000
Sample = tuple[int, float | None, float | None, float | None, float | None]


def table(rows: dict[str, list[Sample]]) -> pa.Table:
    flat = [(device, *sample) for device, samples in rows.items() for sample in samples]
    columns = list(zip(*flat, strict=True)) if flat else [()] * 6
    kinds = [pa.string(), pa.timestamp("ms", tz="UTC"), *[pa.float64()] * 4]
    return pa.table(
        [pa.array(list(column), kind) for column, kind in zip(columns, kinds, strict=True)],
        names=["device", "time", *NAMES],
    )


def walked(samples: list[Sample], rule: Rule, timing: Timing) -> dict[str, object]:
    """The same by the agent's own classes."""
    tracker = EpisodeTracker(timing)
    ended: dict[int, int] = {}
    begun: list[int] = []
    for at_ms, *values in samples:
        reading = {SignalName(n): v for n, v in zip(NAMES, values, strict=True) if v is not None}
        for episode in tracker.update(at_ms, rule.judge(Reading(at_ms, reading))):
            if episode.end_ms is None:
                begun.append(episode.start_ms)
            else:
                ended[len(begun) - 1] = episode.end_ms
    ends = [ended.get(i, -1) for i in range(len(begun))]
    figures = tracker.reliability.state()
    return {name: figures[name] for name in FIGURES} | {"at": begun, "end": ends}


FIGURES = ("failures", "repairs", "up_ms", "down_ms")


def told(result: pa.Table, device: str, code: str) -> dict[str, object]:
    row = next(row for row in result.to_pylist() if row["device"] == device)
    return {name: row[f"{code}__{name}"] for name in (*FIGURES, "at", "end")}


def expected(
    samples: list[Sample], rules: Rules, zone: str, place: tuple[float, float] | None
) -> list[dict[str, object]]:
    solar = NoSolarProduction(rules.solar, LocalTime(ZoneInfo(zone)), place)
    return [
        walked(samples, BatteryNotCharging(rules.battery), rules.battery_timing),
        walked(samples, solar, rules.solar_timing),
    ]


def watts(levels: list[float]) -> st.SearchStrategy[float | None]:
    return st.sampled_from([None, *levels])


@st.composite
def homes(draw: st.DrawFn) -> list[Sample]:
    """Stretches of equal values with steps, gaps and blips, around noon as often as not.

    Without what only the device judges, with what it has learned: charge that jumps, panels too small for a closed sky.
    """
    at = START + draw(st.integers(0, 2 * 1440)) * 60_000
    samples: list[Sample] = []
    for _ in range(draw(st.integers(1, 10))):
        values = (
            draw(watts([0.0, 3.0, 20_000.0, 20_000.0])),
            draw(watts([200.0, 200.0, 1400.0])),
            draw(watts([-500.0, 0.0, 900.0, 0.0])),
            draw(watts([91.0, 91.0, 95.0, 98.0])),
        )
        step = draw(st.sampled_from([60_000, 60_000, 60_000, 300_000, 61_001, 900_001, 4_000_000]))
        for _ in range(draw(st.integers(1, 25))):
            samples.append((at, *values))
            at += step
        at += draw(st.sampled_from([0, 0, 0, 30_000, 3_700_000, 40_000_000]))
    return samples


@given(st.lists(homes(), min_size=1, max_size=3), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=60, deadline=None)
def test_equals_the_agents_own_rules_however_rows_are_cut(
    fleet: list[list[Sample]], rng: random.Random, placed: bool
) -> None:
    rows = {f"home-{i}": samples for i, samples in enumerate(fleet)}
    places = dict.fromkeys(rows, (48.0, 11.0)) if placed else {}
    job = EpisodeJob(Zones("Europe/Berlin"), places=places)
    everything = table(rows)
    results = []
    for shuffled in (False, True):
        order = list(range(len(everything)))
        if shuffled:
            rng.shuffle(order)
        cuts = sorted(rng.choices(range(len(order) + 1), k=3))
        pieces = [order[a:b] for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
        partials = [job.partial(everything.take(pa.array(piece, pa.int64()))) for piece in pieces]
        rng.shuffle(partials)
        results.append(job.finish(pa.concat_tables(partials)))
    assert results[0].equals(results[1])
    for device, samples in rows.items():
        want = expected(samples, job.rules, "Europe/Berlin", places.get(device))
        assert [told(results[0], device, code) for code in CODES] == want


def test_samples_too_far_apart_to_remember_each_other_begin_nothing() -> None:
    apart = [(START + i * 4_000_000, 20_000.0, 200.0, 0.0, 50.0) for i in range(5)]
    close = [(apart[-1][0] + (1 + i) * 60_000, 20_000.0, 200.0, 0.0, 50.0) for i in range(25)]
    job = EpisodeJob(Zones("Europe/Berlin"))
    result = job.finish(job.partial(table({"home-0": apart + close})))
    want = expected(apart + close, job.rules, "Europe/Berlin", None)
    assert [told(result, "home-0", code) for code in CODES] == want
    assert want[0]["at"] == [apart[-1][0]]


def test_the_default_rules_are_the_agents() -> None:
    agent, ours = DiagnosisSettings(), Rules()
    assert (ours.battery, ours.battery_timing) == (agent.battery_not_charging, agent.battery_timing)
    assert (ours.solar, ours.solar_timing) == (agent.no_solar_production, agent.solar_timing)


def failing_day(at_ms: int, minutes: int) -> list[Sample]:
    return [(at_ms + i * 60_000, 2000.0, 300.0, 0.0 if 60 <= i < 100 else 1000.0, 50.0) for i in range(minutes)]


def test_forty_minutes_are_one_failure_with_its_exposure() -> None:
    job = EpisodeJob(Zones())
    noon = START // 86_400_000 * 86_400_000 + 12 * 3_600_000
    row = job.finish(job.partial(table({"a": failing_day(noon, 300)}))).to_pylist()[0]
    assert row["battery_not_charging__failures"] == 1
    assert row["battery_not_charging__down_ms"] == 40 * 60_000
    assert row["battery_not_charging__up_ms"] == 259 * 60_000
    assert row["battery_not_charging__at"] == [noon + 3_600_000]
    assert row["battery_not_charging__clock_ms"] == [3_600_000]
    assert row["battery_not_charging__day"] == [noon // 86_400_000]
    assert row["battery_not_charging__day_up_ms"] == [259 * 60_000]
    assert row["observed_ms"] == 299 * 60_000


@pytest.mark.parametrize("kilowatts", [False, True])
def test_kilowatts_are_told_apart_by_the_caller(kilowatts: bool) -> None:
    noon = START // 86_400_000 * 86_400_000 + 12 * 3_600_000
    rows = [
        (t, (pv or 0) / 1000, (load or 0) / 1000, (b or 0) / 1000, soc)
        for t, pv, load, b, soc in failing_day(noon, 300)
    ]
    job = EpisodeJob(Zones(), watts=1000.0 if kilowatts else 1.0)
    row = job.finish(job.partial(table({"a": rows}))).to_pylist()[0]
    assert row["battery_not_charging__failures"] == (1 if kilowatts else 0)


def test_the_period_is_half_open() -> None:
    noon = START // 86_400_000 * 86_400_000 + 12 * 3_600_000
    job = EpisodeJob(Zones(), period=Period(noon + 60_000, noon + 180_000))
    row = job.finish(job.partial(table({"a": failing_day(noon, 10)}))).to_pylist()[0]
    assert (row["rows"], row["first_ms"], row["last_ms"]) == (2, noon + 60_000, noon + 120_000)


def test_no_rows_are_no_homes() -> None:
    job = EpisodeJob(Zones())
    assert job.finish(job.partial(table({}))).num_rows == 0
    assert job.finish(job.partial_schema.empty_table()).num_rows == 0
