"""All rules over one site that has everything: a restart at any sample changes nothing, and a moved clock moves it."""

import random
from collections.abc import Iterator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.rulebook import rules_of
from agent.diagnosis.settings import settings_from
from agent.domain.faults import FaultCode
from agent.domain.signals import (
    BATTERY_POWER,
    BATTERY_SOC,
    BOILER_FAULT,
    BURNER_ON,
    FLOW_TEMPERATURE,
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
)
from agent.domain.timeline import Move
from agent.domain.wire import Body, Fault

SITE = settings_from(
    {
        "site": {"latitude": 48.1, "longitude": 11.6, "timezone": "Europe/Berlin"},
        "tariff": {"import_per_kwh": 0.35, "export_per_kwh": 0.08},
    }
)
START_MS = 1_711_753_200_000  # 2024-03-29T23:00Z, two days before summer time
MINUTE_MS = 60_000
Told = list[tuple[int, Body]]


def site(seed: int, count: int) -> Iterator[tuple[Reading, bool]]:
    """Readings of a site in which now and then everything goes wrong, and whether its equipment answers."""
    dice = random.Random(seed)
    at_ms, total, imported, soc, air, room, flow = START_MS, 1e6, 1e6, 50.0, 3.0, 20.0, 40.0
    mood = 0
    for number in range(count):
        at_ms += dice.choice((1, 1, 1, 1, 5)) * MINUTE_MS + (
            dice.randint(20, 300) * MINUTE_MS if not number % 211 else 0
        )
        mood = dice.randint(0, 12) if not number % 60 else mood
        sun = max(0.0, 1 - abs(at_ms // MINUTE_MS % 1440 - 700) / 360)
        pv = 0.0 if mood == 1 else round(5000 * sun * dice.uniform(0.9, 1.0) * (0.5 if mood == 2 else 1), 1)
        load = 400.0 if mood == 3 else round(dice.uniform(200, 900), 1)
        battery = 0.0 if mood == 4 else round(max(-2000.0, min(2000.0, pv - load)), 1)
        grid = round(load + battery - pv, 1) * (-1 if mood == 5 else 1)
        soc = min(100.0, max(5.0, soc + battery / 6e4 + (20 if mood == 6 and dice.random() < 0.1 else 0)))
        total, imported = total + pv / 60, imported + max(0.0, grid) / 60
        air = air + dice.gauss(0, 0.05) + (15 if mood == 7 and dice.random() < 0.03 else 0)
        room = room + (0.0 if mood == 8 else dice.gauss(0, 0.03)) - (0.03 if mood == 9 else 0)
        flow = (
            20.0 if mood == 10 else 55 - 1.2 * air + (9 if mood == 11 and number % 10 < 5 else 0) + dice.gauss(0, 0.2)
        )
        values = {
            PV_POWER: pv, LOAD_POWER: load, BATTERY_POWER: battery, GRID_POWER: grid, BATTERY_SOC: round(soc, 1),
            PV_ENERGY_TOTAL: round(total), GRID_IMPORT_TOTAL: round(imported), INVERTER_ALARM: float(mood == 12),
            OUTDOOR_TEMPERATURE: round(air, 1), ROOM_TEMPERATURE: round(room, 1), FLOW_TEMPERATURE: round(flow, 1),
            RETURN_TEMPERATURE: round(flow - 6, 1), BURNER_ON: float(number % (4 if mood == 3 else 19) < 2),
            PUMP_ON: 1.0, WATER_PRESSURE: round(1.6 - number / 1000, 2), BOILER_FAULT: float(mood == 1),
        }  # fmt: skip
        bad = {}
        if mood in (2, 9):
            del values[LOAD_POWER]
            bad[LOAD_POWER] = Quality.MISSING if mood == 2 else Quality.INVALID
        answers = mood != 10 or number % 60 > 30
        yield (
            Reading(at_ms, values if answers else {}, bad if answers else dict.fromkeys(values, Quality.MISSING)),
            answers,
        )


def test_every_fault_that_has_a_rule_is_in_the_book() -> None:
    followed = {
        *rules_of(SITE),
        *(FaultCode.GAP, FaultCode.STUCK_VALUE, FaultCode.OUT_OF_RANGE, FaultCode.DEVICE_UNREACHABLE),
    }
    assert followed == set(FaultCode) - {FaultCode.UNUSUAL_BEHAVIOUR}


def test_the_story_stirs_most_rules() -> None:
    diagnosis, codes = Diagnosis(SITE), set()
    for seed in range(3):
        diagnosis = Diagnosis(SITE)
        for reading, answers in site(seed, 1500):
            codes |= {body.code for _, body in diagnosis.update(reading, {"all": answers}) if isinstance(body, Fault)}
    assert len(codes) >= 10
    assert len(diagnosis.state()) < 64 * 1024


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1000), st.lists(st.integers(0, 699), min_size=1, max_size=6))
def test_a_restart_at_any_sample_changes_no_later_record(seed: int, restarts: list[int]) -> None:
    straight, stopped = Diagnosis(SITE), Diagnosis(SITE)
    for number, (reading, answers) in enumerate(site(seed, 700)):
        if number in restarts:
            stopped = Diagnosis.from_state(SITE, stopped.state())
        assert stopped.update(reading, {"all": answers}) == straight.update(reading, {"all": answers})
    assert stopped.state() == straight.state()
    assert stopped.reliability_states() == straight.reliability_states()


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 1000), st.integers(1, 599))
def test_a_clock_that_was_set_by_some_seconds_changes_nothing_but_times(seed: int, when: int) -> None:
    """So few that neither the hour of a minute nor the sun is another one."""
    by_ms = 7_000
    still, moved = Diagnosis(SITE), Diagnosis(SITE)
    readings = list(site(seed, 600))
    for reading, answers in readings[:when]:
        assert still.update(reading, {"all": answers}) == moved.update(reading, {"all": answers})
    moved.move(Move(by_ms, 0, readings[when - 1][0].at_ms), rename=True)
    told: tuple[list[str], list[str]] = ([], [])
    for reading, answers in readings[when:]:
        later = Reading(reading.at_ms + by_ms, reading.values, reading.bad)
        for codes, diagnosis, each in ((told[0], still, reading), (told[1], moved, later)):
            codes += [
                f"{body.code} {body.phase} {body.component}"
                for _, body in diagnosis.update(each, {"all": answers})
                if isinstance(body, Fault)
            ]
    assert told[1] == told[0]
