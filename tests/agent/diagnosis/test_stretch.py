"""A stretch at one go ends where reading by reading ends: the same records, the same state, wherever it is cut."""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import DiagnosisSettings, settings_from
from agent.diagnosis.stretch import MOST_ROWS, Pace, alike
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BURNER_ON,
    FLOW_TEMPERATURE,
    GRID_EXPORT_TOTAL,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    INVERTER_ALARM,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PUMP_ON,
    PV_ENERGY_TOTAL,
    PV_POWER,
    RETURN_TEMPERATURE,
    ROOM_TEMPERATURE,
    WATER_PRESSURE,
    Quality,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move
from agent.domain.wire import Body
from firmware_sim.labelled.moments import SOURCE, Moment
from firmware_sim.labelled.sites import heat_moments, home_moments
from firmware_sim.labelled.story import HEAT_FAULTS, POWER_FAULTS, some_story
from firmware_sim.variety import some_boiler, some_home

MINUTE = 60_000
START = 1_654_041_600_000
SITE = settings_from({"site": {"latitude": 48.1, "longitude": 11.6, "timezone": "Europe/Berlin"}})
Records = list[tuple[int, Body]]


def row_by_row(diagnosis: Diagnosis, readings: Sequence[Reading]) -> Records:
    return [record for reading in readings for record in diagnosis.update(reading, {SOURCE: True})]


def at_one_go(diagnosis: Diagnosis, readings: Sequence[Reading], sizes: Iterator[int]) -> Records:
    """In parts of those sizes."""
    records, at = Records(), 0
    while at < len(readings):
        size = next(sizes)
        records += diagnosis.update_many(readings[at : at + size], {SOURCE: True})
        at += size
    return records


def same(readings: Sequence[Reading], sizes: Iterator[int], site: DiagnosisSettings = SITE) -> None:
    one, many = Diagnosis(site), Diagnosis(site)
    assert at_one_go(many, readings, sizes) == row_by_row(one, readings)
    assert many.state() == one.state()
    assert Diagnosis.from_state(site, many.state()).state() == one.state()


def home(minute: int, dice: random.Random) -> dict[SignalName, float]:
    sun = max(0.0, math.sin((minute % 1440 - 240) / 1020 * math.pi))
    pv, load = round(5000 * sun * dice.uniform(0.9, 1.0), 1), round(dice.uniform(200, 900), 1)
    soc = round(50 + 45 * math.sin((minute % 1440 - 600) / 229), 1)
    battery = round(max(-2500.0, min(2500.0, pv - load)), 1)
    counted = float(minute * 7)
    return {
        PV_POWER: pv, LOAD_POWER: load, BATTERY_POWER: battery, GRID_POWER: round(load + battery - pv, 1),
        BATTERY_SOC: soc, PV_ENERGY_TOTAL: counted, GRID_IMPORT_TOTAL: counted // 90, GRID_EXPORT_TOTAL: 5000.0,
        INVERTER_ALARM: 0.0, OUTDOOR_TEMPERATURE: round(10 + 8 * sun + dice.gauss(0, 0.1), 1),
    }  # fmt: skip


def house(minute: int, dice: random.Random) -> dict[SignalName, float]:
    burns = float(minute % 40 < 25)
    flow = round(45 + 6 * math.sin(minute / 6) * burns + dice.gauss(0, 0.1), 1)
    return {
        OUTDOOR_TEMPERATURE: round(2 + 4 * math.sin(minute / 229), 1), FLOW_TEMPERATURE: flow,
        RETURN_TEMPERATURE: round(flow - 8, 1), ROOM_TEMPERATURE: round(20.5 + dice.gauss(0, 0.05), 1),
        PUMP_ON: float(minute % 1440 > 240), BURNER_ON: burns, WATER_PRESSURE: round(1.5 + dice.gauss(0, 0.01), 2),
    }  # fmt: skip


def spoil(readings: list[Reading], dice: random.Random, events: int) -> list[Reading]:
    """What happens at real sites, at random: values that stand, jump, are lost or absurd, silence, a clock set back."""
    for _ in range(events):
        at, length = dice.randrange(len(readings)), dice.randrange(1, 300)
        name = dice.choice(list(readings[0].values))
        kind = dice.choice(("stands", "zero", "minus", "lost", "absurd", "nan", "silence", "back", "invalid"))
        part = range(at, min(len(readings), at + length))
        for i in part:
            reading = readings[i]
            value = reading.values.get(name)
            if value is None:
                continue
            values, bad = dict(reading.values), dict(reading.bad)
            if kind in ("lost", "invalid"):
                del values[name]
                bad[name] = Quality.MISSING if kind == "lost" else Quality.INVALID
            elif kind == "back":
                reading = Reading(reading.at_ms - 3_600_000, reading.values)
            else:
                stood = readings[at].values.get(name, value)
                values[name] = {
                    "stands": stood,
                    "zero": 0.0,
                    "minus": dice.choice((0.0, -0.0)),
                    "absurd": 4e7,
                    "nan": math.nan,
                }.get(kind, value)
            readings[i] = Reading(reading.at_ms, values, bad)
        if kind == "silence":
            del readings[part.start : part.stop]
    return readings


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), events=st.integers(0, 12), heats=st.booleans())
def test_stretches_end_where_single_readings_end(seed: int, events: int, heats: bool) -> None:
    dice = random.Random(seed)
    site, first = (house if heats else home), dice.randrange(1440)
    readings = [Reading(START + (first + n) * MINUTE, site(first + n, dice)) for n in range(3000)]
    same(spoil(readings, dice, events), iter(lambda: dice.choice((1, 7, 100, 3000)), 0))


