"""Shared by the simulator's tests: one origin, a raw Modbus client on a socket, and a served process."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

from firmware_sim.clock import parse_instant

ORIGIN = "2026-05-01T09:00:00Z"
ORIGIN_MS = parse_instant(ORIGIN)
LIVE_MS = parse_instant("2026-05-31T09:00:00Z")
MINUTE_MS = 60_000
DAY_MINUTES = 1440


class RawClient:
    """Modbus TCP by hand: what is sent and received is plain bytes."""

    def __init__(self, port: int, unit_id: int = 1) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._unit_id = unit_id
        self._transaction = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def request(self, pdu: bytes) -> bytes:
        """The answer's PDU. Checks transaction, protocol and unit of the header."""
        self._transaction += 1
        self._socket.sendall(struct.pack(">HHHB", self._transaction, 0, len(pdu) + 1, self._unit_id) + pdu)
        transaction, protocol, length, unit_id = struct.unpack(">HHHB", self.exactly(7))
        assert (transaction, protocol, unit_id) == (self._transaction, 0, self._unit_id)
        return self.exactly(length - 1)

    def send(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def exactly(self, count: int) -> bytes:
        """`count` bytes; raises `ConnectionError` when the server closed."""
        received = b""
        while len(received) < count:
            part = self._socket.recv(count - len(received))
            if not part:
                raise ConnectionError("closed by the server")
            received += part
        return received

    def words(self, first: int, count: int, function: int = 3) -> list[int]:
        """Registers; an exception answer fails the test."""
        answer = self.request(struct.pack(">BHH", function, first, count))
        assert answer[0] == function, f"exception {answer[1]}"
        assert answer[1] == 2 * count
        return list(struct.unpack(f">{count}H", answer[2:]))


class ServedProcess:
    """`emberwatt-sim serve` as a process of its own, stopped at the end."""

    def __init__(self, scenario: str, *options: str) -> None:
        command = [sys.executable, "-m", "firmware_sim", "serve", scenario, "--origin", ORIGIN, "--json", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.line: dict[str, object] = {}

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 60)
        text = self.process.stdout.readline() if ready else ""
        if not text:
            _, errors = self.process.communicate(timeout=10)
            raise AssertionError(f"no line within 60 s; stderr: {errors}")
        self.line = json.loads(text)
        return self

    @property
    def port(self) -> int:
        port = self.line["port"]
        assert isinstance(port, int)
        return port

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            finally:
                if self.process.poll() is None:
                    os.kill(self.process.pid, signal.SIGKILL)
                    self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def wait_until(holds: object, seconds: float = 20.0) -> None:
    """Polls `holds()` until it is true; fails after `seconds`."""
    assert callable(holds)
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)
