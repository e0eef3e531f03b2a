"""Wishes and commands over HTTPS: the same as over MQTT, also without any broker."""

from pathlib import Path

import pytest

from tests.helpers.broker import MOSQUITTO
from tests.helpers.whole_home import DEVICE, whole_home

pytestmark = [
    pytest.mark.broker,
    pytest.mark.journey,
    pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto"),
]


def test_wishes_and_commands_over_https(tmp_path: Path) -> None:
    with whole_home(tmp_path, probation_s=2, https=True) as home:
        home.until_config(home.desire({"poll": {"interval_s": 1}}), "applied")
        told = home.until_config(home.desire({"sources": {"heating": {"profile": "sunspec"}}}), "rolled_back")
        assert "heating gave no value" in told["reason"]
        home.broker.kill()
        row = home.call("POST", f"/devices/{DEVICE}/commands", {"name": "logs", "by": "anna"})[1]
        path = f"/devices/{DEVICE}/commands/{row['id']}"
        home.until("its reply", lambda: home.get(path)["ended"] is not None)
        assert home.get(path)["state"] == "done"
        assert home.get(path)["result"]["document"]["sources"]["heating"]["profile"] == "samson-trovis-557x"
        home.broker.start()
