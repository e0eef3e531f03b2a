"""One of our commands in a terminal of its own, talked to like a person does."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_WAIT_S = 30.0


class Terminal:
    """`with Terminal("agent", ["setup", …]) as terminal:`; what it showed is in `seen`."""

    def __init__(self, module: str, arguments: Sequence[str | Path]) -> None:
        self._command = [sys.executable, "-m", module, *(str(part) for part in arguments)]
        self.seen = ""
        self._read_to = 0
        self._fd = -1
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Terminal":
        self._fd, theirs = pty.openpty()
        self.process = subprocess.Popen(self._command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
        os.close(theirs)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)
        os.close(self._fd)

    def expect(self, text: str, seconds: float = _WAIT_S) -> str:
        """Until this is shown, behind what was expected before; gives what came in between."""
        return self.expect_one(text, seconds=seconds)[1]

    def expect_one(self, *texts: str, seconds: float = _WAIT_S) -> tuple[str, str]:
        """The same for whichever of these is shown first; gives it too."""
        deadline = time.monotonic() + seconds
        while not (places := [(at, each) for each in texts if (at := self.seen.find(each, self._read_to)) >= 0]):
            assert time.monotonic() < deadline, f"not shown within {seconds} s: {texts}; seen:\n{self.seen[-3000:]}"
            if not self._more(deadline):
                raise AssertionError(f"ended without {texts}; seen:\n{self.seen[-3000:]}")
        at, found = min(places)
        between = self.seen[self._read_to : at]
        self._read_to = at + len(found)
        return found, between

    def say(self, line: str = "") -> None:
        os.write(self._fd, line.encode() + b"\n")

    def answer(self, question: str, line: str = "") -> None:
        self.expect(question)
        self.say(line)

    def ended(self, seconds: float = _WAIT_S) -> int:
        """The exit status."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while self._more(deadline):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def _more(self, deadline: float) -> bool:
        """Read on; False when the command has ended."""
        ready, _, _ = select.select([self._fd], [], [], max(0.0, min(0.2, deadline - time.monotonic())))
        if not ready:
            return time.monotonic() < deadline
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # what a terminal says when the other side has gone
            return False
        self.seen += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)
