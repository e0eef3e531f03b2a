from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from firmware_sim.load import Household, load_power
from tests.firmware_sim.support import ORIGIN_MS

BERLIN = ZoneInfo("Europe/Berlin")
TIMES = ORIGIN_MS / 1000 + np.arange(0.0, 28 * 86400.0, 60.0)


def test_a_household_uses_a_household_s_energy() -> None:
    daily = load_power(Household(), BERLIN, 5, TIMES).sum() / 60_000 / 28
    assert 6 < daily < 14


def test_people_live_by_the_local_clock() -> None:
    load = load_power(Household(), ZoneInfo("America/New_York"), 5, TIMES)
    hours = np.array(
        [datetime.fromtimestamp(t, UTC).astimezone(ZoneInfo("America/New_York")).hour for t in TIMES[::60]]
    )
    hourly = load[: len(hours) * 60].reshape(-1, 60).mean(axis=1)
    assert hourly[(hours >= 18) & (hours < 21)].mean() > 2 * hourly[(hours >= 1) & (hours < 5)].mean()


def test_the_same_seed_lives_the_same_life_in_any_cut() -> None:
    whole = load_power(Household(), BERLIN, 5, TIMES)
    assert np.array_equal(whole[3000:4000], load_power(Household(), BERLIN, 5, TIMES[3000:4000]))
    assert not np.array_equal(whole, load_power(Household(), BERLIN, 6, TIMES))


def test_a_car_adds_its_charge() -> None:
    plain, car = (load_power(Household(car_w=watts), BERLIN, 5, TIMES).sum() for watts in (0.0, 3700.0))
    assert 50 < (car - plain) / 60_000 < 250


def test_a_house_never_generates() -> None:
    assert load_power(Household(base_w=0, people=1), BERLIN, 5, TIMES).min() > 0
