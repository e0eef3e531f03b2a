import subprocess
import sys

import numpy as np

from firmware_sim.clock import parse_instant
from firmware_sim.solar import Place, PvString, sky, string_powers

BERLIN = Place(52.5, 13.4, 40)
DAY = parse_instant("2026-06-21T00:00:00Z") / 1000 + np.arange(0.0, 86400.0, 60.0)
CLEAR = np.ones_like(DAY)
MILD = np.full_like(DAY, 20.0)


def test_a_clear_midsummer_day_has_the_right_size() -> None:
    light = sky(BERLIN, CLEAR, DAY)
    assert 850 < light.ghi.max() < 950
    assert abs(light.zenith.min() - (52.5 - 23.44)) < 0.2
    noon = DAY[int(light.zenith.argmin())] % 86400 / 3600
    assert abs(noon - (12 - 13.4 / 15 + 2 / 60)) < 0.1


def test_power_follows_the_roof() -> None:
    east, south, west = string_powers(
        [PvString(5000, 35, 90), PvString(5000, 35, 180), PvString(5000, 35, 270)], sky(BERLIN, CLEAR, DAY), MILD
    )
    assert east.argmax() < south.argmax() < west.argmax()
    assert 3300 < south.max() < 4500
    energy = south.sum() / 60_000
    assert 27 < energy < 42


def test_at_night_there_is_exactly_nothing() -> None:
    light = sky(BERLIN, CLEAR, DAY)
    power = string_powers([PvString(5000, 35, 180)], light, MILD)[0]
    assert (power[light.zenith > 91] == 0).all()
    assert np.isfinite(power).all()


def test_clouds_take_light_away() -> None:
    cloudy = string_powers([PvString(5000, 35, 180)], sky(BERLIN, CLEAR * 0.2, DAY), MILD)[0]
    clear = string_powers([PvString(5000, 35, 180)], sky(BERLIN, CLEAR, DAY), MILD)[0]
    assert (cloudy <= clear + 1e-9).all()
    assert 0.05 < cloudy.sum() / clear.sum() < 0.4


def test_the_midnight_sun_and_the_polar_night() -> None:
    north = Place(70.0, 20.0)
    winter = parse_instant("2026-12-21T00:00:00Z") / 1000 + np.arange(0.0, 86400.0, 60.0)
    assert sky(north, CLEAR, winter).ghi.max() < 5
    assert sky(north, CLEAR, DAY).ghi.min() > 0


def test_pvlib_is_not_imported_before_it_is_needed() -> None:
    code = (
        "import sys, firmware_sim.site, firmware_sim.__main__; print('pvlib' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "False"]
