from pathlib import Path

import pytest

from cloud.access.people import People, Role

PASSWORD = "a long enough one"


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of Anna, who may change things, and Ben, who may not; both with the same password."""
    people = People(tmp_path_factory.mktemp("people") / "people.toml")
    people.add("anna", Role.MANAGER, PASSWORD)
    people.add("ben@home", Role.VIEWER, PASSWORD)
    return people.path.read_bytes()


@pytest.fixture
def people(tmp_path: Path, written: bytes) -> People:
    """Anna and Ben in a file of the test's own."""
    path = tmp_path / "people.toml"
    path.touch(mode=0o600)
    path.write_bytes(written)
    return People(path)
