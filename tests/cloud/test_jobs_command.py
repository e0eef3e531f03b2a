"""`emberwatt-cloud jobs`: list, run and show, over the file's own jobs."""

import argparse
import json
from pathlib import Path

import pytest

from agent.domain.errors import BadInput, BadSetup
from cloud import jobs_command


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cloud.toml"
    path.write_text(
        '[jobs.own.put-aside]\ncommand = ["quarantine", "{config}"]\npurpose = "what was put aside"\n'
        '[jobs.own.bad]\ncommand = ["no-such-command"]\nschedule = "every 2 h"\n'
    )
    return path


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    jobs_command.add_arguments(parser)
    return jobs_command.run(parser.parse_args([str(word) for word in words]))


def test_a_job_is_run_and_its_run_is_shown(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "put-aside", "--config", config) == 0
    assert "nothing was put aside\nrun 1 " in capsys.readouterr().out
    assert run("show", "put-aside", "--config", config) == 0
    assert "run 1 " in capsys.readouterr().out
    assert run("show", "1", "--config", config, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["reason"], document["files"]) == ("done", "manual", [])


def test_a_job_that_fails_says_why_and_gives_1(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "bad", "--config", config, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["exit"]) == ("failed", 2)
    assert "no-such-command" in document["message"]
    assert run("show", "1", "--config", config) == 0
    assert "no-such-command" in capsys.readouterr().out


def test_the_list_names_every_job(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--config", config) == 0
    text = capsys.readouterr().out
    for words in (
        "lake",
        "analyse-heating",
        "incidents          every 10 min",
        "bad                every 2 h",
        "never ran",
    ):
        assert words in text
    assert run("list", "--config", config, "--json") == 0
    jobs = json.loads(capsys.readouterr().out)
    assert [job["name"] for job in jobs][-2:] == ["put-aside", "bad"]
    assert jobs[-1]["next_ms"] > 0


def test_what_is_not_known(config: Path) -> None:
    with pytest.raises(BadSetup, match="no such job"):
        run("run", "other", "--config", config)
    with pytest.raises(BadInput, match="run 9 is not known"):
        run("show", "9", "--config", config)


def test_a_file_with_a_schedule_that_is_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cloud.toml"
    path.write_text('[jobs.schedules]\nlake = "at dawn"\n')
    with pytest.raises(BadSetup, match=r"cloud\.toml, jobs\.schedules\.lake: schedule 'at dawn', expected"):
        run("list", "--config", path)
