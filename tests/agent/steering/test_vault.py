from pathlib import Path

import pytest

from agent.domain.errors import Transient
from agent.steering.vault import FILE, Judged, Kept, Trial, Vault, Wish


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    assert vault.load() == Kept()
    trial = Trial(Wish(4, {"poll": {"interval_s": 5}}), ["heating"], 2)
    kept = Kept(Wish(3, {"a": 1}), trial, Judged(2, 7, "refused", "why", 5), {"poll.interval_s": None})
    vault.save(kept)
    assert vault.load() == kept
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"good": 5}', b"\xff\xfe", b"[" * 100_000])
def test_a_file_that_is_none_counts_for_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / FILE).write_bytes(data)
    assert Vault(tmp_path).load() == Kept()


def test_a_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    with pytest.raises(Transient, match=FILE):
        Vault(tmp_path / "gone").save(Kept())


def test_a_version_with_other_words_is_another_wish() -> None:
    assert Wish(1, {"a": 1, "b": 2}).print == Wish(1, {"b": 2, "a": 1}).print
    assert Wish(1, {"a": 1}).print != Wish(1, {"a": 2}).print
    assert Wish(1, {"a": 1}).print != Wish(2, {"a": 1}).print