def moments(kind: str, number: int, days: int) -> Iterator[Moment]:
    if kind == "home":
        return home_moments(some_story(number, POWER_FAULTS, winter=False, days=days), some_home(number))
    return heat_moments(some_story(number, HEAT_FAULTS, winter=True, days=days), some_boiler(number))


@pytest.mark.parametrize(("kind", "number"), [("home", 11), ("heat", 12)])
def test_whole_sites_with_their_faults(kind: str, number: int) -> None:
    days = 22
    readings = [each.reading() for each in islice(moments(kind, number, days), days * 1440) if each.heard]
    same(readings, iter(lambda: 2_000, 0))


def test_published_minutes_are_counted_alike() -> None:
    readings = []
    for n in range(3 * 1440):
        values = home(n, random.Random(n))
        values[BATTERY_POWER] = -20.0 if n % 311 < 2 else values[BATTERY_POWER]
        values[PV_POWER] = 0.0 if n // 1440 == 1 and 590 < n % 1440 < 610 else values[PV_POWER]
        readings.append(Reading(START + n * MINUTE, values))
    one, many = Diagnosis(SITE), Diagnosis(SITE)
    row_by_row(one, readings)
    many.update_many(readings, {SOURCE: True})
    told = {code: mtbf.state() for code, mtbf in many.published().items()}
    assert told == {code: mtbf.state() for code, mtbf in one.published().items()}
    assert all(state["published_failures"] for state in told.values())


def test_the_published_mode_and_a_clock_that_is_set_go_on_alike() -> None:
    readings = [Reading(START + n * MINUTE, home(n, random.Random(n))) for n in range(900)]
    same(readings, iter(lambda: 900, 0), settings_from({}, published=True))
    one, many = Diagnosis(SITE), Diagnosis(SITE)
    row_by_row(one, readings)
    many.update_many(readings, {SOURCE: True})
    move = Move(86_400_000, 0, readings[-1].at_ms)
    assert one.move(move, rename=True) == many.move(move, rename=True)
    later = [Reading(each.at_ms + 86_400_000 + 900 * MINUTE, each.values) for each in readings]
    assert many.update_many(later, {SOURCE: True}) == row_by_row(one, later)
    assert many.state() == one.state()


def test_a_source_that_does_not_answer_is_told_as_ever() -> None:
    readings = [Reading(START + n * MINUTE, home(n, random.Random(n))) for n in range(400)]
    one, many = Diagnosis(SITE), Diagnosis(SITE)
    expected = [record for reading in readings for record in one.update(reading, {SOURCE: False})]
    assert many.update_many(readings, {SOURCE: False}) == expected
    assert many.state() == one.state()


def test_a_stretch_ends_at_a_gap_another_signal_or_a_bad_one() -> None:
    def reading(minute: int, *names: SignalName) -> Reading:
        return Reading(minute * MINUTE, dict.fromkeys(names, 1.0))

    before, usual = reading(0, PV_POWER), [reading(n, PV_POWER) for n in range(1, 9)]
    assert len(alike(before, usual, 2, 60_000)) == 0, "what comes next is too far from what came before"
    assert len(alike(before, usual, 0, 900_000)) == 8
    for odd in (
        reading(20, PV_POWER),
        reading(4, LOAD_POWER),
        Reading(4 * MINUTE, {PV_POWER: 1.0}, {LOAD_POWER: Quality.STALE}),
    ):
        assert len(alike(before, [*usual[:3], odd, *usual[4:]], 0, 900_000)) == 3
    assert len(alike(before, [reading(n, PV_POWER) for n in range(1, 2000)], 0, 900_000)) == MOST_ROWS


def test_where_stretches_do_not_get_far_they_are_tried_less_often() -> None:
    pace = Pace()
    tried = 0
    for _ in range(1000):
        if pace.is_due():
            tried += 1
            pace.told(0)
    assert 10 < tried < 40
    pace.told(400)
    assert [pace.is_due() for _ in range(2)] == [False, True]
