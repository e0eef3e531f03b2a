"""Where a setup begins: with nothing, with a site file, or where it was left."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.commissioning import make_wizard, page_settings
from agent.config import load
from agent.domain.errors import BadSetup
from agent.domain.proof import prove
from agent.domain.proof_model import Mistake
from agent.onsite.keeping import save_proof
from agent.running import open_agent
from tests.helpers.programs import Program, run, wait_for
from tests.helpers.trial_homes import power_trial


def test_a_new_site_begins_empty(tmp_path: Path) -> None:
    wizard = make_wizard(tmp_path / "site.toml")
    assert wizard.draft.sources == ()
    assert wizard.place.state == tmp_path / "state"


def test_a_draft_goes_on_unless_it_is_to_be_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[device]\nid = "mill"\nstate = "kept"\n')
    make_wizard(path).add({"name": "a", "profile": "sunspec", "host": "127.0.0.1"})
    assert [source.name for source in make_wizard(path).draft.sources] == ["a"]
    assert make_wizard(path, fresh=True).draft.sources == ()


@pytest.mark.parametrize(
    ("where", "pin", "minutes", "named"),
    [
        ("8080", None, 30.0, "--page"),
        ("host:x", None, 30.0, "--page"),
        ("127.0.0.1:99999", None, 30.0, "--page"),
        ("127.0.0.1:0", "123", 30.0, "--pin"),
        ("127.0.0.1:0", "abcdef", 30.0, "--pin"),
        ("127.0.0.1:0", None, 0.0, "--for"),
    ],
)
def test_a_page_that_cannot_be_is_refused(where: str, pin: str | None, minutes: float, named: str) -> None:
    with pytest.raises(BadSetup, match=named):
        page_settings(where, pin, minutes)


def test_without_a_pin_one_is_made() -> None:
    pins = {page_settings("127.0.0.1:0", None, 5).pin for _ in range(3)}
    assert all(len(pin) == 6 and pin.isdigit() for pin in pins)
    assert len(pins) > 1


async def test_the_report_of_a_proof_is_in_the_twin(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text('[device]\nid = "mill"\n')
    proof = prove(power_trial(3, Mistake.GRID_REVERSED)[0])
    save_proof(tmp_path / "state", {"at_ms": 1_760_000_000_000, **proof.plain(), "applied": ["the sign was turned"]})
    async with open_agent(load(path)) as agent:
        told = agent.document()["proof"]
    assert (told["at_ms"], told["right"], told["applied"]) == (1_760_000_000_000, False, ["the sign was turned"])
    assert told["findings"][0]["mistake"] == "grid_reversed"
    assert "sign is turned" in told["findings"][0]["says"]


def setup_from(answers: str | None, site: Path) -> "subprocess.CompletedProcess[str]":
    """The command with its answers in a file; None: with nothing to read from."""
    file = site.parent / "answers"
    file.write_text(answers or "")
    with (Path("/dev/null") if answers is None else file).open() as source:
        command = [sys.executable, "-m", "agent", "setup", "--config", str(site)]
        return subprocess.run(command, stdin=source, capture_output=True, text=True, timeout=60, check=False)


def test_without_anybody_to_answer_it_says_what_it_needs(tmp_path: Path) -> None:
    done = setup_from(None, tmp_path / "site.toml")
    assert done.returncode == 2
    assert done.stderr.startswith("emberwatt-agent: setup: needs a terminal\n")
    assert "--page ADDRESS:PORT" in done.stderr


def test_answers_out_of_a_file_are_taken_as_far_as_they_go(tmp_path: Path) -> None:
    done = setup_from("mill-x\nMill\n\nUTC\n", tmp_path / "site.toml")
    assert done.returncode == 2
    assert "1 of 4 · choose the devices" in done.stdout
    assert done.stderr.startswith("emberwatt-agent: setup was left\n")
    assert make_wizard(tmp_path / "site.toml").draft.device == "mill-x"


def test_a_folder_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    done = run("agent", "setup", "--config", tmp_path / "none" / "site.toml", "--page", "127.0.0.1:0")
    assert done.returncode == 2
    assert f"{tmp_path}/none/site.toml: there is no folder {tmp_path}/none" in done.stderr
    assert not (tmp_path / "none").exists()


def test_only_one_at_a_time_sets_a_site_up(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    first = ["setup", "--config", site, "--page", "127.0.0.1:0"]
    with Program("agent", first, tmp_path / "log") as page:
        wait_for("the page", lambda: "PIN" in page.said())
        second = run("agent", "setup", "--config", site, "--page", "127.0.0.1:0")
        assert second.returncode == 2
        assert "another setup of this site is under way" in second.stderr
    with Program("agent", first, tmp_path / "log2") as page:
        wait_for("the next one's page", lambda: "PIN" in page.said())
