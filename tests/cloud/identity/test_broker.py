"""The broker is told, or a person is told that it was not."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud.identity.broker import Broker


def test_without_a_way_nothing_is_done() -> None:
    assert not Broker().known
    Broker().reload()


def test_a_command_is_run(tmp_path: Path) -> None:
    broker = Broker(("touch", str(tmp_path / "reloaded")))
    assert broker.known
    broker.reload()
    assert (tmp_path / "reloaded").exists()


def test_the_process_of_a_file_gets_sighup(tmp_path: Path) -> None:
    program = "import signal, sys; print(flush=True); sys.exit(signal.sigwait([signal.SIGHUP]))"
    mask = {signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, mask)
    try:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, mask)
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        (tmp_path / "pid").write_text(f"{child.pid}\n")
        Broker(pid_file=tmp_path / "pid").reload()
        assert child.wait(10) == signal.SIGHUP


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("no-such-command",), "'?no-such-command'?: cannot be run: No such file"),
        (("sh", "-c", "echo no right to do that >&2; exit 4"), "ended with status 4 no right to do that"),
    ],
)
def test_a_command_that_fails_is_told(command: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadSetup, match=said) as caught:
        Broker(command).reload()
    assert "may still connect" in caught.value.hint


@pytest.mark.parametrize(("text", "said"), [("", "no process number"), ("x", "no process number"), ("1", "no process")])
def test_a_file_without_a_number_is_told(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pid").write_text(text)
    with pytest.raises(BadSetup, match=said):
        Broker(pid_file=tmp_path / "pid").reload()


def test_a_process_that_is_gone_is_told(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    (tmp_path / "pid").write_text(str(child.pid))
    with pytest.raises(BadSetup, match="cannot be told: No such process"):
        Broker(pid_file=tmp_path / "pid").reload()
