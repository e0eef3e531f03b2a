"""Why the agent ended: one line in the state folder, read at the next start."""

from contextlib import suppress
from pathlib import Path
from typing import Final

FILE: Final = "last-words"
_RUNNING: Final = "running"
_MOST: Final = 300


class LastWords:
    """The file in the folder `state`. A disk that refuses is no reason to stop: then there are no words."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE

    def take(self) -> str:
        """Why it ended the last time; then the note that it runs. Empty at the very first start."""
        said = ""
        with suppress(OSError):
            said = self._path.read_text(encoding="utf-8", errors="replace").strip()
        self.say(_RUNNING)
        return "killed, or the power was cut" if said == _RUNNING else said

    def say(self, why: str) -> None:
        """Keep it for the next start."""
        with suppress(OSError):
            self._path.write_text(why[:_MOST], encoding="utf-8")
