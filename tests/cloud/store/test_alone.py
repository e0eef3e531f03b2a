"""One aggregator per database, over either kind."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.domain.errors import BadSetup
from cloud.store.database import Database
from tests.helpers.programs import wait_for
from tests.helpers.uplinks import SetClock

_HOLDER = """
import sys, time
from cloud.store.database import Database
from tests.helpers.uplinks import SetClock
with Database(sys.argv[1], SetClock(), alone=True):
    print("held", flush=True)
    time.sleep(60)
"""


def free(url: str) -> bool:
    try:
        with Database(url, SetClock(), alone=True):
            return True
    except BadSetup:
        return False


def test_a_second_aggregator_is_refused_while_commands_are_not(database_url: str) -> None:
    with Database(database_url, SetClock(), alone=True):
        with pytest.raises(BadSetup, match="another aggregator is at work on this database") as refused:
            Database(database_url, SetClock(), alone=True).__enter__()
        assert "stop the other" in refused.value.hint
        with Database(database_url, SetClock()) as command, command.write():
            pass
    assert free(database_url)


def test_the_lock_of_a_killed_aggregator_is_free_at_once(database_url: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, database_url], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert not free(database_url)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        if holder.stdout is not None:
            holder.stdout.close()
    wait_for("the lock", lambda: free(database_url), timeout_s=2)


def test_another_name_of_the_file_is_the_same_database_and_a_restored_copy_too(tmp_path: Path) -> None:
    file = tmp_path / "fleet.db"
    with Database(f"sqlite:///{file}", SetClock(), alone=True):
        (tmp_path / "link.db").symlink_to(file)
        assert not free(f"sqlite:///{tmp_path / 'link.db'}")
        shutil.copy(file, tmp_path / "copy.db")
        assert free(f"sqlite:///{tmp_path / 'copy.db'}")
    shutil.move(tmp_path / "copy.db", file)
    assert free(f"sqlite:///{file}")


def test_a_folder_in_which_no_lock_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleet.db.lock").mkdir()
    with pytest.raises(BadSetup, match=r"fleet\.db\.lock: cannot be written"):
        Database(f"sqlite:///{tmp_path / 'fleet.db'}", SetClock(), alone=True).__enter__()
