"""A real PostgreSQL for tests, where one is installed: on a free port, empty for each test."""

import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.helpers.broker import free_port

_START_S = 30.0
_OWNER = "postgres"  # root may not run it; Debian's package brings this user


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    place = found[-1] if found else shutil.which("initdb")
    return Path(place).parent if place and find_spec("psycopg") else None


PROGRAMS = _programs()


class PostgresServer:
    """`with PostgresServer(folder) as server:` then `server.url`, an empty database after each `server.clear()`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> "PostgresServer":
        if PROGRAMS is None:
            raise RuntimeError("PostgreSQL or psycopg is not installed")
        self._folder.mkdir(parents=True)
        user = _OWNER if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(self._folder, user)
        data, port = self._folder / "data", free_port()
        init = [PROGRAMS / "initdb", "-D", data, "-A", "trust", "-U", "fleet", "--no-sync", "-E", "UTF8"]
        subprocess.run(init, check=True, capture_output=True, user=user, cwd="/")
        command: list[str | Path] = [PROGRAMS / "postgres", "-D", data, "-p", str(port), "-k", "", "-c", "fsync=off"]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "full_page_writes=off"]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd="/")
        self.url = f"postgresql+psycopg://fleet@127.0.0.1:{port}/postgres"
        self._wait()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown: connections are cut
            self._process.wait(20)

    def clear(self) -> None:
        """Whatever an earlier test left is gone."""
        self._run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_S
        while True:
            try:
                return self._run("SELECT 1")
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _run(self, *statements: str) -> None:
        engine = create_engine(self.url)
        try:
            with engine.begin() as connection:
                for statement in statements:
                    connection.execute(text(statement))
        finally:
            engine.dispose()
