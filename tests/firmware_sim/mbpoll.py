"""`mbpoll`, an independent master on libmodbus (Debian package mbpoll), as a function."""

import shutil
import subprocess

import pytest

MBPOLL = shutil.which("mbpoll")
needs_mbpoll = pytest.mark.skipif(MBPOLL is None, reason="mbpoll is not installed (Debian package mbpoll)")


def poll(target: list[str], unit_id: int, kind: str, address: int, count: int = 1) -> list[str]:
    """The values that mbpoll shows; an empty list when it got no answer.

    `target` is its mode with options, and at its end the device. `kind` is its -t, like `4` or `3:float`, and
    `4:int16`, which it shows unsigned.
    """
    assert MBPOLL is not None
    kind, signed = kind.removesuffix(":int16"), kind.endswith(":int16")
    *options, device = target
    command = [MBPOLL, *options, "-a", str(unit_id), "-t", kind, "-0", "-B", "-r", str(address), "-c", str(count)]
    done = subprocess.run([*command, "-1", "-o", "1", device], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        return []
    rows = [line.split("\t", 1) for line in done.stdout.splitlines() if line.startswith("[")]
    values = [value.strip().split(" ")[0] for _, value in rows]
    return [str((int(value) ^ 0x8000) - 0x8000) for value in values] if signed else values


def tcp(port: int) -> list[str]:
    return ["-m", "tcp", "-p", str(port), "127.0.0.1"]


def rtu(tty: str, baud: int = 9600, parity: str = "none") -> list[str]:
    return ["-m", "rtu", "-b", str(baud), "-P", parity, tty]
