"""`emberwatt-cloud quarantine` as a person and as a script calls it."""

import json
from pathlib import Path

import pytest

from agent.domain.wire import topic
from cloud.__main__ import main
from cloud.clock import SystemClock
from cloud.store.database import Database
from cloud.store.writer import SqlFleetWriter
from tests.helpers.batches import DEVICE, batch
from tests.helpers.uplinks import START_MS, summary


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text("[database]\nurl = 'sqlite:///fleet.db'\n")
    with Database(f"sqlite:///{tmp_path / 'fleet.db'}", SystemClock()) as database:
        writer = SqlFleetWriter(database)
        writer.quarantine(DEVICE, topic(DEVICE, "up"), batch(7, [summary(1)]), "was too new", START_MS)
        writer.quarantine(DEVICE, topic(DEVICE, "up"), bytes(range(256)) * 2, "rubbish", START_MS)
        writer.quarantine(None, "elsewhere", b"", "nobody's", START_MS)
    return path


def command(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["quarantine", *(str(word) for word in words)])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_it_lists_with_and_without_saying_so(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, plain, _ = command(capsys, "--config", config)
    assert status == 0
    assert [line.split()[0] for line in plain.splitlines()] == ["3", "2", "1"]
    assert command(capsys, "list", "--config", config)[1] == plain
    listed = json.loads(command(capsys, "--json", "list", "--device", DEVICE, "--config", config)[1])
    assert [(row["id"], row["reason"]) for row in listed] == [(2, "rubbish"), (1, "was too new")]


def test_it_shows_one_with_its_bytes(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = command(capsys, "show", 2, "--config", config, "--out", tmp_path / "bytes")
    assert "2: rubbish" in text
    assert "00 01 02" in text
    assert "256 bytes more" in text
    assert (tmp_path / "bytes").read_bytes() == bytes(range(256)) * 2
    assert json.loads(command(capsys, "show", 3, "--config", config, "--json")[1])["payload_base64"] == ""
    assert command(capsys, "show", 9, "--config", config)[0] == 2


def test_it_replays_and_says_what_became_of_each(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = command(capsys, "replay", "--device", DEVICE, "--config", config)
    assert status == 1
    assert "applied, 2 rows" in text
    assert "1 of 2 are dealt with, 1 stay as they were" in text
    outcomes = json.loads(command(capsys, "replay", "--all", "--config", config, "--json")[1])
    assert [(each["id"], each["outcome"]) for each in outcomes] == [(2, "refused"), (3, "refused")]


def test_what_is_to_be_replayed_must_be_said(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["1", "--all"], ["--device", DEVICE, "--all"]):
        status, _, error = command(capsys, "replay", *words, "--config", config)
        assert status == 2
        assert "expected either numbers, --device or --all" in error
