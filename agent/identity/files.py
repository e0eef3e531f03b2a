"""Key and certificate on the disk, in one file that is replaced whole: a power cut leaves the old or the new pair.

`device.pem` begins with a line of JSON about itself, so that the running agent can tell when it expires without a
library. Programs that read PEM files pass over what stands before the first block (RFC 7468, section 2).
"""

import os
import re
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from agent.domain.errors import BadSetup

FOLDER: Final = "identity"
_MARK: Final = "emberwatt "
_SECRET: Final = 0o600
_PUBLIC: Final = 0o644
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----\n?", re.DOTALL)


class About(msgspec.Struct, frozen=True):
    """The first line of `device.pem`. From `renew_ms` on the device asks `aggregator` for the next certificate."""

    device: str
    aggregator: str
    not_before_ms: int
    not_after_ms: int
    renew_ms: int


class Pair(msgspec.Struct, frozen=True):
    """A certificate and its key in PEM, and what is known about them."""

    about: About
    certificate: str
    key: str


class IdentityFiles:
    """The folder `identity` below the agent's state. Everything raises `BadSetup` that names the file."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self.device = self.folder / "device.pem"
        self.ca = self.folder / "ca.pem"
        self.pending = self.folder / "pending.pem"

    def about(self) -> About | None:
        """What the present certificate is; None without one."""
        text = _read(self.device)
        if text is None:
            return None
        try:
            first = text.partition("\n")[0]
            return msgspec.json.decode(first.removeprefix(_MARK).encode(), type=About)
        except msgspec.DecodeError as error:
            hint = "claim the device again: emberwatt-agent claim"
            raise BadSetup(str(self.device), f"does not begin with what it is ({error})", hint=hint) from error

    def pair(self) -> Pair | None:
        """Key and certificate; None without any."""
        about, text = self.about(), _read(self.device)
        if about is None or text is None:
            return None
        blocks = {found.group(1): found.group(0) for found in _BLOCK.finditer(text)}
        try:
            return Pair(about, blocks["CERTIFICATE"], blocks["PRIVATE KEY"])
        except KeyError as error:
            raise BadSetup(str(self.device), f"holds no {str(error.args[0]).lower()}") from error

    def write_pair(self, pair: Pair) -> None:
        """Replace both at once; the key that waited for its certificate is not needed any more."""
        head = _MARK + msgspec.json.encode(pair.about).decode()
        self._write(self.device, f"{head}\n{pair.certificate}{pair.key}", _SECRET)
        self.pending.unlink(missing_ok=True)

    def ca_text(self) -> str | None:
        """The authority that is believed; None without one."""
        return _read(self.ca)

    def write_ca(self, text: str) -> None:
        self._write(self.ca, text, _PUBLIC)

    def pending_key(self) -> str | None:
        """A key that a certificate was asked for, without an answer yet."""
        return _read(self.pending)

    def write_pending_key(self, text: str) -> None:
        self._write(self.pending, text, _SECRET)

    def _write(self, path: Path, text: str, mode: int) -> None:
        try:
            _make_folder(self.folder)
            _replace(path, text, mode)
        except OSError as error:
            raise BadSetup(str(path), f"cannot be written: {error.strerror or error}") from error


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadSetup(str(path), f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadSetup(str(path), f"is not a PEM file: {error.reason}") from error


def _make_folder(folder: Path) -> None:
    """Below a state folder that belongs to the service: root makes it, the service must be able to write there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        folder.mkdir(mode=0o700)
        _same_owner(folder, folder.parent)


def _replace(path: Path, text: str, mode: int) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        _same_owner(Path(name), path.parent)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _same_owner(path: Path, folder: Path) -> None:
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
