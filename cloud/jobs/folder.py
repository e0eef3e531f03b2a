"""Where runs keep what they write. A result is there whole or not at all.

<root>/<job>/.lock         held while a run of the job lives, by the kernel's word
<root>/<job>/.work-17/     what run 17 is writing
<root>/<job>/17/           the results of run 17, moved here in one step when it ended well
<root>/<job>/logs/17.log   what it printed
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.domain.errors import BadSetup, Transient

_WORK: Final = ".work-"


class RunFolder:
    """The files of all runs below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check(self) -> None:
        """Raises `BadSetup` where nothing can be written, before the first night finds out."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise BadSetup(str(self.root), f"cannot be written: {error.strerror}") from error

    @contextmanager
    def lock(self, job: str) -> Iterator[int]:
        """Gives the lock's descriptor; a child that inherits it holds the lock as long as it lives.

        Raises `Transient` while another run of the job lives, `BadSetup` when the folder cannot be written.
        """
        try:
            (self.root / job / "logs").mkdir(parents=True, exist_ok=True)
            handle = os.open(self.root / job / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise BadSetup(str(self.root / job), f"cannot be written: {error.strerror}") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Transient(f"job {job} is running already") from None
            yield handle
        finally:
            os.close(handle)

    def work(self, job: str, number: int) -> Path:
        return self.root / job / f"{_WORK}{number}"

    def results(self, job: str, number: int) -> Path:
        return self.root / job / str(number)

    def log_file(self, job: str, number: int) -> Path:
        return self.root / job / "logs" / f"{number}.log"

    def begin(self, job: str, number: int, carries: Sequence[str] = ()) -> Path:
        """A folder to write into, empty but for what is carried on from the newest results."""
        work = self.work(job, number)
        work.mkdir()
        for last in self.numbers(job)[:1]:
            for name in carries:
                if (self.results(job, last) / name).is_file():
                    shutil.copy2(self.results(job, last) / name, work / name)
        return work

    def finish(self, job: str, number: int) -> None:
        """Make what was written the run's results, on the disk before its name says so."""
        work = self.work(job, number)
        for path in sorted(work.rglob("*")):
            if path.is_file():
                _sync(path)
        work.rename(self.results(job, number))
        _sync(self.root / job)

    def drop(self, job: str, number: int) -> None:
        """Forget what a run has half written."""
        shutil.rmtree(self.work(job, number), ignore_errors=True)

    def sweep(self, job: str, keep: int) -> None:
        """Forget half results of runs that died, and all but the newest `keep` results and logs. Needs the lock."""
        folder = self.root / job
        for path in folder.glob(f"{_WORK}*"):
            shutil.rmtree(path, ignore_errors=True)
        for number in self.numbers(job)[keep:]:
            shutil.rmtree(self.results(job, number), ignore_errors=True)
        logs = sorted((int(path.stem) for path in (folder / "logs").glob("*.log") if path.stem.isdigit()), reverse=True)
        for number in logs[10 * keep :]:
            self.log_file(job, number).unlink(missing_ok=True)

    def numbers(self, job: str) -> list[int]:
        """Runs that have results, newest first."""
        folder = self.root / job
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return sorted((int(name) for name in names if name.isdigit()), reverse=True)

    def files(self, job: str, number: int) -> list[tuple[str, int]]:
        """Name and size of each result."""
        folder = self.results(job, number)
        found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        return [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in found]

    def path(self, job: str, number: int, name: str) -> Path | None:
        """A result by the name that `files` gives it; nothing else can be reached."""
        known = {known for known, _ in self.files(job, number)}
        return self.results(job, number) / name if name in known else None

    def log(self, job: str, number: int, limit: int) -> str:
        """The end of what it printed."""
        try:
            with self.log_file(job, number).open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - limit))
                return stream.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
