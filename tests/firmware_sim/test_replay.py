import csv
import gzip
from importlib.resources import files
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.domain.signals import BATTERY_POWER, BATTERY_SOC, GRID_POWER, LOAD_POWER, PV_POWER
from firmware_sim.clock import instant_text, parse_instant
from firmware_sim.errors import SimError
from firmware_sim.replay import RECORDINGS, RecordedHome, load_recording, played_from
from tests.firmware_sim.support import MINUTE_MS, ORIGIN_MS

SEATTLE = load_recording("seattle_powerwall")
HOME = RecordedHome(SEATTLE, ORIGIN_MS, 27_000)
INSTANTS = st.integers(0, 200 * 86_400_000).map(lambda offset: ORIGIN_MS + offset)


def rows() -> list[dict[str, str]]:
    packed = files("firmware_sim").joinpath("recordings", "seattle_powerwall", RECORDINGS["seattle_powerwall"])
    return list(csv.DictReader(gzip.decompress(packed.read_bytes()).decode().splitlines()))


def test_a_day_is_played_on_its_own_date_and_hour() -> None:
    row = next(row for row in rows() if row["time"] == "2022-05-17T20:00:00Z")
    state = HOME.state_at(parse_instant("2026-05-17T20:00:00Z"))
    assert state.flows.pv_w == float(row[PV_POWER])
    assert state.flows.battery_w == float(row[BATTERY_POWER])
    assert state.flows.grid_w == pytest.approx(float(row[GRID_POWER]))
    assert state.flows.load_w == pytest.approx(float(row[LOAD_POWER]), abs=101)


def test_the_recorded_charge_is_held_until_the_next() -> None:
    known = [(parse_instant(row["time"]), float(row[BATTERY_SOC])) for row in rows() if row[BATTERY_SOC]]
    moved = parse_instant("2026-05-10T00:00:00Z") - parse_instant("2022-05-10T00:00:00Z")
    for (at_ms, soc), (next_ms, _) in list(pairwise(known))[3000:3100]:
        for instant in (at_ms, next_ms - 1):
            assert HOME.state_at(instant + moved).soc * 100 == soc


@given(INSTANTS)
def test_the_balance_holds_at_every_instant(at_ms: int) -> None:
    now = HOME.state_at(at_ms).flows
    assert now.pv_w + now.grid_w == pytest.approx(now.load_w + now.battery_w, abs=1e-6)
    assert now.load_w == pytest.approx(now.ac_w + now.grid_w, abs=1e-6)
    assert now.pv_w >= 0
    assert now.load_w >= 0
    assert 0 <= HOME.state_at(at_ms).soc <= 1


@given(INSTANTS, st.integers(1, 90 * 86_400_000))
def test_counters_never_fall_not_even_where_the_recording_begins_again(at_ms: int, later_ms: int) -> None:
    early, late = HOME.state_at(at_ms).stores, HOME.state_at(at_ms + later_ms).stores
    for counter in ("charge_wh", "discharge_wh", "import_wh", "export_wh", "ac_wh"):
        assert getattr(late, counter) >= getattr(early, counter)
    assert late.strings_wh >= early.strings_wh


def test_a_counter_is_the_sum_of_its_power() -> None:
    energy = sum(HOME.state_at(ORIGIN_MS + minute * MINUTE_MS).flows.pv_w / 60 for minute in range(1440))
    gained = (
        HOME.state_at(ORIGIN_MS + 1440 * MINUTE_MS).stores.strings_wh[0] - HOME.state_at(ORIGIN_MS).stores.strings_wh[0]
    )
    assert gained == pytest.approx(energy, rel=1e-9)


def test_after_its_last_day_the_recording_begins_again() -> None:
    first, length = played_from(SEATTLE.first_ms, ORIGIN_MS), SEATTLE.length_ms
    assert length == 61 * 86_400_000
    for minute in (0, 600, 5000):
        at_ms = first + minute * MINUTE_MS
        again = HOME.state_at(at_ms + length)
        assert again.flows == HOME.state_at(at_ms).flows


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2026-05-01T00:00:00Z", "2026-04-01T07:00:00Z"),
        ("2026-04-01T06:59:00Z", "2025-04-01T07:00:00Z"),
        ("2026-01-15T00:00:00Z", "2025-04-01T07:00:00Z"),
        ("2022-04-01T07:00:00Z", "2022-04-01T07:00:00Z"),
    ],
)
def test_it_is_moved_by_whole_years(start: str, first: str) -> None:
    assert instant_text(played_from(SEATTLE.first_ms, parse_instant(start))) == first


def test_an_unknown_recording_is_refused() -> None:
    with pytest.raises(SimError, match=r"recording 'mars' does not exist; known: seattle_powerwall"):
        load_recording("mars")


def test_the_licence_travels_with_the_data() -> None:
    readme = files("firmware_sim").joinpath("recordings", "seattle_powerwall", "README.md").read_text()
    assert "MIT License" in readme
    assert "Copyright (c) 2021 Craig A. Hobbs" in readme
    assert "567f421488b68c31192b3891da62e72ccf10b6d3" in readme
