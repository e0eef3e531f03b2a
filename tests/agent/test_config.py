from pathlib import Path

import pytest

from agent.clock import SimulatedClock, SystemClock
from agent.config import load
from agent.domain.errors import BadSetup

WHOLE = """
[device]
id = "mill-lane-4"
state = "here"
[site]
name = "Mill Lane 4"
latitude = 52.5
longitude = 13.4
timezone = "Europe/Berlin"
[[source]]
name = "inverter"
profile = "sunspec"
host = "192.168.1.20"
[poll]
interval_s = 30
[diagnosis.battery_not_charging]
debounce_s = 1200
[uplink]
host = "broker.example.org"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(text)
    return path


def test_a_whole_file(tmp_path: Path) -> None:
    settings = load(write(tmp_path, WHOLE))
    assert settings.device == "mill-lane-4"
    assert settings.site_name == "Mill Lane 4"
    assert settings.state == tmp_path / "here"
    assert settings.diagnosis.site.timezone == "Europe/Berlin"
    assert settings.diagnosis.battery_timing.debounce_s == 1200
    assert [source.name for source in settings.sources] == ["inverter"]
    assert settings.uplink is not None
    assert (settings.uplink.carrier, settings.uplink.port) == ("mqtt", None)
    assert isinstance(settings.clock, SystemClock)
    assert (settings.interval_s, settings.budget_s) == (30, 24)


def test_the_least_that_is_a_site(tmp_path: Path) -> None:
    settings = load(write(tmp_path, '[device]\nid = "abc"\n'))
    assert settings.site_name == "abc"
    assert settings.uplink is None
    assert settings.budget_s == 30


def test_a_read_may_not_outlast_the_interval_of_a_fast_clock(tmp_path: Path) -> None:
    clock = "[clock]\norigin_ms = 0\nstarted_ms = 0\nrate = 60\n"
    settings = load(write(tmp_path, '[device]\nid = "abc"\n' + clock))
    assert isinstance(settings.clock, SimulatedClock)
    assert settings.budget_s == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (('id = "mill-lane-4"', 'id = "Mill Lane"'), "device.id 'Mill Lane'"),
        (('id = "mill-lane-4"', ""), "id"),
        (("interval_s = 30", "interval_s = 0"), "poll.interval_s is 0"),
        (("interval_s = 30", 'interval_s = "often"'), "poll.interval_s"),
        (("interval_s = 30", "interval_s = 0.01"), "poll.interval_s is 0.01, expected 0.1 to 86400"),
        (("interval_s = 30", "interval_s = inf"), "poll.interval_s is inf, expected 0.1 to 86400"),
        (("interval_s = 30", "interval_s = nan"), "poll.interval_s is nan"),
        (("interval_s = 30", "interval_s = 1e9"), "poll.interval_s is 1000000000.0"),
        (("interval_s = 30", 'interval_s = "60s"'), "poll.interval_s: got '60s', expected a number"),
        (("interval_s = 30", "interval_ms = 30"), "poll: unknown field `interval_ms`, did you mean interval_s?"),
        (("[poll]", "[pol]"), "unknown field `pol`, did you mean poll?"),
        (("interval_s = 30", "budget_s = -1"), "poll.budget_s is -1.0"),
        (("interval_s = 30", "[journal]\nbudget_mib = inf"), "journal.budget_mib is inf"),
        (("interval_s = 30", "[journal]\nat_risk_s = 1e300"), "journal.at_risk_s is 1e+300"),
        (("interval_s = 30", "[steering]\nprobation_s = inf"), "steering.probation_s is inf"),
        (("interval_s = 30", "[clock]\norigin_ms = 0\nstarted_ms = 0\nrate = 0"), "clock.rate is 0.0"),
        (("interval_s = 30", f"[clock]\norigin_ms = {10**30}\nstarted_ms = 0\nrate = 1"), "clock.origin_ms is 1000"),
        (("interval_s = 30", "[proxy]\nport = 99999\nunit = []"), "proxy.port: got 99999, expected 1 to 65535"),
        (('host = "broker.example.org"', 'host = "b"\ncarrier = "ftp"'), "expected mqtt or websocket or https"),
        (
            ('host = "broker.example.org"', 'host = "b"\nprot = 5'),
            "uplink: unknown field `prot`, did you mean port, proxy?",
        ),
        (('host = "192.168.1.20"', 'host = "h"\nprot = 5920'), "source inverter: unknown field `prot`, did you mean"),
        (("debounce_s = 1200", "debounce = 1200"), "diagnosis.battery_not_charging.debounce"),
        (("latitude = 52.5", "latitude = 152.5"), "site.latitude"),
        (('host = "broker', 'hots = "broker'), "hots"),
        (
            ("[poll]", '[[source]]\nname = "inverter"\nprofile = "sunspec"\nhost = "x"\n[poll]'),
            "'inverter' is used twice",
        ),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, change: tuple[str, str], named: str) -> None:
    path = write(tmp_path, WHOLE.replace(*change))
    with pytest.raises(BadSetup) as refused:
        load(path)
    assert str(path) in str(refused.value)
    assert named in str(refused.value)
