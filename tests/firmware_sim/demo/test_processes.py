import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from firmware_sim.demo.processes import Processes
from tests.helpers.gone import alive, wait_until_gone

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_leaving_stops_every_child(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("one", SLEEPER)
        processes.start("two", SLEEPER)
        pids = [process.pid for process in processes.running.values()]
        assert all(alive(pid) for pid in pids)
    assert not any(alive(pid) for pid in pids)


def test_a_child_that_ends_is_reported_with_what_it_said(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        processes.start("brief", [sys.executable, "-c", "print('port 1883 is taken'); raise SystemExit(3)"])
        processes.running["brief"].wait(10)
        assert processes.dead() == {"brief": 3}
        assert processes.tail("brief") == "port 1883 is taken"


def test_a_child_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    processes = Processes(tmp_path, stop_seconds=0.3)
    with processes:
        processes.start("stubborn", [sys.executable, "-c", stubborn])
        pid = processes.running["stubborn"].pid
        deadline = time.monotonic() + 10
        while "up" not in processes.tail("stubborn") and time.monotonic() < deadline:
            time.sleep(0.02)
    assert not alive(pid)


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    parent = (
        "import sys, time; from pathlib import Path; from firmware_sim.demo.processes import Processes\n"
        f"p = Processes(Path({str(tmp_path)!r})).__enter__()\n"
        f"p.start('child', {SLEEPER!r}); print(p.running['child'].pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    assert wait_until_gone(child)
