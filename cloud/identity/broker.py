"""Letting the broker read its files again: by a command, or by SIGHUP to the process whose number is in a file."""

import os
import shlex
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agent.domain.errors import BadSetup

_TIMEOUT_S: Final = 30.0
_HINT: Final = "until the broker has read its files again, what was revoked may still connect"


class Broker:
    """The operator's way to reload it; with neither command nor file nothing is done."""

    def __init__(self, command: Sequence[str] = (), pid_file: Path | None = None) -> None:
        self._command = tuple(command)
        self._pid_file = pid_file

    @property
    def known(self) -> bool:
        """Whether there is a way."""
        return bool(self._command) or self._pid_file is not None

    def reload(self) -> None:
        """Raises `BadSetup` when it does not work."""
        if self._command:
            _run(self._command)
        if self._pid_file is not None:
            _hang_up(self._pid_file)


def _run(command: Sequence[str]) -> None:
    where = f"identity.reload {shlex.join(command)!r}"
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise BadSetup(where, f"cannot be run: {error.strerror}", hint=_HINT) from error
    except subprocess.TimeoutExpired as error:
        raise BadSetup(where, f"did not end within {_TIMEOUT_S:g} s", hint=_HINT) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise BadSetup(
            where, f"ended with status {error.returncode} {' '.join(said[-1:])}".rstrip(), hint=_HINT
        ) from error


def _hang_up(file: Path) -> None:
    try:
        number = int(file.read_text(encoding="ascii"))
        if number <= 1:
            raise ValueError
        os.kill(number, signal.SIGHUP)
    except OSError as error:
        raise BadSetup(str(file), f"the broker cannot be told: {error.strerror}", hint=_HINT) from error
    except ValueError as error:
        raise BadSetup(str(file), "holds no process number", hint=_HINT) from error
