"""Child processes that never outlive the demo: each dies with it, whatever kills it."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

_PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10.0


def _die_with_parent() -> Callable[[], None]:
    """What a child does before it becomes its program: ask the kernel to be stopped when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return ask


class Processes:
    """Starts programs and stops them all when left. Output goes to `folder`/NAME.log."""

    def __init__(self, folder: Path, *, stop_seconds: float = STOP_SECONDS) -> None:
        self.folder = folder
        self.stop_seconds = stop_seconds
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Processes":
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def start(self, name: str, command: Sequence[str | Path]) -> None:
        """Start one program; its own process group keeps a terminal's Ctrl-C for the demo alone."""
        with self.log(name).open("wb") as output:
            self.running[name] = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )

    def dead(self) -> dict[str, int]:
        """Programs that have ended by themselves, with their exit status."""
        return {name: code for name, process in self.running.items() if (code := process.poll()) is not None}

    def tail(self, name: str, lines: int = 3) -> str:
        """The last lines a program said."""
        text = self.log(name).read_text(errors="replace").strip().splitlines()
        return "\n".join(text[-lines:])

    def stop(self) -> None:
        """Ask everybody to stop, newest first, and insist after a while."""
        waiting = list(reversed(self.running.values()))
        for process in waiting:
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + self.stop_seconds
        for process in waiting:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()
