"""What a power cut leaves: the model itself, and that it finds a database that does not flush."""

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bench.soak.disk import SECTOR, Disk, Step, lay_out, steps, strace

FILE = "/d/file"


def disk(*taken: Step) -> Disk:
    made = Disk()
    for step in taken:
        made.take(step)
    return made


def write(offset: int, data: bytes, path: str = FILE) -> Step:
    return Step(0.0, "write", path, offset, data)


def create(path: str = FILE) -> Step:
    return Step(0.0, "create", path)


def sync(path: str = FILE) -> Step:
    return Step(0.0, "sync", path)


FOLDER = sync("/d")
MANY = [random.Random(seed) for seed in range(200)]


def found(made: Disk) -> set[bytes | None]:
    """All that a file may hold after a cut; None where it is not there."""
    return {made.after_cut(chance).get(FILE) for chance in MANY}


def test_what_was_flushed_is_there() -> None:
    made = disk(create(), write(0, b"old"), sync(), FOLDER, write(0, b"new"), sync())
    assert found(made) == {b"new"}


def test_what_was_not_flushed_may_be_there_or_not() -> None:
    assert found(disk(create(), sync(), FOLDER, write(0, b"x"))) == {b"", b"x"}


def test_a_file_whose_folder_was_not_flushed_may_be_gone() -> None:
    assert found(disk(create(), write(0, b"x"), sync())) == {None, b"x"}


def test_a_removal_that_was_not_flushed_may_not_have_been() -> None:
    made = disk(create(), write(0, b"x"), sync(), FOLDER, Step(0.0, "unlink", FILE))
    assert found(made) == {None, b"x"}


def test_a_replacement_is_one_or_the_other() -> None:
    other = "/d/other"
    taken = (create(), write(0, b"old"), sync(), FOLDER, create(other), write(0, b"new", other), sync(other))
    assert found(disk(*taken, Step(0.0, "rename", other, other=FILE))) == {b"old", b"new"}


def test_a_write_is_torn_in_sectors() -> None:
    made = disk(create(), sync(), FOLDER, write(100, b"a" * 2 * SECTOR))
    seen = [content for content in found(made) if content]
    parts = {tuple(content[at : at + 1] for at in (100, SECTOR, 2 * SECTOR) if at < len(content)) for content in seen}
    assert (b"\0", b"a") in parts
    assert (b"a", b"a", b"a") in parts


def test_a_truncation_may_not_have_been() -> None:
    made = disk(create(), write(0, b"abc"), sync(), FOLDER, Step(0.0, "truncate", FILE, 1))
    assert found(made) == {b"a", b"abc"}


def test_the_record_of_a_process(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        f'7 1.0 openat(AT_FDCWD</>, "\\x61", O_RDWR|O_CREAT, 0644) = 3<{hexed("/d/file")}>\n'
        f'7 2.0 pwrite64(3<{hexed("/d/file")}>, "\\x61\\x62", 2, 4 <unfinished ...>\n'
        f'8 3.0 write(1<{hexed("/dev/null")}>, "\\x68\\x69", 2) = 2\n'
        f"7 4.0 <... pwrite64 resumed>) = 2\n"
        f"7 5.0 fdatasync(3<{hexed('/d/file')}> <unfinished ...>\n"
        f"7 6.0 <... fdatasync resumed>) = 0\n"
        f'7 7.0 unlink("{hexed("/elsewhere")}") = 0\n'
        f'7 8.0 unlink("{hexed("/d/gone")}") = -1 ENOENT (No such file or directory)\n'
    )
    assert list(steps(log, Path("/d"))) == [
        Step(1.0, "create", FILE),
        Step(2.0, "write", FILE, 4, b"ab"),
        Step(3.0, "say", "", data=b"hi"),
        Step(6.0, "sync", FILE),
    ]


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


ROWS = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA journal_mode=" + sys.argv[2])
db.execute("PRAGMA synchronous=" + sys.argv[3])
db.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)")
for number in range(40):
    db.execute("INSERT INTO t VALUES (?)", (number,))
    os.write(1, b"%d\\n" % number)
"""


@pytest.mark.parametrize(
    ("journal", "synchronous", "safe"),
    [("WAL", "FULL", True), ("WAL", "NORMAL", False), ("DELETE", "EXTRA", True), ("DELETE", "FULL", False)],
)
def test_a_database_that_does_not_flush_is_found_out(
    tmp_path: Path, journal: str, synchronous: str, safe: bool
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = strace(tmp_path / "log", [sys.executable, "-c", ROWS, str(folder / "t.db"), journal, synchronous])
    if command is None:
        pytest.skip("there is no strace")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        pytest.skip("this machine does not let strace look")
    assert done.returncode == 0, done.stderr
    taken = list(steps(tmp_path / "log", folder))
    assert any(step.verb == "write" for step in taken)
    lost = sum(cut(taken, folder, tmp_path / "found", random.Random(seed)) for seed in range(30))
    assert (lost == 0) is safe


def cut(taken: list[Step], folder: Path, place: Path, chance: random.Random) -> int:
    """How many rows that were told are gone after one cut."""
    made, told = Disk(), -1
    for step in taken[: chance.randrange(len(taken) // 2, len(taken))]:
        made.take(step)
        if step.verb == "say":
            told = int(step.data.split()[-1])
    lay_out(made.after_cut(chance), folder, place)
    with closing(sqlite3.connect(place / "t.db")) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 't'").fetchone():
            return told + 1
        (rows,) = db.execute("SELECT count(*) FROM t").fetchone()
    return max(0, told + 1 - int(rows))
