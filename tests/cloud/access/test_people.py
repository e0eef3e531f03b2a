"""The file of those who may log in."""

import stat
from pathlib import Path

import pytest

from agent.domain.errors import BadInput, BadSetup
from cloud.access.passwords import matches
from cloud.access.people import People, Role
from tests.cloud.access.conftest import PASSWORD


def test_who_was_added_is_there_for_everybody_who_reads_the_file(people: People) -> None:
    other = People(people.path)
    assert other.names() == [("anna", Role.MANAGER), ("ben@home", Role.VIEWER)]
    anna = other.find("anna")
    assert anna is not None
    assert matches(PASSWORD, anna.password)
    assert other.find("carl") is None
    assert other.secret() == people.secret()
    assert stat.S_IMODE(people.path.stat().st_mode) == 0o600


def test_a_change_is_seen_by_whoever_has_read_it_before(people: People) -> None:
    reader = People(people.path)
    assert reader.find("ben@home") is not None
    people.remove("ben@home")
    assert reader.find("ben@home") is None
    assert people.add("anna", Role.VIEWER, PASSWORD + "!")
    anna = reader.find("anna")
    assert anna is not None
    assert anna.role is Role.VIEWER
    assert [path.name for path in people.path.parent.iterdir()] == ["people.toml"]


@pytest.mark.parametrize("name", ["", "two words", 'a"b', "-dash", "x" * 65, "ä"])
def test_names_that_cannot_be(people: People, name: str) -> None:
    with pytest.raises(BadInput, match="expected letters, digits"):
        people.add(name, Role.VIEWER, PASSWORD)
    assert len(people.names()) == 2


def test_taking_out_somebody_who_is_not_there(people: People) -> None:
    with pytest.raises(BadInput, match=r"'carl' is not in .*: expected one of anna, ben@home"):
        people.remove("carl")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secret = ", "is not TOML"),
        ('secret = "short"', "secret: expected 32 characters"),
        ("[people]", "secret"),
        (f'secret = "{"0" * 64}"\n[people.anna]\nrole = "boss"\npassword = "x"', "role"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "people.toml").write_text(text)
    with pytest.raises(BadSetup, match=said) as raised:
        People(tmp_path / "people.toml").find("anna")
    assert "people.toml" in str(raised.value)


def test_a_file_without_anybody(tmp_path: Path, people: People) -> None:
    with pytest.raises(BadSetup, match="is not there"):
        People(tmp_path / "other.toml").check()
    for name, _ in people.names():
        people.remove(name)
    with pytest.raises(BadSetup, match="names nobody who may log in"):
        people.check()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadSetup, match="cannot be written"):
        People(tmp_path / "no" / "people.toml").add("anna", Role.VIEWER, PASSWORD)


def test_a_role_that_there_is_not_is_told_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "people.toml"
    path.write_text(f'secret = "{"s" * 40}"\n[people.anna]\nrole = "boss"\npassword = "x"\n')
    with pytest.raises(BadSetup) as refused:
        People(path).check()
    assert str(refused.value) == f"{path}: people.anna.role: got 'boss', expected manager or viewer"
