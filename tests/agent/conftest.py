"""What several tests of the agent need: an aggregator that gives certificates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.identities import Office, office, served_identity


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    """The aggregator's side."""
    (tmp_path / "cloud_side").mkdir()
    with office(tmp_path / "cloud_side") as opened:
        yield opened


@pytest.fixture
def url(here: Office) -> Iterator[str]:
    """Where devices reach it."""
    with served_identity(here.desk, here.clock) as address:
        yield address
