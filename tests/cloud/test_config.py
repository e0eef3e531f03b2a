from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud.config import load


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_hold() -> None:
    loaded = load(None)
    assert (loaded.settings.http.host, loaded.settings.http.port) == ("127.0.0.1", 8080)
    assert loaded.database_url == "sqlite:///fleet.db"


def test_a_relative_database_lies_beside_the_file(tmp_path: Path) -> None:
    assert load(write(tmp_path, "")).database_url == f"sqlite:///{tmp_path.resolve()}/fleet.db"
    absolute = write(tmp_path, '[database]\nurl = "sqlite:////var/lib/fleet.db"\n')
    assert load(absolute).database_url == "sqlite:////var/lib/fleet.db"
    other = write(tmp_path, '[database]\nurl = "postgresql://fleet@db/fleet"\n')
    assert load(other).database_url == "postgresql://fleet@db/fleet"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[http]\nport = 'x'\n", "http.port"),
        ("[broker]\nport = 99999\n", "broker.port"),
        ("[broker]\nport = 0\n", "broker.port"),
        ("[identity]\nlifetime_days = 99999999\n", "identity.lifetime_days"),
        ("[identity]\ngrace_days = inf\n", "identity.grace_days"),
        ("[identity]\ninvite_hours = 1e12\n", "identity.invite_hours"),
        ("[identity]\ninvite_hours = nan\n", "identity.invite_hours"),
        ("[jobs]\nat_once = 0\n", "jobs.at_once"),
        ("[jobs]\nkeep = -1\n", "jobs.keep"),
        ("[jobs.own.mine]\ncommand = ['mtbf']\ntimeout_s = 0\n", "jobs.own"),
        ("[jobs.own.mine]\ncommand = []\n", "jobs.own"),
        ("[https]\n", "https"),
        ("[broker]\nhots = 'x'\n", "hots"),
        ("[broker\n", "not TOML"),
        ("[clock]\nrate = 60\n", "clock"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadSetup, match=named) as refused:
        load(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[http]\nport = 70001\n", "http.port: got 70001, expected a whole number, at least 0 and at most 65535"),
        ("[clock]\norigin_ms = 0\nstarted_ms = 0\nrate = '60s'\n", "clock.rate: got '60s', expected a number"),
        ("[broker]\nhots = 'x'\n", "broker: unknown field `hots`, did you mean host?"),
        ("[jobs.own.a]\ncommand = ['mtbf']\ntime = 5\n", "jobs.own.a: unknown field `time`, did you mean timeout_s?"),
        (
            "[jobs.own.a]\ncommand = 'mtbf'\n",
            "jobs.own.a.command: got 'mtbf', expected a list, of a length of at least 1",
        ),
    ],
)
def test_field_value_and_what_was_expected_are_told(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadSetup) as refused:
        load(path)
    assert str(refused.value) == f"{path}: {told}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match=r"nowhere\.toml: cannot be read"):
        load(tmp_path / "nowhere.toml")
