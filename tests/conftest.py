"""For every test: hypothesis without a time limit per example, because the machine may be busy with others.

Where `CI` is set the same examples are tried each time; a person's runs look further.
"""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.helpers.postgres import PROGRAMS, PostgresServer

settings.register_profile(
    "patient", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

NO_SERVER = pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL or psycopg is not installed")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    # Its user must be able to get there, which it is not where pytest keeps its folders.
    with tempfile.TemporaryDirectory(prefix="emberwatt-pg-") as folder:
        Path(folder).chmod(0o711)
        with PostgresServer(Path(folder) / "server") as server:
            yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NO_SERVER)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database; whoever asks for it is tested over both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'fleet.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    server.clear()
    return server.url
