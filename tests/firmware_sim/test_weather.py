import numpy as np
import pytest

from firmware_sim.weather import Climate, clear_sky_index, outdoor_temperature
from tests.firmware_sim.support import ORIGIN_MS

TIMES = ORIGIN_MS / 1000 + np.arange(0.0, 30 * 86400.0, 60.0)
YEAR = ORIGIN_MS / 1000 + np.arange(0.0, 365 * 86400.0, 3600.0)


def test_a_cloudier_climate_lets_less_light_through() -> None:
    means = [clear_sky_index(Climate(cloud, 10, 9, 5), 7, TIMES).mean() for cloud in (0.1, 0.4, 0.8)]
    assert means[0] > means[1] > means[2]


def test_the_clear_sky_index_is_a_share_and_autocorrelated() -> None:
    index = clear_sky_index(Climate(0.45, 10, 9, 5), 7, TIMES)
    assert ((index > 0.05) & (index <= 1.0)).all()
    now, soon, later = index[:-720], index[5:-715], index[720:]
    assert np.corrcoef(now, soon)[0, 1] > 0.8
    assert np.corrcoef(now, later)[0, 1] < 0.6


def test_weather_is_the_same_however_it_is_asked() -> None:
    climate = Climate(0.4, 10, 9, 5)
    assert np.array_equal(clear_sky_index(climate, 7, TIMES)[5000:5100], clear_sky_index(climate, 7, TIMES[5000:5100]))
    assert not np.array_equal(clear_sky_index(climate, 8, TIMES), clear_sky_index(climate, 7, TIMES))


@pytest.mark.parametrize(("latitude", "warm_month"), [(50.0, 7), (-35.0, 1)])
def test_summer_is_where_the_sun_is(latitude: float, warm_month: int) -> None:
    temperature = outdoor_temperature(Climate(0.4, 10, 10, 5), 7, latitude, 10.0, YEAR)
    months = YEAR.astype("datetime64[s]").astype("datetime64[M]").astype(int) % 12 + 1
    by_month = {month: temperature[months == month].mean() for month in range(1, 13)}
    assert abs(max(by_month, key=lambda month: by_month[month]) - warm_month) <= 1
    assert abs(temperature.mean() - 10) < 1.5


def test_the_afternoon_is_warmest_by_the_local_sun() -> None:
    temperature = outdoor_temperature(Climate(0.4, 10, 10, 5), 7, 50.0, -120.0, TIMES)
    hours = ((TIMES / 3600.0 - 8.0) % 24).astype(int)
    by_hour = [temperature[hours == hour].mean() for hour in range(24)]
    assert 13 <= int(np.argmax(by_hour)) <= 16
    assert 1 <= int(np.argmin(by_hour)) <= 5
