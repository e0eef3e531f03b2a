"""One process per journal."""

from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from agent.outbox.lock import FileLock


def test_a_folder_that_nobody_may_write_to_is_a_persons_business() -> None:
    with pytest.raises(BadSetup, match=r"^/sys/j\.db\.lock: cannot be made: ") as refused:
        FileLock(Path("/sys/j.db")).acquire()
    assert refused.value.hint == "let this program's user write to /sys"


def test_the_second_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "j.db"), FileLock(tmp_path / "j.db")
    first.acquire()
    with pytest.raises(BadSetup, match=r"j\.db: in use by another process"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()
    second.release()
