"""How far a long task is, for a person at a terminal."""

import sys
import time

PATIENCE_S = 2.0


class Progress:
    """Says on stderr how far a long task is, once it has taken longer than one likes to wait."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._started = time.monotonic()
        self._shown = False

    def __call__(self, share: float) -> None:
        if time.monotonic() - self._started > PATIENCE_S and sys.stderr.isatty():
            print(f"\r{self._task}: {share:4.0%}", end="", file=sys.stderr, flush=True)
            self._shown = True

    def done(self) -> None:
        """Ends the line, if there is one."""
        if self._shown:
            print(f"\r{self._task}: 100%", file=sys.stderr)
