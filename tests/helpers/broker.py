"""A real Mosquitto for tests: on a free port, killed and restarted on the same one."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
_START_S = 10.0


class MosquittoBroker:
    """`with MosquittoBroker(folder) as broker:` then `broker.port`; with `users`, logins are needed."""

    def __init__(
        self,
        folder: Path,
        *,
        users: dict[str, str] | None = None,
        persistence: bool = False,
        max_queued_messages: int = 10_000,
    ) -> None:
        self._folder = folder
        self._users = users or {}
        self._persistence = persistence
        self._max_queued = max_queued_messages
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> "MosquittoBroker":
        self._folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop(signal.SIGTERM)

    def start(self) -> None:
        """Start on the port of before, and wait until it answers."""
        if MOSQUITTO is None:
            raise RuntimeError("mosquitto is not installed")
        config = self._folder / "mosquitto.conf"
        config.write_text(self._config())
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(config)], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._folder / "mosquitto.log").read_text())
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9."""
        self.stop(signal.SIGKILL)

    def stop(self, number: signal.Signals) -> None:
        """Send `number` and wait for the end."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 0.5):
                return True
        except OSError:
            return False

    def _config(self) -> str:
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"max_queued_messages {self._max_queued}",
            f"persistence {'true' if self._persistence else 'false'}",
            f"persistence_location {self._folder}/",
            f"allow_anonymous {'false' if self._users else 'true'}",
            "user root",
        ]
        if self._users:
            lines.append(f"password_file {self._passwords()}")
        return "\n".join(lines) + "\n"

    def _passwords(self) -> Path:
        file = self._folder / "passwords"
        file.touch(mode=0o600)
        for name, password in self._users.items():
            subprocess.run(["mosquitto_passwd", "-b", str(file), name, password], check=True, capture_output=True)
        return file


def free_port() -> int:
    """A TCP port that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
