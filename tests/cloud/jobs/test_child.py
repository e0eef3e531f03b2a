import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.gone import wait_until_gone

CHILD = [sys.executable, "-m", "cloud.jobs.child"]


def test_it_becomes_the_job() -> None:
    done = subprocess.run([*CHILD, str(os.getpid()), "echo", "hello"], capture_output=True, text=True, check=True)
    assert done.stdout == "hello\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has gone")
def test_it_does_not_begin_for_a_parent_that_has_gone() -> None:
    done = subprocess.run([*CHILD, "1", "echo", "hello"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "has ended" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has gone")
def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    job = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        f"import os, subprocess, sys; subprocess.run([*{CHILD!r}, str(os.getpid()), sys.executable, '-c', {job!r}])"
    )
    started = subprocess.Popen([sys.executable, "-c", parent])
    deadline = time.monotonic() + 20
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pid = int(mark.read_text())
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert wait_until_gone(pid, 20), "the job outlived the program that started it"
