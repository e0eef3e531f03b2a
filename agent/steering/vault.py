"""What the device remembers of the fleet's wishes, in one file that is replaced whole: it survives a kill anywhere."""

import logging
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.errors import Transient
from agent.domain.twin import Document

FILE: Final = "desired.json"
_log: Final = logging.getLogger("emberwatt.steering")


class Wish(msgspec.Struct, frozen=True):
    """A desired document and its version; 0 and empty: the site file alone."""

    version: int = 0
    doc: Document = {}

    @property
    def print(self) -> tuple[int, int]:
        """What tells it from another: after the aggregator was restored a version may come again with other words."""
        return self.version, zlib.crc32(msgspec.json.encode(self.doc, order="sorted"))


class Trial(msgspec.Struct, frozen=True):
    """A wish on probation. `before` are the sources that answered until then; `starts` counts how often the agent
    began with it."""

    wish: Wish
    before: list[str]
    starts: int = 0


class Judged(msgspec.Struct, frozen=True):
    """The newest wish that is not in force: `state` is "refused" or "rolled_back"."""

    version: int
    crc: int
    state: str
    reason: str
    at_ms: int


class Kept(msgspec.Struct, frozen=True):
    """`good` is what worked last; `taken` what the site file said of each key when the fleet took it over."""

    good: Wish = Wish()
    trial: Trial | None = None
    judged: Judged | None = None
    taken: dict[str, Any] = {}


class Vault:
    """The file in the folder `state`."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE

    def load(self) -> Kept:
        """What is kept. A file that cannot be read counts for none: the fleet says again what it wishes."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return Kept()
        except (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            _log.warning("%s: %s; the site file alone holds", self._path, error)
            return Kept()

    def save(self, kept: Kept) -> None:
        """On the disk when it returns. Raises `Transient`."""
        try:
            replace_whole(self._path, msgspec.json.format(msgspec.json.encode(kept)))
        except OSError as error:
            raise Transient(f"{self._path}: {error.strerror or error}") from error


def replace_whole(path: Path, data: bytes) -> None:
    """All of it or nothing, and on the disk. Raises `OSError`."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
