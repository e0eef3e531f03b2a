"""Twenty and more kinds of bad desired configuration: the device ends on the last good one, still polling."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.broker import MOSQUITTO, free_port
from tests.helpers.programs import run
from tests.helpers.whole_home import WholeHome, reachable, whole_home

pytestmark = [
    pytest.mark.broker,
    pytest.mark.journey,
    pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto"),
    pytest.mark.xdist_group("desired"),
]

GOOD: dict[str, Any] = {"poll": {"interval_s": 1}, "diagnosis": {"low_water_pressure": {"lowest": 0.7}}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeHome]:
    with whole_home(tmp_path_factory.mktemp("home")) as home:
        version = home.desire(GOOD)
        home.until_config(version, "applied")
        yield home
        assert not home.agent.ended(), home.agent.said()
        assert home.agent.stop(signal.SIGTERM) == 0
        assert "Traceback" not in home.agent.said(), home.agent.said()


def nested(depth: int) -> dict[str, Any]:
    doc: dict[str, Any] = {"lowest": 1}
    for _ in range(depth):
        doc = {"low_water_pressure": doc}
    return doc


REFUSED: dict[str, dict[str, Any]] = {
    "a wrong type": {"poll": {"interval_s": "sixty"}},
    "a table that is a list": {"poll": [60]},
    "a truth where a number belongs": {"poll": {"interval_s": True}},
    "an unknown key": {"poll": {"intervall_s": 60}},
    "an unknown section": {"polling": {"interval_s": 60}},
    "a negative interval": {"poll": {"interval_s": -60}},
    "no interval": {"poll": {"interval_s": 0}},
    "an interval too short to read in": {"poll": {"interval_s": 0.001}},
    "a huge number": {"poll": {"interval_s": 1e300}},
    "a number with too many digits": {"poll": {"interval_s": 10**30}},
    "an unknown profile": {"sources": {"heating": {"profile": "samson-trovis-999"}}},
    "a profile outside of the folder": {"sources": {"heating": {"profile": "../../../etc/passwd.toml"}}},
    "an empty profile": {"sources": {"heating": {"profile": ""}}},
    "an unknown variant": {"sources": {"heating": {"variants": ["upside-down"]}}},
    "a wrong unit id": {"sources": {"heating": {"unit": 999}}},
    "another address": {"sources": {"heating": {"host": "127.0.0.2"}}},
    "a source that is not there": {"sources": {"cooling": {"profile": "sunspec"}}},
    "sources of the site file": {"source": [{"name": "heating"}, {"name": "heating"}]},
    "an unknown signal": {"sources": {"heating": {"signals": ["flow_temprature"]}}},
    "a threshold out of range": {"diagnosis": {"low_water_pressure": {"lowest": 99}}},
    "a threshold of text": {"diagnosis": {"low_water_pressure": {"lowest": "low"}}},
    "an unknown rule": {"diagnosis": {"gremlins": {"lowest": 1}}},
    "a window that is none": {"diagnosis": {"window_s": 7}},
    "deep nesting": {"diagnosis": nested(12)},
    "an unknown timezone": {"site": {"timezone": "Europe/Berlinn"}},
    "letters beyond": {"poll": {"inter\u0000val\u202e_s\U0001f525": 60}},
    "a broken piece of TOML": {"diagnosis": {"low_water_pressure": '[lowest = "'}},
    "another device": {"device": {"id": "home-2"}},
    "a model that is not known": {"model": {"version": "nobody-knows"}},
    "a tariff without money": {"tariff": {"currency": "shells"}},
}


def asked(home: WholeHome, name: str) -> dict[str, Any]:
    """What a command gave."""
    status, row = home.call("POST", "/devices/home-1/commands", {"name": name, "by": "a test"})
    assert status == 201, row
    path = f"/devices/home-1/commands/{row['id']}"
    home.until(f"an answer to {name}", lambda: home.get(path)["ended"] is not None)
    result: dict[str, Any] = home.get(path)["result"]
    return result


def on_record(home: WholeHome, event: str, version: int) -> bool:
    """The aggregator holds this event of that wish, once."""

    def versions() -> list[int]:
        return [each["detail"]["version"] for each in home.events(event)]

    home.until(f"{event} of {version}", lambda: version in versions())
    return versions().count(version) == 1


def still_polls(home: WholeHome) -> None:
    """The device is read on as the last good configuration says."""
    home.until("the device to answer", lambda: reachable(home))
    before = asked(home, "logs")["document"]
    assert before["sources"]["heating"]["profile"] == "samson-trovis-557x"

    def read_again() -> bool:
        last: dict[str, Any] = asked(home, "logs")["document"]["last"]
        return last["at_ms"] > before["last"]["at_ms"] and bool(last["values"])

    home.until("another reading", read_again)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_is_refused_with_its_reason(home: WholeHome, kind: str) -> None:
    version = home.desire(REFUSED[kind])
    told = home.until_config(version, "refused")
    assert told["reason"]
    assert any(word in told["reason"] for word in ("expected", "site file", "other than", "known", "this site has"))
    assert told["good"] < version
    assert on_record(home, "config_refused", version)


@pytest.mark.parametrize("kind", ["a profile that reads nothing", "a broker that is not there"])
def test_what_does_no_good_is_taken_back_within_the_probation(home: WholeHome, kind: str) -> None:
    doc = {
        "a profile that reads nothing": {"sources": {"heating": {"profile": "sunspec"}}},
        "a broker that is not there": {"uplink": {"port": free_port()}},
    }[kind]
    version = home.desire(doc)
    told = home.until_config(version, "rolled_back")
    assert told["reason"].endswith("within 3 s")
    assert on_record(home, "rollback", version)
    still_polls(home)


NO_TWINS: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b'{"version": 900}',
    b'{"version": "new", "doc": {}}',
    b'{"version": 900, "doc": {"poll": {"interval_s": NaN}}}',
    b'{"version": 900, "doc": {"poll": {"interval_s": 1e999}}}',
    b'{"version": 900, "doc": [1, 2]}',
    b'{"version": 900, "base": 1, "patch": {"poll": {"interval_s": 9}}}',
    b'{"version": 900, "doc": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}",
    b'{"version": 900, "doc": {"a": "' + b"x" * 70_000 + b'"}}',
    b"\xff\xfe\x00",
    b"\x01not compressed",
]


async def test_what_is_no_desired_twin_changes_nothing(home: WholeHome) -> None:
    before = home.config()
    for payload in NO_TWINS:
        await home.publish_desired(payload)
    still_polls(home)
    assert home.config() == before


def test_the_good_one_is_in_force_after_all_that_and_stays_after_a_kill(home: WholeHome) -> None:
    version = home.desire(GOOD | {"tariff": {"currency": "EUR", "import_per_kwh": 0.31}})
    home.until_config(version, "applied")
    assert home.twin()["tariff"] == {"currency": "EUR", "import_per_kwh": 0.31}
    home.agent.kill()
    kept = json.loads((home.folder / "state" / "desired.json").read_text())
    assert kept["good"]["version"] == version
    assert kept["good"]["doc"]["poll"] == {"interval_s": 1}
    home.agent.start()
    home.until("its word after the kill", lambda: "killed" in home.twin().get("agent", {}).get("after", ""))
    home.until_config(version, "applied")


def test_a_look_from_the_side_uses_what_is_in_force(home: WholeHome) -> None:
    version = home.desire(GOOD | {"sources": {"heating": {"signals": ["flow_temperature"]}}})
    home.until_config(version, "applied")
    done = run("agent", "read", "--config", home.site, "--json")
    assert list(json.loads(done.stdout)["heating"]["values"]) == ["flow_temperature"], done.stderr
