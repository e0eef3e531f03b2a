"""Whether there is a gate, as the aggregator's file says."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from agent.domain.errors import BadSetup
from cloud.access.gate import Gate
from cloud.access.people import Role
from cloud.access_wiring import gated, people_of
from cloud.config import Loaded, load
from tests.helpers.uplinks import SetClock


def loaded(folder: Path, text: str) -> Loaded:
    (folder / "cloud.toml").write_text(text)
    return load(folder / "cloud.toml")


def test_without_a_table_everybody_comes_in_and_that_is_said_where_others_reach_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()
    for host in ("127.0.0.1", "::1", "localhost"):
        assert gated(loaded(tmp_path, f'[http]\nhost = "{host}"'), app, SetClock()) is app
    assert caplog.text == ""
    assert gated(loaded(tmp_path, '[http]\nhost = "0.0.0.0"'), app, SetClock()) is app
    assert "whoever reaches 0.0.0.0 may change everything" in caplog.text


def test_with_a_table_there_is_a_gate_and_somebody_who_may_come_in(tmp_path: Path) -> None:
    setup = loaded(tmp_path, '[access]\npeople = "who.toml"')
    with pytest.raises(BadSetup, match=r"who\.toml: is not there") as raised:
        gated(setup, FastAPI(), SetClock())
    assert raised.value.hint == "emberwatt-cloud people add NAME --config CLOUD.toml"
    people_of(setup).add("anna", Role.MANAGER, "a long enough one")
    assert people_of(setup).path == tmp_path / "who.toml"
    assert isinstance(gated(setup, FastAPI(), SetClock()), Gate)


@pytest.mark.parametrize("hours", ["0", "721", '"long"'])
def test_a_login_has_a_sensible_end(tmp_path: Path, hours: str) -> None:
    with pytest.raises(BadSetup, match=r"access\.session_h"):
        loaded(tmp_path, f"[access]\nsession_h = {hours}")
