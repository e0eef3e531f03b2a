import subprocess
import sys
from pathlib import Path

import pytest

from cloud.__main__ import COMMANDS, main, program
from tests.helpers.programs import run


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_every_command_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert f"emberwatt-cloud {name} " in said.split("example:")[1]
    assert callable(program(name).run)


def test_without_a_command_it_says_what_there_is() -> None:
    done = run("cloud", "--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name, _, _ in COMMANDS)
    assert run("cloud").returncode == 2
    assert run("cloud", "surve").returncode == 2


def test_serving_loads_no_analysis() -> None:
    code = "import sys; from cloud.__main__ import program; program('serve'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"polars", "matplotlib", "scipy", "duckdb"} & set(loaded)


@pytest.mark.parametrize(
    "words",
    [
        "quarantine list",
        "incidents list",
        "jobs list",
        "models",
        "lake seal",
        "command mill-lane-4 list",
        "identity list",
        "mtbf sqlite:///fleet.db",
    ],
)
def test_without_a_file_no_command_answers_from_a_database_that_it_makes_itself(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main(words.split())
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert "fleet.db: no such database" in said
    assert "--config" in said or words.startswith("mtbf")
    assert list(tmp_path.iterdir()) == []
