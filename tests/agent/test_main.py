import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agent.__main__ import _commands, main
from agent.domain.wire import Ack, Batch, Event, Record, encode_ack, encode_batch, encode_body
from tests.helpers.programs import run


@pytest.mark.parametrize("name", [entry[0] for entry in _commands()])
def test_every_command_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert f"emberwatt-agent {name} " in capsys.readouterr().out.split("example:")[1]


def test_a_batch_is_printed_as_json(tmp_path: Path) -> None:
    kind, raw = encode_body(Event(5, "start", {"starts": 2}))
    unknown = Record(8, "from the future", 6, msgspec.Raw(b"\x01"))
    batch = Batch("home-1", b"\x01" * 8, 7, 9, [Record(7, kind, 5, msgspec.Raw(raw)), unknown])
    (tmp_path / "batch.bin").write_bytes(encode_batch(batch))
    done = run("agent", "decode", tmp_path / "batch.bin")
    told = json.loads(done.stdout)
    assert (told["device"], told["epoch"], told["first"], told["last"]) == ("home-1", "01" * 8, 7, 9)
    assert told["records"][0]["body"] == {"at_ms": 5, "name": "start", "detail": {"starts": 2}}
    assert told["records"][1]["body"] == {"raw": "01"}


def test_an_acknowledgement_is_json_already(tmp_path: Path) -> None:
    (tmp_path / "ack").write_bytes(encode_ack(Ack("00" * 8, 4711)))
    assert json.loads(run("agent", "decode", tmp_path / "ack").stdout)["through"] == 4711


@pytest.mark.parametrize("content", [b"EW\x01\x00 cut off", b"\xff\xfe nothing"])
def test_what_cannot_be_decoded_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bytes").write_bytes(content)
    done = run("agent", "decode", tmp_path / "bytes")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(tmp_path / "bytes") in done.stderr


def test_the_line_of_the_service_leaves_no_parser_in_memory() -> None:
    code = (
        "import sys; from agent.__main__ import _called; action = _called(['run', '--config', 'site.toml']);"
        "print(action.args, action.keywords, 'argparse' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "(PosixPath('site.toml'), None) {'until_drained': False} False\n"


@pytest.mark.parametrize("line", [["--config", "{}"], ["--config={}"]])
def test_a_site_is_named_in_either_way(tmp_path: Path, line: list[str]) -> None:
    absent = tmp_path / "absent.toml"
    done = run("agent", "run", *(word.format(absent) for word in line))
    assert done.returncode == 2
    assert done.stderr.startswith(f"emberwatt-agent: {absent}: cannot be read")
