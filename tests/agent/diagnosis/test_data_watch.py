"""Each signal by itself: whether it comes, moves and is possible."""

from collections.abc import Mapping

import pytest

from agent.diagnosis.data_watch import DataWatch
from agent.domain.blocks import Block
from agent.domain.faults import FaultCode
from agent.domain.signals import (
    BATTERY_SOC,
    GRID_IMPORT_TOTAL,
    GRID_POWER,
    LOAD_POWER,
    OUTDOOR_TEMPERATURE,
    PV_POWER,
    Quality,
    Reading,
    SignalName,
)
from agent.domain.timeline import Move
from agent.domain.wire import Fault

MINUTE = 60_000
NOBODY: frozenset[SignalName] = frozenset()
NOTHING: frozenset[FaultCode] = frozenset()


def values(minute: int) -> dict[SignalName, float]:
    return {LOAD_POWER: 400.0 + minute % 7, PV_POWER: 900.0 + minute % 5, OUTDOOR_TEMPERATURE: 10 + minute % 3 / 10}


class Site:
    """A watch that sees a minute after the other."""

    def __init__(self) -> None:
        self.watch = DataWatch(900.0)
        self.minute = 0

    def live(
        self,
        minutes: int,
        changed: Mapping[SignalName, float] | None = None,
        lost: Mapping[SignalName, Quality] | None = None,
        silenced: frozenset[FaultCode] = NOTHING,
        asleep: frozenset[SignalName] = NOBODY,
    ) -> list[Fault]:
        faults = []
        for _ in range(minutes):
            shown = values(self.minute) | dict(changed or {})
            kept = {name: value for name, value in shown.items() if name not in (lost or {})}
            faults += self.watch.update(Reading(self.minute * MINUTE, kept, dict(lost or {})), silenced, asleep)
            self.minute += 1
        return faults


@pytest.fixture
def site() -> Site:
    site = Site()
    assert site.live(120) == []
    return site


def steps(faults: list[Fault]) -> list[tuple[str, str, str]]:
    return [(fault.code, fault.component, fault.phase) for fault in faults]


def test_a_signal_that_does_not_come_and_comes_again(site: Site) -> None:
    lost = site.live(40, lost={PV_POWER: Quality.MISSING})
    assert steps(lost) == [(FaultCode.GAP, PV_POWER, "start")]
    assert lost[0].start_ms == 119 * MINUTE, "since it came last"
    assert 15 < lost[0].evidence["missing_minutes"] <= 26
    assert steps(site.live(40)) == [(FaultCode.GAP, PV_POWER, "end")]


def test_what_is_asleep_or_explained_is_not_missing(site: Site) -> None:
    lost = {PV_POWER: Quality.MISSING}
    assert site.live(100, lost=lost, asleep=frozenset({PV_POWER})) == []
    assert site.live(100, lost=lost, silenced=frozenset({FaultCode.GAP})) == []


def test_the_night_is_no_time_that_something_was_missing(site: Site) -> None:
    lost = {PV_POWER: Quality.MISSING}
    site.live(480, lost=lost, asleep=frozenset({PV_POWER}))
    assert site.live(14, lost=lost) == [], "it is given as long in the morning as at any other time"
    assert site.live(10) == []
    told = site.live(60, lost=lost)
    assert [(fault.code, fault.phase) for fault in told] == [(FaultCode.GAP, "start")]
    assert site.live(480, lost=lost, asleep=frozenset({PV_POWER})) == []
    assert [fault.phase for fault in site.live(20, lost=lost)] == ["update"], "what was missing before it still is"


def test_a_pause_of_the_whole_site_is_no_signals_fault(site: Site) -> None:
    site.watch.pause((site.minute - 1) * MINUTE)
    site.minute += 600
    site.watch.resume(site.minute * MINUTE)
    assert site.live(60) == []


def test_a_signal_that_usually_comes_rarely_is_given_longer() -> None:
    site = Site()
    for quarter in range(80):
        with_it = quarter % 2 == 0
        site.live(1, lost={} if with_it else {PV_POWER: Quality.MISSING})
        site.minute += 14
    assert site.live(50, lost={PV_POWER: Quality.MISSING}) == [], "half an hour is its rhythm"
    (start,) = site.live(60, lost={PV_POWER: Quality.MISSING})
    assert (start.code, start.start_ms) == (FaultCode.GAP, 78 * 15 * MINUTE), "since it came last"


