from pathlib import Path

import pytest

from agent.domain.errors import BadSetup, Transient
from cloud.jobs.folder import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    found = RunFolder(tmp_path)
    with found.lock("j"):
        pass
    return found


def test_one_run_of_a_job_at_a_time(folder: RunFolder) -> None:
    with folder.lock("j"):
        with pytest.raises(Transient, match="running already"), folder.lock("j"):
            pass
        with folder.lock("other"):
            pass
    with folder.lock("j"):
        pass


def test_results_appear_whole_when_they_are_finished(folder: RunFolder) -> None:
    work = folder.begin("j", 7)
    (work / "sub").mkdir()
    (work / "sub" / "b.csv").write_text("12345")
    (work / "a.json").write_text("{}")
    assert folder.files("j", 7) == []
    folder.finish("j", 7)
    assert folder.files("j", 7) == [("a.json", 2), ("sub/b.csv", 5)]
    assert not work.exists()
    assert folder.path("j", 7, "sub/b.csv") == folder.root / "j" / "7" / "sub" / "b.csv"


def test_only_results_can_be_reached(folder: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    work = folder.begin("j", 7)
    (work / "link").symlink_to(tmp_path / "secret")
    folder.finish("j", 7)
    for name in ("../../secret", "link", "", ".", "/etc/passwd", "../.lock"):
        assert folder.path("j", 7, name) is None


def test_half_results_and_old_ones_are_swept(folder: RunFolder) -> None:
    for number in range(1, 6):
        folder.begin("j", number)
        folder.finish("j", number)
        folder.log_file("j", number).write_text("x")
    (folder.begin("j", 9) / "half").write_text("x")
    folder.sweep("j", keep=2)
    assert folder.numbers("j") == [5, 4]
    assert not folder.work("j", 9).exists()
    assert len(list((folder.root / "j" / "logs").iterdir())) == 5


def test_the_end_of_a_log(folder: RunFolder) -> None:
    assert folder.log("j", 1, 100) == ""
    folder.log_file("j", 1).write_bytes(b"a" * 50 + b"\xff end\n")
    assert folder.log("j", 1, 6) == "\ufffd end\n"


def test_a_folder_that_cannot_be_written_is_a_setup_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetup, match="cannot be written"), RunFolder(tmp_path / "file").lock("j"):
        pass
