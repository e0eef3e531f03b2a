"""Where a setup begins: with nothing, with a site file, or where it was left."""

from pathlib import Path

import pytest

from agent.commissioning import make_wizard, page_settings
from agent.domain.errors import BadSetup


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