def test_a_value_that_cannot_be_is_kept_from_all_rules(site: Site) -> None:
    faults = site.live(20, changed={PV_POWER: 4.2e6})
    assert steps(faults) == [(FaultCode.OUT_OF_RANGE, PV_POWER, "start")]
    assert faults[0].evidence[PV_POWER] == 4.2e6
    assert site.watch.impossible == {PV_POWER}
    reading = Reading(0, {PV_POWER: 4.2e6, LOAD_POWER: 1.0}, {BATTERY_SOC: Quality.MISSING})
    assert site.watch.trusted(reading) == Reading(0, {LOAD_POWER: 1.0}, {BATTERY_SOC: Quality.MISSING})
    assert steps(site.live(40)) == [(FaultCode.OUT_OF_RANGE, PV_POWER, "end")]
    assert site.watch.impossible == set()


def test_what_the_driver_calls_invalid_is_impossible_and_not_missing(site: Site) -> None:
    assert steps(site.live(60, lost={PV_POWER: Quality.INVALID})) == [(FaultCode.OUT_OF_RANGE, PV_POWER, "start")]


def test_a_load_that_stands_is_doubted_first_and_told_later(site: Site) -> None:
    assert site.live(20, changed={LOAD_POWER: 555.0}) == []
    assert site.watch.doubtful == {LOAD_POWER}
    faults = site.live(200, changed={LOAD_POWER: 555.0})
    assert steps(faults) == [(FaultCode.STUCK_VALUE, LOAD_POWER, "start")]
    assert faults[0].start_ms == 120 * MINUTE
    assert faults[0].evidence[LOAD_POWER] == 555.0
    assert steps(site.live(40)) == [(FaultCode.STUCK_VALUE, LOAD_POWER, "end")]
    assert site.watch.doubtful == set()


def test_a_stale_value_is_one_that_stands(site: Site) -> None:
    faults = site.live(60, lost={LOAD_POWER: Quality.STALE})
    assert steps(faults) == [(FaultCode.STUCK_VALUE, LOAD_POWER, "start")]
    assert faults[0].start_ms == 120 * MINUTE


def counting(site: Site, minutes: int, *, moves: bool, silenced: frozenset[FaultCode] = NOTHING) -> list[Fault]:
    faults = []
    for _ in range(minutes):
        counted = 1000.0 + (site.minute if moves else 119)
        changed = {GRID_POWER: 900.0 + site.minute % 9, GRID_IMPORT_TOTAL: counted}
        faults += site.live(1, changed=changed, silenced=silenced)
    return faults


def test_a_counter_is_not_blamed_for_the_time_in_which_its_power_was_wrong() -> None:
    site = Site()
    counting(site, 120, moves=True)
    assert counting(site, 170, moves=False, silenced=frozenset({FaultCode.STUCK_VALUE})) == []
    assert counting(site, 100, moves=False) == []
    stuck = counting(site, 120, moves=False)
    assert steps(stuck) == [(FaultCode.STUCK_VALUE, GRID_IMPORT_TOTAL, "start")]


def test_calm_ends_where_something_may_begin(site: Site) -> None:
    def block(**odd: float) -> Block:
        rows = [values(site.minute + n) for n in range(40)]
        rows[25] |= {{"pv": PV_POWER, "load": LOAD_POWER}[name]: value for name, value in odd.items()}
        return Block([Reading((site.minute + n) * MINUTE, row) for n, row in enumerate(rows)])

    assert site.watch.calm_rows(block()) == 40
    assert site.watch.calm_rows(block(pv=4.2e6)) == 25
    site.live(20, changed={LOAD_POWER: 555.0})
    assert site.watch.calm_rows(block()) == 0, "a signal is in doubt"
    assert DataWatch(900.0).calm_rows(block()) == 0, "nothing is known yet"


def test_a_load_that_stands_within_a_block_ends_the_calm(site: Site) -> None:
    rows = [values(site.minute + n) | ({LOAD_POWER: 555.0} if n > 10 else {}) for n in range(60)]
    calm = site.watch.calm_rows(Block([Reading((site.minute + n) * MINUTE, row) for n, row in enumerate(rows)]))
    assert 11 < calm <= 11 + 15


def test_a_calm_block_at_one_go_is_as_good_as_its_readings(site: Site) -> None:
    other = DataWatch(900.0)
    other.restore(site.watch.state())
    readings = [Reading((site.minute + n) * MINUTE, values(site.minute + n)) for n in range(200)]
    for reading in readings:
        assert site.watch.update(reading, NOTHING, NOBODY) == []
    block = Block(readings)
    assert other.calm_rows(block) == 200
    other.pass_all(block, NOTHING)
    assert other.state() == site.watch.state()


def test_the_clock_was_set(site: Site) -> None:
    site.watch.move(Move(86_400_000, 0, 10**12), rename=True)
    site.minute += 1440
    assert site.live(60) == []
