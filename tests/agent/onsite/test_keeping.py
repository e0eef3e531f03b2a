"""What is kept on disk is whole, or was never there."""

import stat
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from agent.domain.proof_change import Change
from agent.onsite.bench import SourcePlan
from agent.onsite.keeping import (
    Draft,
    drop_draft,
    drop_proof,
    load_draft,
    save_draft,
    save_proof,
    write_site,
    write_whole,
)
from agent.onsite.kept_proof import proof_section


def test_a_draft_comes_back(tmp_path: Path) -> None:
    draft = Draft(
        "mill", {"name": "Mill"}, (SourcePlan({"name": "a", "port": 502}, Change(flip=("x",))),), {"right": True}
    )
    save_draft(tmp_path / "new" / "state", draft)
    assert load_draft(tmp_path / "new" / "state") == draft
    drop_draft(tmp_path / "new" / "state")
    assert load_draft(tmp_path / "new" / "state") is None


def test_a_broken_draft_is_none(tmp_path: Path) -> None:
    (tmp_path / "setup.json").write_text('{"device": 5}')
    assert load_draft(tmp_path) is None


def test_the_twin_gets_the_proof_in_short(tmp_path: Path) -> None:
    assert proof_section(tmp_path) == {}
    finding = {"mistake": "stuck", "signals": ["a"], "says": "it sticks", "advice": "look", "confidence": 0.9}
    save_proof(
        tmp_path, {"at_ms": 5, "right": False, "proven": ["b"], "open": {}, "findings": [finding], "applied": []}
    )
    section = proof_section(tmp_path)["proof"]
    assert section["at_ms"] == 5
    assert section["findings"] == [{"mistake": "stuck", "signals": ["a"], "says": "it sticks"}]
    drop_proof(tmp_path)
    assert proof_section(tmp_path) == {}
    (tmp_path / "proof.json").write_text("[1")
    assert proof_section(tmp_path) == {}


def test_the_old_site_file_stays_beside_the_new_one(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    assert write_site(site, "a", 1000) is None
    site.chmod(0o640)
    backup = write_site(site, "b", 2000)
    assert site.read_text() == "b"
    assert backup is not None
    assert backup.read_text() == "a"
    assert stat.S_IMODE(site.stat().st_mode) == 0o640


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetup, match="cannot be written"):
        write_whole(tmp_path / "file" / "x", b"")
