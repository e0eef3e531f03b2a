import numpy as np
import pytest

from cloud.fleet import climate
from tests.helpers.heating_fleet import weather


def fleet(seed: int = 3, each: int = 12) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    hours = np.arange(10 * 24 * 12) / 12
    regions = weather(rng, hours, 4.0)[:3, ::12]
    values = np.repeat(regions, each, axis=0) + rng.normal(0, 0.5, (3 * each, 1)) + rng.normal(0, 0.1, (3 * each, 240))
    return values.reshape(3 * each, 10, 24).astype(np.float32), [f"town{i // each}" for i in range(3 * each)]


def test_each_region_is_a_climate() -> None:
    outdoor, cities = fleet()
    found = climate.learn(outdoor, [""] * len(cities))
    assert len(found.series) == 3
    assert len({(city, int(of)) for city, of in zip(cities, found.of, strict=True)}) == 3


def test_a_stuck_sensor_gets_its_towns_weather_and_makes_none() -> None:
    outdoor, cities = fleet()
    clean = climate.learn(outdoor.copy(), cities)
    outdoor[[0, 13]] = 21.0
    found = climate.learn(outdoor, cities)
    assert len(found.series) == 3
    assert found.of[0] == found.of[1]
    assert found.of[13] == found.of[14]
    assert np.abs(found.at(slice(1, 2)) - clean.at(slice(1, 2))).max() < 0.4


def test_hours_that_nobody_has_are_bridged() -> None:
    outdoor, cities = fleet()
    outdoor[:, 4, 5:8] = np.nan
    assert np.isfinite(climate.learn(outdoor, cities).series).all()


def test_one_installation_is_its_own_climate() -> None:
    outdoor, _ = fleet()
    found = climate.learn(outdoor[:1], [""])
    assert found.of.tolist() == [0]
    assert np.allclose(found.series[0], outdoor[0], atol=1e-4)


def test_a_small_town_far_from_the_largest_has_its_own_weather() -> None:
    outdoor, _ = fleet()
    # Twelve in the valley, eleven on the slope, three on the top: 5.5 K a step, so that the top is far from the valley.
    rows = np.r_[0:12, 12:23, 24:27]
    levels = np.repeat([6.0, 0.5, -5.0], [12, 11, 3])
    mean = np.nanmedian(outdoor[rows].reshape(len(rows), -1), axis=1)
    outdoor = outdoor[rows] + (levels - mean).astype(np.float32)[:, None, None]
    found = climate.learn(outdoor, [""] * len(rows))
    assert len(set(found.of[-3:].tolist())) == 1
    assert found.of[-1] not in found.of[:-3]
    assert np.abs(np.median(outdoor[-3:] - found.at(slice(-3, None)))) < 0.5


@pytest.mark.parametrize(("higher", "named", "own"), [(4, True, True), (1, True, False), (4, False, False)])
def test_a_town_in_the_mountains_with_the_same_ups_and_downs_is_colder(higher: int, named: bool, own: bool) -> None:
    outdoor, _ = fleet(each=30)
    outdoor = outdoor[:30]
    outdoor[:higher] -= 13.0
    cities = [("summit" if i < 4 else f"town{i % 3}") if named else "" for i in range(30)]
    found = climate.learn(outdoor, cities)
    off = outdoor - found.at(slice(None))
    assert (abs(float(np.median(off[:higher]))) < 1.5) == own
    assert abs(float(np.median(off[higher:]))) < 1.5


def test_a_town_that_a_front_passes_by_has_its_own_weather() -> None:
    # Too few of the fleet to count as a climate without a name.
    outdoor, _ = fleet(each=400)
    outdoor = outdoor[:400]
    outdoor[:4, 4:8] += 6.0
    found = climate.learn(outdoor, ["coast" if i < 4 else f"town{i % 3}" for i in range(400)])
    assert np.abs(np.median(outdoor[:4] - found.at(slice(0, 4)), axis=(1, 2))).max() < 1.5
    assert np.abs(np.median(outdoor[:4, 4:8] - found.at(slice(0, 4))[:, 4:8], axis=(1, 2))).max() < 1.5


def test_a_few_sensors_in_a_warm_place_make_no_weather() -> None:
    outdoor, cities = fleet()
    swing = np.sin(np.arange(240) / 24 * 2 * np.pi).reshape(10, 24).astype(np.float32)
    outdoor[:4] = 24.0 + 2 * swing
    found = climate.learn(outdoor, cities)
    assert found.at(slice(0, 4)).mean() < 15.0
