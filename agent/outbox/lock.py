"""One process per file."""

import fcntl
import os
from pathlib import Path

from agent.domain.errors import BadSetup, Transient


class FileLock:
    """Holds `path` + ".lock" as long as the process lives or until `release`; the kernel lets go after a kill."""

    def __init__(self, path: Path, hint: str = "stop the other agent, or give this one a journal of its own") -> None:
        self._journal = path
        self._hint = hint
        self._path = path.with_name(path.name + ".lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Harmless when it is held already.

        Raises `BadSetup` when another process has it or nobody may write there, `Transient` when the disk refuses.
        """
        if self._descriptor is not None:
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except FileNotFoundError as error:
            raise BadSetup(str(self._journal), f"folder {self._path.parent} does not exist") from error
        except PermissionError as error:
            hint = f"let this program's user write to {self._path.parent}"
            raise BadSetup(str(self._path), f"cannot be made: {error.strerror}", hint=hint) from error
        except OSError as error:
            raise Transient(f"{self._path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise BadSetup(str(self._journal), "in use by another process", hint=self._hint) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; harmless when not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
