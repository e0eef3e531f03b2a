from pathlib import Path

import pytest

from cloud.access.people import People, Role

PASSWORD = "a long enough one"


@pytest.fixture
def people(tmp_path: Path) -> People:
    """Anna, who may change things, and Ben, who may not; both with the same password."""
    people = People(tmp_path / "people.toml")
    people.add("anna", Role.MANAGER, PASSWORD)
    people.add("ben@home", Role.VIEWER, PASSWORD)
    return people
