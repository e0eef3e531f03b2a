"""Commands over kills, absences and restarts: at most once, always a reply; and a configuration that crash-loops."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from agent.steering.steward import MAX_STARTS
from cloud.__main__ import main
from tests.helpers.broker import MOSQUITTO
from tests.helpers.programs import answers
from tests.helpers.whole_home import DEVICE, WholeHome, whole_home

pytestmark = [
    pytest.mark.broker,
    pytest.mark.journey,
    pytest.mark.skipif(MOSQUITTO is None, reason="no Mosquitto"),
    pytest.mark.xdist_group("commands"),
]
PATH = f"/devices/{DEVICE}/commands"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeHome]:
    with whole_home(tmp_path_factory.mktemp("home"), probation_s=600) as home:
        yield home
        assert "Traceback" not in home.agent.said(), home.agent.said()


def order(home: WholeHome, name: str, args: dict[str, Any] | None = None, **more: Any) -> str:
    status, row = home.call("POST", PATH, {"name": name, "by": "anna", "args": args or {}, **more})
    assert status == 201, row
    return str(row["id"])


def outcome(home: WholeHome, identifier: str) -> dict[str, Any]:
    home.until(f"an end of {identifier}", lambda: home.get(f"{PATH}/{identifier}")["ended"] is not None)
    row: dict[str, Any] = home.get(f"{PATH}/{identifier}")
    return row


def audit(home: WholeHome, identifier: str) -> list[dict[str, Any]]:
    return [event["detail"] for event in home.events("command") if event["detail"]["id"] == identifier]


def test_each_command_ends_and_is_on_record_on_both_sides(home: WholeHome) -> None:
    read = outcome(home, order(home, "read-now"))
    assert read["state"] == "done"
    assert read["by"] == "anna"
    assert read["result"]["heating"]["values"]["room_temperature"] > 10
    home.until("the device's own record", lambda: bool(audit(home, read["id"])))
    assert audit(home, read["id"]) == [{"id": read["id"], "name": "read-now", "by": "anna", "state": "done"}]
    identified = outcome(home, order(home, "identify"))["result"]
    assert identified["sources"]["heating"]["maker"] == "Samson"
    logs = outcome(home, order(home, "logs", {"lines": 3}))["result"]
    assert set(logs) == {"log", "document"}
    assert outcome(home, order(home, "update"))["state"] == "unsupported"
    nothing = outcome(home, order(home, "read-now", {"source": "cellar"}))
    assert (nothing["state"], "heating" in nothing["reason"]) == ("refused", True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "explode", "by": "anna"}, "expected one of"),
        ({"name": "interval", "by": "anna", "args": {"interval_s": -1}}, "1 to 3600"),
        ({"name": "restart"}, "by"),
        ({"name": "restart", "by": "anna", "expires_in_s": -1}, "expires_in_s"),
    ],
)
def test_what_cannot_be_asked(home: WholeHome, body: dict[str, Any], field: str) -> None:
    status, answer = home.call("POST", PATH, body)
    assert status == 422
    assert field in json.dumps(answer)


def test_another_interval_for_a_while(home: WholeHome) -> None:
    assert outcome(home, order(home, "interval", {"interval_s": 1, "for_s": 2}))["state"] == "done"
    assert home.twin()["sources"]["heating"]["reachable"] is True


def test_a_period_is_sent_again(home: WholeHome) -> None:
    with closing(sqlite3.connect(home.folder / "state" / "journal.db")) as journal:
        journal.execute("PRAGMA query_only = 1")
        kinds = [kind for (kind,) in journal.execute("SELECT kind FROM records")]
    expected = sum(kind in ("summary", "energy") for kind in kinds)
    now = 86_400_000 * (int(home.twin()["last"]["at_ms"]) // 86_400_000)
    again = outcome(home, order(home, "resend", {"from_ms": now - 86_400_000, "to_ms": now + 2 * 86_400_000}))
    assert again["state"] == "done"
    assert again["result"]["records"] >= expected


def test_a_command_waits_for_a_device_that_is_away(home: WholeHome) -> None:
    assert home.agent.stop(signal.SIGTERM) == 0
    home.until("its absence", lambda: home.get(f"/devices/{DEVICE}")["state"] == "offline")
    waiting, late = order(home, "identify"), order(home, "identify", expires_in_s=0.5)
    assert outcome(home, late)["state"] == "expired"
    assert home.get(f"{PATH}/{waiting}")["state"] == "queued"
    home.agent.start()
    assert outcome(home, waiting)["state"] == "done"
    assert home.get(f"{PATH}/{late}")["state"] == "expired"


def test_a_kill_while_it_runs_ends_in_interrupted_and_it_does_not_run_again(home: WholeHome) -> None:
    log = home.folder / "state" / "commands.db"
    # As a kill between the note that it runs and its end leaves it.
    home.agent.kill()
    identifier = "feedbeef01"
    with closing(sqlite3.connect(log)) as db:
        db.execute(
            "INSERT INTO commands (id, taken_ms, expires_ms, name, who) VALUES (?, 1, 1, 'restart', 'anna')",
            [identifier],
        )
        db.commit()
    with closing(sqlite3.connect(home.folder / "fleet.db")) as fleet:
        row = (identifier, DEVICE, "restart", "{}", "anna", "sent", 1, 2**52, 1, 1, 1, None, "", "{}")
        fleet.execute(f"INSERT INTO commands VALUES ({','.join('?' * len(row))})", row)
        fleet.commit()
    home.agent.start()
    ended = outcome(home, identifier)
    assert ended["state"] == "interrupted"
    home.until("its record", lambda: bool(audit(home, identifier)))


def test_killed_anywhere_each_command_runs_at_most_once(home: WholeHome) -> None:
    given = []
    for round_ in range(4):
        given += [order(home, name) for name in ("identify", "logs", "read-now")]
        if round_ % 2:
            outcome(home, given[-3])
        home.agent.kill()
        home.agent.start()
    states = [outcome(home, identifier)["state"] for identifier in given]
    assert set(states) <= {"done", "interrupted"}
    home.until("all records", lambda: all(audit(home, identifier) for identifier in given))
    for identifier in given:
        assert {(row["by"], row["state"]) for row in audit(home, identifier)} == {
            ("anna", outcome(home, identifier)["state"])
        }


def test_the_aggregator_may_be_killed_as_well(home: WholeHome) -> None:
    identifier = order(home, "logs")
    home.cloud.kill()
    home.cloud.start()
    home.until("the aggregator", lambda: answers(f"{home.base}/health"))
    assert outcome(home, identifier)["state"] == "done"


def test_a_restart_is_answered_first_and_then_told(home: WholeHome) -> None:
    assert outcome(home, order(home, "restart"))["state"] == "done"
    home.until("its word", lambda: "restarted by a command" in home.twin()["agent"].get("after", ""))
    assert not home.agent.ended()


def test_from_the_command_line(home: WholeHome, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["command", *words, "--config", str(home.cloud_file)])
        caught = capsys.readouterr()
        return int(left.value.code or 0), caught.out, caught.err

    status, out, _ = said(DEVICE, "read-now", "--json")
    assert status == 0
    assert json.loads(out)["result"]["heating"]["values"]
    assert said(DEVICE, "update")[0] == 1
    assert said(DEVICE, "interval", "5", "--for", "1", "--wait", "0")[0] == 0
    assert "read-now done" in said(DEVICE, "list")[1]
    status, _, error = said("nobody-1", "identify")
    assert (status, "has never been heard of" in error) == (2, True)
    status, _, error = said(DEVICE, "resend", "yesterday", "2026-05-01T00:00Z")
    assert (status, "expected ISO 8601" in error) == (2, True)


def test_a_configuration_under_which_it_dies_again_and_again_is_taken_back_by_itself(home: WholeHome) -> None:
    version = home.desire({"poll": {"interval_s": 1}})
    home.until_config(version, "probation")
    kept = home.folder / "state" / "desired.json"

    def starts() -> int:
        trial = json.loads(kept.read_text())["trial"]
        return MAX_STARTS + 1 if trial is None else int(trial["starts"])

    for number in range(1, MAX_STARTS + 1):
        assert starts() == number
        home.agent.kill()
        home.agent.start()
        home.until("another start", lambda before=number: starts() > before)
    told = home.until_config(version, "rolled_back")
    assert f"stopped {MAX_STARTS} times" in told["reason"]
    home.until("a reading", lambda: home.twin().get("sources", {}).get("heating", {}).get("reachable") is True)
