"""The demo as a person plays it: a verdict at its end, a second start that goes on, and nothing left running."""

import json
import signal
import subprocess
import sys
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.broker import free_port
from tests.helpers.programs import wait_for

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("demo")]
DAY_MS = 86_400_000


def start(state: Path, port: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from firmware_sim.demo import main; main()", "demo"]
    command += ["--state", str(state), "--port", str(port), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def left_running(state: Path) -> list[str]:
    """Command lines of processes that still work in `state`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(state) in line and "pytest" not in line:
                found.append(line)
    return found


def get(port: int, path: str) -> dict[str, list[dict[str, Any]]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def test_it_finds_what_was_broken_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    state, port = tmp_path / "demo", free_port()
    first = start(state, port, "--for", "30s")
    said, _ = first.communicate(timeout=240)
    assert first.returncode == 0, said[-3000:]
    assert "injected faults were found" in said
    assert left_running(state) == []
    stopped_ms = json.loads((state / "world.json").read_text())["now_ms"]
    assert (state / "cloud" / "fleet.db").exists()

    again = start(state, port)
    try:
        assert again.stdout is not None
        seen = []
        for line in again.stdout:
            seen.append(line)
            if "fleet page" in line:
                break
        assert f"http://127.0.0.1:{port}/" in seen[-1], "".join(seen)
        assert not any("history of" in line for line in seen), "the second start must not make the past again"
        # The database still says online of the time before: each must have been heard of since.
        wait_for(
            "every site heard of", lambda: all(heard(site, stopped_ms) for site in get(port, "devices")["items"]), 120
        )
        ended = [fault for fault in get(port, "faults?limit=500")["items"] if fault["end"] is not None]
        assert ended, "what was found before is still there"
    finally:
        again.send_signal(signal.SIGINT)
        rest, _ = again.communicate(timeout=60)
    assert again.returncode == 0, rest[-3000:]
    assert left_running(state) == []
    assert json.loads((state / "world.json").read_text())["now_ms"] > stopped_ms


def heard(site: dict[str, Any], since_ms: int) -> bool:
    last = datetime.fromisoformat(site["last_contact"])
    return site["state"] == "online" and last.timestamp() * 1000 > since_ms


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = start(tmp_path, free_port())
        said, _ = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert "running there already" in said
