from dataclasses import replace

import numpy as np
import pytest

from cloud.fleet import climate, cube, daily, evidence, quality
from cloud.fleet.daily import FLOW, HEATING, OUT, ROOM
from cloud.fleet.findings import DATA, Finding
from tests.helpers.heating_fleet import make

FLEET = make(40, 3, days=8, share=0.0001, step_min=60)


@pytest.fixture(scope="module")
def block() -> cube.Cube:
    faulty = next(iter(FLEET.faults))
    good = next(i for i, name in enumerate(FLEET.names) if name != faulty and FLEET.cities[i] == FLEET.cities[5])
    FLEET.values[FLEET.names.index(faulty)] = FLEET.values[good]
    return cube.from_frame(FLEET.frame().lazy(), HEATING)


def findings(block: cube.Cube, values: np.ndarray) -> list[Finding]:
    changed = replace(block, values=values)
    climates = climate.learn(values[:, OUT], FLEET.cities)
    found = daily.of_fleet(values, climates)
    fleet = evidence.usual(found, np.ones(len(values), dtype=np.float32))
    return quality.check(changed, found, climates, evidence.room_stuck(found, fleet).peak >= 1).findings


def faults(block: cube.Cube, values: np.ndarray) -> dict[str, str]:
    found = findings(block, values)
    assert all(each.kind == DATA for each in found)
    return {each.fault: each.why for each in found if each.installation == block.installations[5]}


def test_nothing_on_a_sound_fleet(block: cube.Cube) -> None:
    assert findings(block, block.values.copy()) == []


@pytest.mark.parametrize("signal", [OUT, ROOM, FLOW])
def test_a_gap_of_one_signal_is_told_with_its_hours(signal: int, block: cube.Cube) -> None:
    values = block.values.copy()
    values[5, signal, 3:5] = np.nan
    (why,) = [why for fault, why in faults(block, values).items() if fault == "gap"]
    assert why.startswith(f"{HEATING[signal].replace('_', ' ')}: ")
    assert "longest gap 48 h" in why or "longest gap 49 h" in why


def test_silence_to_the_end_is_an_unreachable_device(block: cube.Cube) -> None:
    values = block.values.copy()
    values[5, :, 6:] = np.nan
    assert set(faults(block, values)) == {"device_unreachable"}


def test_too_few_values_without_a_long_gap(block: cube.Cube) -> None:
    values = block.values.copy()
    values[5, :, :, ::2] = np.nan
    assert "gap" in faults(block, values)


def test_out_of_range_and_stuck(block: cube.Cube) -> None:
    values = block.values.copy()
    values[5, FLOW, 2, :8] = 500
    values[5, ROOM, 3:] = 21.37
    found = faults(block, values)
    assert set(found) == {"out_of_range", "stuck_value"}
    assert "21.37 °C for 5 days" in found["stuck_value"]


@pytest.mark.parametrize("hours", [-4, 3, 7])
def test_a_clock_that_is_late_or_early(hours: int, block: cube.Cube) -> None:
    values = block.values.copy()
    flat = values[5].reshape(3, -1)
    values[5] = np.roll(flat, hours, axis=1).reshape(values[5].shape)
    why = faults(block, values)["clock_error"]
    assert f"{abs(hours)} h {'later' if hours > 0 else 'earlier'}" in why


def test_a_signal_that_many_never_send_is_one_they_do_not_have(block: cube.Cube) -> None:
    values = block.values.copy()
    values[::3, ROOM] = np.nan
    assert findings(block, values) == []
    values = block.values.copy()
    values[5, ROOM] = np.nan
    assert set(faults(block, values)) == {"gap"}
