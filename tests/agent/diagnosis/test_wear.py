"""What wears at a site, told through the diagnosis as records of the kind `maintenance`."""

import itertools
from collections.abc import Callable

from agent.diagnosis.engine import Diagnosis
from agent.diagnosis.settings import settings_from
from agent.diagnosis.wear import STARTS, WATER, Wear
from agent.domain.local_time import LocalTime
from agent.domain.maintenance import MAINTENANCE, Maintenance, maintenance_of
from agent.domain.signals import BURNER_ON, WATER_PRESSURE, Reading
from agent.domain.wire import Unknown

DAY_MS = 86_400_000
STEP_MS = 600_000
SITE = settings_from({"site": {"timezone": "Europe/Berlin"}})


def live(values: Callable[[int], dict[str, float]], days: int) -> list[tuple[int, Maintenance]]:
    """`(day, record)` of everything told; `values` is asked for each ten minutes."""
    diagnosis, told = Diagnosis(SITE), []
    for step in range(days * 144):
        reading = Reading(step * STEP_MS, values(step))  # type: ignore[arg-type]
        for _, body in diagnosis.update(reading):
            if isinstance(body, Unknown) and body.kind == MAINTENANCE:
                told.append((step // 144, maintenance_of(body.raw)))
    return told


def test_a_leak_is_told_before_the_boiler_stops_once_a_week() -> None:
    told = live(lambda step: {WATER_PRESSURE: 1.6 - 0.02 * step / 144 + step % 3 / 100}, 36)
    assert len(told) >= 3
    days = [day for day, _ in told]
    assert all(later - earlier >= 7 for earlier, later in itertools.pairwise(days))
    for day, record in told:
        assert (record.code, record.limit) == (WATER, 0.8)
        assert record.days_low is not None
        assert record.days_high is not None
        assert record.days_low - 1.5 <= 40 - day <= record.days_high + 1.5


def test_once_refilled_it_is_taken_back() -> None:
    told = live(
        lambda step: {WATER_PRESSURE: (1.6 if step > 20 * 144 else 1.6 - 0.03 * step / 144) + step % 3 / 100}, 30
    )
    assert told[0][1].days_low is not None
    assert (told[-1][1].days_low, told[-1][1].days_high) == (None, None)


def test_pressure_that_breathes_and_a_burner_that_follows_the_weather_are_well() -> None:
    def values(step: int) -> dict[str, float]:
        share = 2 + step // 144 % 5  # of six samples an hour
        return {WATER_PRESSURE: 1.5 + step % 144 / 1000, BURNER_ON: float(step % 6 < min(share, 5))}

    assert live(values, 50) == []


def test_starts_that_become_more_whatever_the_weather() -> None:
    wear, local = Wear(0.8, None), LocalTime(SITE.site.zone)
    told = []
    for minute in range(40 * 1440):
        period = max(8, 30 - minute // 1440)
        reading = Reading(minute * 60_000, {BURNER_ON: float(minute % period < period // 2)})
        told += wear.update(reading, local, lambda: None)
    assert {each.code for each in told} == {STARTS}
    assert told[0].per_day > 0
