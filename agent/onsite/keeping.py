"""What the wizard keeps on disk: how far it has come, the proof, the site file. Each file is replaced whole."""

import os
import tempfile
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.domain.errors import BadSetup
from agent.onsite.bench import SourcePlan
from agent.onsite.kept_proof import PROOF

_DRAFT: Final = "setup.json"


class Draft(msgspec.Struct, frozen=True):
    """A setup that is under way. `site` is the site file's table."""

    device: str = ""
    site: dict[str, Any] = {}
    sources: tuple[SourcePlan, ...] = ()
    proof: dict[str, Any] | None = None


def load_draft(state: Path) -> Draft | None:
    """The draft of an earlier run, or None; one that cannot be read is none."""
    try:
        return msgspec.json.decode((state / _DRAFT).read_bytes(), type=Draft)
    except (OSError, msgspec.DecodeError):
        return None


def save_draft(state: Path, draft: Draft) -> None:
    write_whole(state / _DRAFT, msgspec.json.encode(draft))


def drop_draft(state: Path) -> None:
    (state / _DRAFT).unlink(missing_ok=True)


def save_proof(state: Path, report: dict[str, Any]) -> None:
    write_whole(state / PROOF, msgspec.json.format(msgspec.json.encode(report)))


def drop_proof(state: Path) -> None:
    (state / PROOF).unlink(missing_ok=True)


def write_site(path: Path, text: str, now_ms: int) -> Path | None:
    """Replace the site file; what was there stays beside it, and its name is returned."""
    backup = None
    if path.exists():
        backup = path.with_name(f"{path.name}.{now_ms // 1000}.bak")
        write_whole(backup, path.read_bytes(), mode=path.stat().st_mode & 0o777)
    mode = 0o600 if backup is None else path.stat().st_mode & 0o777
    write_whole(path, text.encode(), mode=mode)
    return backup


def write_whole(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """All of it or nothing, and on the disk. Raises `BadSetup`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise BadSetup(str(path), f"cannot be written: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
