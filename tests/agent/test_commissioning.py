"""Where a setup begins: with nothing, with a site file, or where it was left."""

from pathlib import Path

import pytest

from agent.commissioning import make_wizard, page_settings
from agent.config import load
from agent.domain.errors import BadSetup
from agent.domain.proof import prove
from agent.domain.proof_model import Mistake
from agent.onsite.keeping import save_proof
from agent.running import open_agent
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
