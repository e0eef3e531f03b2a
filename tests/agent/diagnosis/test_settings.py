"""What a person writes into the site file, and what they are told when it is wrong."""

import tomllib
from typing import Any

import pytest

from agent.diagnosis.settings import DiagnosisSettings, settings_from
from agent.domain.errors import BadSetup


def test_nothing_written_means_the_defaults() -> None:
    assert settings_from({}) == DiagnosisSettings()
    assert settings_from({}, published=True).published
    assert settings_from({}).site.place is None
    assert str(settings_from({}).site.zone) == "UTC"


def test_everything_can_be_written() -> None:
    document = tomllib.loads("""
        [device]
        id = "somebody-elses"
        [site]
        name = "Home"
        latitude = 52
        longitude = 13.4
        timezone = "Europe/Berlin"
        [diagnosis]
        window_s = 300
        max_gap_s = 1800
        [diagnosis.battery_not_charging]
        margin_w = 150
        debounce_s = 1200
        [diagnosis.no_solar_production]
        from_minute = 600
        sun_elevation = 10
        [diagnosis.device_unreachable]
        debounce_s = 60
    """)
    settings = settings_from(document)
    assert settings.site.place == (52.0, 13.4)
    assert (settings.site.name, settings.window_s, settings.max_gap_s) == ("Home", 300, 1800.0)
    assert settings.battery_not_charging.margin_w == 150
    assert settings.battery_not_charging.dead_band_w == DiagnosisSettings().battery_not_charging.dead_band_w
    assert (settings.battery_timing.debounce_s, settings.battery_timing.max_gap_s) == (1200, 1800)
    assert settings.heat_timing.max_gap_s == 1800
    assert settings.no_solar_production.from_minute == 600
    assert isinstance(settings.no_solar_production.from_minute, int)
    assert settings.unreachable_timing.debounce_s == 60


@pytest.mark.parametrize(
    ("document", "where", "problem"),
    [
        ({"site": 3}, "site", "got 3, expected a table [site]"),
        ({"site": {"lattitude": 3}}, "site.lattitude", "unknown, expected one of latitude,"),
        ({"site": {"latitude": 91, "longitude": 0}}, "site.latitude", "got 91, expected a number from -90 to 90"),
        ({"site": {"latitude": True, "longitude": 0}}, "site.latitude", "got True"),
        ({"site": {"latitude": 9}}, "site.latitude", "expected both latitude and longitude"),
        ({"site": {"name": 9}}, "site.name", "got 9, expected text"),
        ({"site": {"timezone": "Mars/Olympus"}}, "site.timezone", "got 'Mars/Olympus', expected an IANA name"),
        ({"site": {"timezone": "../etc/passwd"}}, "site.timezone", "expected an IANA name"),
        ({"tariff": {"price": 1}}, "tariff.price", "unknown, expected one of import_per_kwh, export_per_kwh"),
        ({"tariff": {"import_per_kwh": "x"}}, "tariff.import_per_kwh", "got 'x', expected a number from 0 to 100"),
        ({"site": {"timezone": ""}}, "site.timezone", "expected an IANA name"),
        ({"diagnosis": []}, "diagnosis", "expected a table"),
        ({"diagnosis": {"windows": 1}}, "diagnosis.windows", "unknown, expected one of battery_imbalance_soc_jump"),
        ({"diagnosis": {"window_s": 7}}, "diagnosis.window_s", "got 7, expected one of 60, 300"),
        ({"diagnosis": {"window_s": True}}, "diagnosis.window_s", "got True"),
        ({"diagnosis": {"max_gap_s": 0}}, "diagnosis.max_gap_s", "got 0, expected a number from 1 to 86400"),
        ({"diagnosis": {"no_heat": 4}}, "diagnosis.no_heat", "expected a table [diagnosis.no_heat]"),
        ({"diagnosis": {"no_heat": {"x": 4}}}, "diagnosis.no_heat.x", "expected one of clear_s, coldest_flow"),
        (
            {"diagnosis": {"battery_not_charging": {"margin_w": "200"}}},
            "diagnosis.battery_not_charging.margin_w",
            "got '200', expected a number from 0 to 1e+06",
        ),
        (
            {"diagnosis": {"low_water_pressure": {"lowest": float("nan")}}},
            "diagnosis.low_water_pressure.lowest",
            "got nan",
        ),
    ],
)
def test_what_is_wrong_is_named(document: dict[str, Any], where: str, problem: str) -> None:
    with pytest.raises(BadSetup) as caught:
        settings_from(document)
    assert caught.value.where == where
    assert problem in caught.value.problem
    assert "\n" not in str(caught.value)
