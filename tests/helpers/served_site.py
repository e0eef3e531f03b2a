"""A site of the simulator in a process of its own, on the clock of a test, with its switches."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.clock import SimulatedClock
from firmware_sim.clock import instant_text


@dataclass(frozen=True)
class ServedSite:
    """Where it answers, and how to give it orders."""

    host: str
    port: int
    control: Path

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def order(self, verb: str, **details: Any) -> None:
        """One of the orders of `emberwatt-sim serve --control`."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(str(self.control))
            line.sendall(json.dumps({"do": verb, **details}).encode() + b"\n")
            answer = json.loads(line.makefile().readline())
        assert answer["ok"], answer


@contextmanager
def served_site(scenario: str, family: str, clock: SimulatedClock, origin: str, folder: Path) -> Iterator[ServedSite]:
    """The scenario as a device of this family; its life began at `origin`, its now is that of the clock."""
    control = folder / "control"
    command = [sys.executable, "-m", "firmware_sim", "serve", scenario, "--as", family, "--json"]
    command += ["--origin", origin, "--live-start", instant_text(clock.origin_ms)]
    command += ["--wall-start", str(clock.started_ms), "--rate", str(clock.rate)]
    command += ["--option", "gap_ms=0", "--control", str(control)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield ServedSite(told["host"], told["port"], control)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
