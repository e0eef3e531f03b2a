"""The project's own commands as real processes, started, killed and restarted by a test."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

START_S = 30.0


class Program:
    """`with Program("agent", ["run", …], log) as agent:`; what it says goes to `log`."""

    def __init__(self, module: str, arguments: Sequence[str | Path], log: Path) -> None:
        self.command = [sys.executable, "-m", module, *(str(part) for part in arguments)]
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Program":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop(signal.SIGTERM)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, number: signal.Signals, timeout_s: float = 20.0) -> int:
        """Send `number`, wait for the end, return the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def said(self) -> str:
        return self.log.read_text(errors="replace")


def run(module: str, *arguments: str | Path, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """A command from start to end, its output captured."""
    command = [sys.executable, "-m", module, *(str(part) for part in arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def wait_for(what: str, condition: Callable[[], bool], timeout_s: float = START_S) -> None:
    """Ask until it holds; fails naming what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.03)


def answers(url: str) -> bool:
    """Whether a GET of `url` gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
